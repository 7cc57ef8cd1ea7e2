"""What users feed it, one run over all of it: each clip has its status, and none harms another."""

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from extract.boxes_file import BoxesFile
from extract.clips import load_clips
from extract.config import DetectorConfig
from extract.detect_yolo import YoloDetector
from extract.errors import DatasetError
from extract.in_process import InProcess
from extract.pipeline import Extractor
from extract.pose_mmpose import MmposeEstimator
from extract.run import run_extraction
from store.errors import StoreDiskError
from store.facts import DatasetFacts, StoreFacts
from store.manifest import verify_store
from store.reader import open_store
from store.schema import Layout
from store.table import parse_table
from store.writer import StoreWriter
from tests.fake_extraction import entries_of
from tests.fakes import FakePose, fake_extractor
from tests.golden.test_hrnet_simcc import CONFIG
from tests.made_videos import draw_frame, walking_persons, write_video

# clip -> status, and what its reason says
EXPECTED = {
    "10 minutes": ("ok", None),
    "4k": ("ok", None),
    "nobody": ("no_person", "nobody in"),
    "one frame": ("ok", None),
    "pipe": ("timeout", "no frame for 2 s, the decoder was killed"),
    "portrait": ("ok", None),
    "sound": ("decode_error", "no video stream"),
    "text": ("decode_error", "no video that FFmpeg knows"),
    "truncated avi": ("short", "frames, its header says 60"),
    "truncated mp4": ("decode_error", "no video that FFmpeg knows"),
    "zero bytes": ("decode_error", "the file is empty"),
    "人 Übung 🏃": ("ok", None),
}


def make_videos(folder):
    people = walking_persons(60)
    # at 3 frames/s, so that it is quickly made; `make bench` has one of 1080p at 30
    write_video(folder / "10 minutes", (walking_persons(250) * 8)[:1800], kind="mjpeg", fps=3)
    large = np.zeros((2160, 3840, 3), np.uint8)
    large[400:2000, 1000:1800] = (255, 7, 0)
    write_video(folder / "4k", [large] * 5, kind="mjpeg")
    write_video(folder / "nobody", [draw_frame(number) for number in range(10)], kind="mpeg4")
    write_video(folder / "one frame", people[:1], kind="mpeg4")
    os.mkfifo(folder / "pipe.avi")
    upright = write_video(folder / "portrait", people, kind="h264 with B-frames")
    turn(upright)
    write_sound(folder / "sound.mp4")
    (folder / "text.mp4").write_text("not a video\n" * 20)
    for name, kind in (("truncated avi", "mjpeg"), ("truncated mp4", "h264 with B-frames")):
        path = write_video(folder / name, people, kind=kind)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    (folder / "zero bytes.mp4").write_bytes(b"")
    write_video(folder / "人 Übung 🏃", people, kind="mpeg4")


def turn(path):
    """Say in the file that it was filmed upright."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44  # ISO 14496-12: the track's matrix, 16.16 fixed point
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for place in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * place
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def extract(videos, store, entries, extractor, *, limit_seconds=20.0):
    dataset = DatasetFacts("made", "Made", ("walk",), {}, None, "Made for a test.", True, None)
    facts = StoreFacts(
        dataset, FakePose.skeleton, Layout(64, 2, 3, FakePose.taps, ("person",)), {"networks": "fake"}
    )
    workers = InProcess(
        extractor, videos=videos, execution={}, num_decoders=2, decode_limit_seconds=limit_seconds
    )
    with StoreWriter(store, facts, entries, {}) as writer, workers:
        return run_extraction(entries, workers=workers, writer=writer, retry_failed=False)


def table(store):
    return {row.entry.id: row.outcome for row in parse_table((store / "clips.jsonl").read_text())}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "videos").mkdir()
    make_videos(folder / "videos")
    extractor = fake_extractor(crops=("person",))
    extract(folder / "videos", folder / "store", entries_of(folder / "videos"), extractor, limit_seconds=2)
    return folder / "store"


def test_every_clip_has_its_status(done):
    found = table(done)

    assert {clip: one.status for clip, one in found.items()} == {
        clip: status for clip, (status, _) in EXPECTED.items()
    }
    for clip, (_, reason) in EXPECTED.items():
        assert found[clip].reason is None if reason is None else reason in found[clip].reason


def test_none_of_them_harms_the_others(done):
    assert list(verify_store(done)) == []
    found, store = table(done), open_store(str(done))

    assert found["10 minutes"].num_frames == 1800
    assert (found["4k"].width, found["4k"].height) == (3840, 2160)
    assert (found["portrait"].width, found["portrait"].height) == (48, 64)
    assert found["one frame"].num_frames == 1
    assert 20 < found["truncated avi"].num_frames < 50
    for clip, (status, _) in EXPECTED.items():
        if status == "ok":
            assert store.person_valid(clip)[:, 0].all(), clip
    np.testing.assert_allclose(store.read("boxes", "4k")[0, 0], (1000, 400, 1800, 2000), atol=2)


def test_thirty_people(tmp_path):
    """From a file of boxes; the clip keeps two of them, whom it does not mix up."""
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "crowd", [draw_frame(number) for number in range(40)], kind="mpeg4")
    boxes = [[2 * place, 10, 2 * place + (6 if place < 2 else 3), 40, 0.9] for place in range(30)]
    (tmp_path / "boxes.json").write_text(json.dumps({"crowd": [boxes] * 40}))
    fake = fake_extractor(crops=("person",))
    extractor = Extractor(None, BoxesFile(tmp_path / "boxes.json"), fake.pose, fake.config)

    extract(tmp_path / "videos", tmp_path / "store", entries_of(tmp_path / "videos"), extractor)

    assert table(tmp_path / "store")["crowd"].status == "ok"
    found = open_store(str(tmp_path / "store")).read("boxes", "crowd")
    assert found.shape == (64, 2, 4)
    assert (found == found[:1]).all()  # nobody moves


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("path,id\na.avi,same\nb.avi,same\n", "another clip with the id 'same'"),
        ("path,label\na.avi,walk\nb.avi,walk,run\n", "3 cells under 2 columns"),
    ],
)
def test_tables_that_contradict_themselves(tmp_path, lines, message):
    (tmp_path / "clips.csv").write_text(lines)

    with pytest.raises(DatasetError, match=message):
        load_clips(str(tmp_path / "clips.csv"))


def test_label_that_is_no_class(tmp_path):
    entries = entries_of(tmp_path)
    (tmp_path / "a.avi").write_bytes(b"")
    entries = [type(one)(one.id, one.path, label="fly") for one in entries_of(tmp_path)]

    with pytest.raises(ValueError, match="a: label 'fly' is none of the classes"):
        extract(tmp_path, tmp_path / "store", entries, fake_extractor(crops=("person",)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_folder_that_cannot_be_read(tmp_path):
    """As an ordinary user; root may read everything."""
    (tmp_path / "videos" / "walk").mkdir(parents=True)
    (tmp_path / "videos" / "walk" / "a.avi").write_bytes(b"")
    (tmp_path / "videos" / "walk").chmod(0)
    code = """
import os, sys
from extract.clips import load_clips
from extract.config import DetectorConfig
os.setuid(65534)
try:
    load_clips(sys.argv[1])
except OSError as error:
    print(error)
"""
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "videos")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    assert "Permission denied" in done.stdout
    assert "videos/walk" in done.stdout


@pytest.fixture
def small_disk(tmp_path):
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_says_so_and_the_run_goes_on_later(tmp_path, small_disk):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in "ab":
        write_video(videos / name, walking_persons(60), kind="mpeg4")
    extractor, entries = fake_extractor(crops=("person",)), entries_of(videos)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_900_000))

    with pytest.raises(StoreDiskError, match="No space left on device"):
        extract(videos, small_disk / "store", entries, extractor)

    ballast.unlink()
    assert extract(videos, small_disk / "store", entries, extractor).statuses == {"ok": 2}
    assert list(verify_store(small_disk / "store")) == []


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 6534387\n"


@pytest.mark.parametrize("content", [POINTER.encode(), b"PK\x03\x04" + bytes(3000), b""])
def test_weights_that_are_none(tmp_path, content):
    (tmp_path / "small.py").write_text(CONFIG)
    weights = tmp_path / "weights.pt"
    weights.write_bytes(content)

    with pytest.raises(ValueError, match=r"weights\.pt"):
        YoloDetector(weights, device="cpu", batch_size=1, config=DetectorConfig())
    with pytest.raises(ValueError, match=r"weights\.pt"):
        MmposeEstimator(tmp_path / "small.py", weights, taps=["simcc"], device="cpu", batch_size=1)
