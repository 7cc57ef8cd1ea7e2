"""Real decoders on made files: every frame is the one it says, and no file, however odd, stops the others."""

import os
import re
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from extract import video_decord, video_pyav
from extract.decode import EarlyEndError
from extract.video import open_video
from tests.decoders import decoders, decoding_pools, fail, numbers
from tests.made_videos import KINDS, draw_frame, read_number, walking_persons, write_video

NUM_FRAMES = 100
# the whole, a clock's pairs, one at either end, gaps, the last frames
WANTED = {
    "all": range(NUM_FRAMES),
    "pairs": sorted({n for start in range(1, 97, 12) for n in (start, start + 1)}),
    "first": [0],
    "last": [NUM_FRAMES - 1],
    "gaps": [0, 3, 50, 51, 99],
    "second half": range(50, NUM_FRAMES),
    "none": [],
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    frames = walking_persons(NUM_FRAMES)
    return {kind: write_video(folder / kind.replace(" ", "_"), frames, kind=kind) for kind in KINDS}


@pytest.fixture
def pool():
    with decoding_pools() as make:
        yield make


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_the_one_asked_for(videos, kind, wanted):
    assert numbers(open_video(videos[kind]).frames(wanted)) == list(wanted)
    assert numbers(video_pyav.read_frames(videos[kind], wanted)) == list(wanted)


@pytest.mark.parametrize("kind", ["mpeg4", "mjpeg"])
def test_both_decoders_give_the_same_pixels(videos, kind):
    ours = dict(video_decord.read_frames(videos[kind], WANTED["gaps"]))
    theirs = dict(video_pyav.read_frames(videos[kind], WANTED["gaps"]))

    assert list(ours) == list(theirs) == WANTED["gaps"]
    for number in ours:
        np.testing.assert_array_equal(ours[number], theirs[number])


def test_decord_skips_wrongly_where_frames_are_stored_in_another_order(videos):
    # why those streams go to PyAV; if this fails, decord has learned it
    found = video_decord.read_frames(videos["mpeg4 with B-frames"], WANTED["pairs"])

    assert any(read_number(frame) != number for number, frame in found)


@pytest.mark.parametrize(
    ("kind", "decoder"),
    [
        ("mpeg4", "decord"),
        ("mjpeg", "decord"),
        ("h264", "decord"),
        ("vp9", "decord"),
        ("hevc", "pyav"),
        ("mpeg4 with B-frames", "pyav"),
        ("h264 with B-frames", "pyav"),
    ],
)
def test_streams_with_b_frames_go_to_pyav(videos, kind, decoder):
    video = open_video(videos[kind])

    assert video.decoder == decoder
    assert (video.facts.num_frames, video.facts.fps) == (NUM_FRAMES, 30)
    assert (video.facts.width, video.facts.height) == (64, 48)
    assert not video.is_short


@pytest.mark.parametrize("kind", KINDS)
def test_through_the_pool(videos, pool, kind):
    video = pool(plan=lambda facts: [0, 7, facts.num_frames - 1]).submit(videos[kind])

    assert video.facts.num_frames == NUM_FRAMES
    assert numbers(video.frames()) == [0, 7, NUM_FRAMES - 1]
    assert re.fullmatch("[0-9a-f]{64}", video.sha256)


def test_videos_side_by_side(videos, pool):
    decoding = pool(num_workers=3)
    submitted = [decoding.submit(path) for path in [*videos.values()] * 3]

    assert [numbers(video.frames()) for video in reversed(submitted)] == [list(range(NUM_FRAMES))] * len(
        submitted
    )


@pytest.mark.parametrize(
    ("quarter_turns", "matrix"), [(3, (0, 1, -1, 0)), (1, (0, -1, 1, 0)), (2, (-1, 0, 0, -1))]
)
def test_phones_film_upright(videos, tmp_path, quarter_turns, matrix):
    data = bytearray(videos["h264 with B-frames"].read_bytes())
    place = data.index(b"tkhd") + 44  # ISO 14496-12: the track's matrix, 16.16 fixed point
    a, b, c, d = (value * 65536 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(data)
    video = open_video(tmp_path / "turned.mp4")

    _, frame = next(video.frames([5]))
    _, lying = next(open_video(videos["h264 with B-frames"]).frames([5]))

    assert frame.shape == (video.facts.height, video.facts.width, 3)
    np.testing.assert_array_equal(frame, np.rot90(lying, quarter_turns))


@pytest.mark.parametrize("kind", ["h264", "h264 with B-frames", "hevc", "vp9"])
def test_variable_frame_rate(tmp_path, pool, kind):
    """Frames count as they come, however long each is shown: a phone slows down in the dark."""
    times = [number if number < 40 else 40 + 3 * (number - 40) for number in range(NUM_FRAMES)]
    path = write_video(tmp_path / "phone", walking_persons(NUM_FRAMES), kind=kind, times=times)
    video = pool().submit(path)

    assert numbers(video.frames()) == list(range(NUM_FRAMES))
    assert video.facts.num_frames == NUM_FRAMES


# odd files


def cut(path: Path, target: Path, share: float) -> Path:
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def test_files_that_are_no_video(videos, pool, tmp_path):
    (tmp_path / "empty.avi").write_bytes(b"")
    (tmp_path / "text.avi").write_text("a text file\n" * 50)
    (tmp_path / "text.txt").write_text("a text file\n" * 50)
    (tmp_path / "zeros.avi").write_bytes(bytes(5000))
    (tmp_path / "folder.avi").mkdir()
    cut(videos["h264 with B-frames"], tmp_path / "index lost.mp4", 0.5)
    expected = {
        "empty.avi": "the file is empty",
        "text.avi": "no video that FFmpeg knows",
        "text.txt": "a text file; expected a video",
        "zeros.avi": "no video that FFmpeg knows",
        "folder.avi": "Is a directory",
        "index lost.mp4": "no video that FFmpeg knows",
        "missing.avi": "No such file or directory; expected a video file there",
    }
    decoding = pool()

    for name, reason in expected.items():
        message, status = fail(decoding.submit(tmp_path / name))
        assert reason in message
        assert str(tmp_path / name) in message
        assert status == "decode_error"
    assert numbers(decoding.submit(videos["mpeg4"]).frames()) == list(range(NUM_FRAMES))
    assert len(decoders()) == 1  # one process for all of them


@pytest.mark.parametrize("kind", ["mpeg4", "mpeg4 with B-frames", "mjpeg"])
def test_truncated_file_gives_what_is_left(videos, pool, tmp_path, kind):
    path = cut(videos[kind], tmp_path / "cut.avi", 0.7)
    decoding = pool()
    video = decoding.submit(path)
    try:
        found = dict(video.frames())
    except EarlyEndError:
        video = decoding.submit(path, again=True, use_pyav=True)
        found = dict(video.frames())

    assert list(found) == list(range(video.facts.num_frames))
    assert 40 < len(found) < 80
    # the last packet is torn, and a B-frame follows the frame that it is shown before
    assert [read_number(frame) for frame in found.values()][:-3] == list(found)[:-3]
    assert video.is_short
    assert video.header_frames == NUM_FRAMES


def test_damage_in_the_middle_costs_frames_at_most(videos, pool, tmp_path):
    data = bytearray(videos["mjpeg"].read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    (tmp_path / "damaged.avi").write_bytes(data)
    video = pool().submit(tmp_path / "damaged.avi", use_pyav=True)

    assert [number for number, _ in video.frames()] == list(range(video.facts.num_frames))
    assert video.facts.num_frames > NUM_FRAMES / 2


def test_name_that_is_no_utf8(videos, pool, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe name.avi"))
    path.write_bytes(videos["mjpeg"].read_bytes())

    assert numbers(pool().submit(path).frames()) == list(range(NUM_FRAMES))


def test_stream_that_changes_its_size(pool, tmp_path, monkeypatch):
    # a transport stream goes on where another one is appended
    monkeypatch.setitem(KINDS, "transport stream", (".ts", *KINDS["h264 with B-frames"][1:]))
    halves = [
        write_video(tmp_path / str(width), [np.zeros((48, width, 3), np.uint8)] * 20, kind="transport stream")
        for width in (64, 96)
    ]
    (tmp_path / "both.ts").write_bytes(b"".join(path.read_bytes() for path in halves))
    decoding = pool()
    video, after = decoding.submit(tmp_path / "both.ts"), decoding.submit(halves[1])

    message, status = fail(video)

    assert status == "decode_error"
    assert f"{tmp_path}/both.ts: frame 20 has 96x48 pixels, expected 64x48" in message
    assert {frame.shape for _, frame in after.frames()} == {(48, 96, 3)}


def test_video_too_long_for_decord_goes_to_pyav(videos, monkeypatch):
    frame_bytes = 64 * 48 * 3
    for most, decoder in ((NUM_FRAMES, "decord"), (NUM_FRAMES - 1, "pyav")):
        monkeypatch.setattr("extract.video._DECORD_MOST_BYTES", most * frame_bytes)
        video = open_video(videos["mpeg4"])

        assert video.decoder == decoder
        assert numbers(video.frames(range(NUM_FRAMES))) == list(range(NUM_FRAMES))


def test_file_with_fewer_frames_than_counted(videos, pool):
    video = pool(plan=lambda facts: [0, 1, facts.num_frames + 5]).submit(videos["mpeg4"])

    with pytest.raises(EarlyEndError, match="after 2 of the 3 frames"):
        list(video.frames())


def test_frames_show_their_number():
    # the tests above stand on it
    assert [read_number(draw_frame(number)) for number in range(256)] == list(range(256))
    assert threading.active_count() < 20
