"""The long run, with fake networks and everything else real: failures, resuming, signals, kills."""

import contextlib
import os
import random
import shutil
import signal
import time

import numpy as np
import psutil
import pytest

from extract import run as run_module
from store.manifest import verify_store
from store.reader import open_store
from store.table import parse_table
from tests.fake_extraction import STOPPED, Runs, entries_of, extract
from tests.made_videos import draw_frame, walking_persons, write_video

NUM_KILLS = 20
GOOD = ("a", "c", "e", "g", "h")
BAD = {"b": "the file is empty", "d": "no video that FFmpeg knows", "f": "no video that FFmpeg knows"}


def write_good(folder, name, place=0):
    return write_video(folder / name, walking_persons(30 + 7 * place), kind=["mpeg4", "mjpeg"][place % 2])


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """Eight clips, three of them no videos."""
    folder = tmp_path_factory.mktemp("eight")
    for place, name in enumerate(GOOD):
        write_good(folder, name, place)
    (folder / "b.avi").write_bytes(b"")
    (folder / "d.avi").write_text("not a video\n" * 20)
    (folder / "f.avi").write_bytes(
        (folder / "a.avi").read_bytes()[:100]
    )  # nothing but the beginning of a header
    return folder


@pytest.fixture(scope="module")
def done(eight, tmp_path_factory):
    """A store of them, and what the run said; not to be written to."""
    store = tmp_path_factory.mktemp("stores") / "done"
    return store, extract(eight, store)


def content(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def table(store):
    return {row.entry.id: row.outcome for row in parse_table((store / "clips.jsonl").read_text())}


def decoders_of(process):
    return [child for child in process.children(recursive=True) if "extract.decode_worker" in child.cmdline()]


def test_the_good_clips_are_extracted(done):
    store, summary = done

    assert list(verify_store(store)) == []
    assert [clip for clip, outcome in table(store).items() if outcome.status == "ok"] == list(GOOD)
    reader = open_store(str(store))
    for place, clip in enumerate(GOOD):
        assert reader.row(clip).outcome.num_frames == 30 + 7 * place
        assert reader.person_valid(clip)[:, 0].all()
        assert len(reader.jpegs(clip, "person")) == 64
        # the person walks a pixel per frame, to the right up to frame 40 and back; coding blurs its borders
        middle = reader.keypoints(clip)[:, 0, 0, 0]
        assert middle[0] == pytest.approx(8, abs=1)
        assert middle[-1] == pytest.approx(8 + 40 - abs(40 - (29 + 7 * place)), abs=1)
    assert summary.num_new == 8
    assert not summary.was_stopped
    assert not decoders_of(psutil.Process())


def test_the_bad_ones_are_recorded(done):
    store, summary = done

    for clip, reason in BAD.items():
        outcome = table(store)[clip]
        assert outcome.status == "decode_error"
        assert reason in outcome.reason
        assert f"{clip}.avi" in outcome.reason
    assert summary.statuses == {"ok": 5, "decode_error": 3}
    assert summary.num_bad == 3
    assert summary.line().startswith("8 clips: 5 ok, 3 decode_error; 8 new with 220 frames in ")


def test_a_second_run_does_nothing(eight, done, tmp_path):
    store = shutil.copytree(done[0], tmp_path / "store")
    before = content(store)

    summary = extract(eight, store)

    assert summary.num_new == 0
    assert summary.num_bad == 3
    assert content(store) == before


def test_retry_failed_tries_again_what_failed(eight, done, tmp_path):
    videos = shutil.copytree(eight, tmp_path / "videos")
    store = shutil.copytree(done[0], tmp_path / "store")
    write_good(videos, "b")

    assert extract(videos, store).num_new == 0  # not without being asked
    summary = extract(videos, store, retry_failed=True)

    assert summary.num_new == 3
    assert summary.statuses == {"ok": 6, "decode_error": 2}
    assert list(verify_store(store)) == []
    assert table(store)["b"].status == "ok"
    reader, other = open_store(str(store)), open_store(str(done[0]))
    np.testing.assert_array_equal(reader.pooled("b", "ramp"), reader.pooled("a", "ramp"))
    for clip in GOOD:
        np.testing.assert_array_equal(reader.keypoints(clip), other.keypoints(clip))


def test_part_by_part(eight, done, tmp_path):
    entries = entries_of(eight)

    first = extract(eight, tmp_path / "store", entries=entries[2:5])
    assert table(tmp_path / "store")["a"].status == "pending"
    rest = extract(eight, tmp_path / "store")

    assert (first.num_new, rest.num_new) == (3, 5)
    assert {clip: one.status for clip, one in table(tmp_path / "store").items()} == {
        clip: one.status for clip, one in table(done[0]).items()
    }
    reader, other = open_store(str(tmp_path / "store")), open_store(str(done[0]))
    for clip in GOOD:
        np.testing.assert_array_equal(reader.pooled(clip, "colour"), other.pooled(clip, "colour"))


@pytest.mark.parametrize("num_decoders", [1, 3])
def test_number_of_decoders_changes_no_byte(eight, done, tmp_path, num_decoders):
    extract(eight, tmp_path / "store", num_decoders=num_decoders)

    assert content(tmp_path / "store") == content(done[0])


def test_clips_that_fail_half_way_do_not_use_up_the_decoders(tmp_path):
    # each has more frames than may wait decoded, and its digest is wrong; they outnumber the decoders
    (tmp_path / "videos").mkdir()
    frames = [np.zeros((720, 1280, 3), np.uint8)] * 60
    path = write_video(tmp_path / "videos" / "0", frames, kind="mjpeg")
    for number in range(1, 4):
        shutil.copy(path, path.with_stem(str(number)))
    write_good(tmp_path / "videos", "good")
    *wrong, good = entries_of(tmp_path / "videos")
    wrong = [type(one)(one.id, one.path, label="walk", sha256="0" * 64) for one in wrong]

    summary = extract(tmp_path / "videos", tmp_path / "store", entries=[*wrong, good], num_decoders=1)

    assert summary.statuses == {"error": 4, "ok": 1}


def test_our_own_mistakes_end_the_run_and_keep_what_is_done(eight, done, tmp_path, monkeypatch):
    class Unlucky(run_module.Progress):
        def advance(self, outcome):
            super().advance(outcome)
            if self._num_new == 3:
                raise ZeroDivisionError

    monkeypatch.setattr(run_module, "Progress", Unlucky)
    with pytest.raises(ZeroDivisionError):
        extract(eight, tmp_path / "store")
    monkeypatch.undo()

    assert not decoders_of(psutil.Process())
    assert extract(eight, tmp_path / "store").num_new == 5
    assert content(tmp_path / "store") == content(done[0])


# other processes


@pytest.fixture(scope="module")
def nine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nine")
    for place in range(7):
        write_good(folder, str(place), place % 3)
    write_video(folder / "nobody", [draw_frame(number) for number in range(10)], kind="mjpeg")
    (folder / "broken.avi").write_text("not a video\n" * 20)
    return folder


@pytest.fixture
def runs(nine):
    with Runs(nine) as runs:
        yield runs


@pytest.fixture(scope="module")
def uninterrupted(nine, tmp_path_factory):
    """What an uninterrupted run makes, and how long it takes."""
    store = tmp_path_factory.mktemp("uninterrupted") / "store"
    with Runs(nine) as runs:
        begin = time.monotonic()
        runs.begin(store)
        assert runs.end() == 0
        seconds = time.monotonic() - begin
    return content(store), seconds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_at_a_clips_border(runs, uninterrupted, tmp_path, number):
    store, spool = tmp_path / "store", tmp_path / "store.work" / "spool"
    process = psutil.Process(runs.begin(store))
    deadline = time.monotonic() + 20
    while not list(spool.glob("*.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    decoders = decoders_of(process)
    process.send_signal(number)

    assert runs.end() == STOPPED
    assert decoders
    assert not any(one.is_running() for one in decoders)
    assert 1 <= len(list(spool.glob("*.npz"))) < 9
    assert list(verify_store(store)) == []
    runs.begin(store)
    assert runs.end() == 0
    assert content(store) == uninterrupted[0]


def test_second_signal_stops_at_once(runs, uninterrupted, tmp_path):
    store = tmp_path / "store"
    process = psutil.Process(runs.begin(store))
    deadline = time.monotonic() + 20
    while not list((tmp_path / "store.work" / "spool").glob("*.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    with contextlib.suppress(psutil.NoSuchProcess):  # the second one ended it already
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)

    assert runs.end() != 0
    runs.begin(store)
    assert runs.end() == 0
    assert content(store) == uninterrupted[0]


def test_killed_at_random_moments(runs, uninterrupted, tmp_path):
    """Every store that is made in spite of kills has the bytes of one made without."""
    expected, seconds = uninterrupted
    dice = random.Random(0)
    num_kills = num_stores = 0
    store = tmp_path / "store"
    while num_kills < NUM_KILLS or store.exists():
        process = runs.begin(store)
        if num_kills < NUM_KILLS:
            # also in the last quarter, when units are packed
            time.sleep(dice.random() * seconds * 1.1)
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                os.kill(process, signal.SIGKILL)
        status = runs.end()
        num_kills += status == -signal.SIGKILL
        if status == 0:
            assert content(store) == expected
            num_stores += 1
            shutil.rmtree(store)
            shutil.rmtree(tmp_path / "store.work")
    assert num_stores >= 2
