"""Clips that are parts of a video: the right frames, equal to those read front to back, and no others."""

import itertools
import struct
from functools import cache

import av
import numpy as np
import pytest

from extract import video_pyav
from extract.boxes_file import BoxesFile
from extract.decode import DecodePool
from extract.errors import VideoError
from extract.pipeline import Extractor
from extract.schedule import Scheduler
from extract.video import open_video
from store.reader import open_store
from store.table import ClipEntry, parse_table
from tests.fake_extraction import extract
from tests.fakes import FakePose, extract_one, fake_extractor
from tests.made_videos import KINDS, read_number, walking_persons, write_video

NUM_FRAMES = 100
GOP = 12
H264 = ("libx264", "yuv420p", {"bf": "3", "b_strategy": "0", "crf": "10", "g": str(GOP)})
OPEN = (
    "libx264",
    "yuv420p",
    {"bf": "3", "b_strategy": "0", "crf": "10", "x264-params": f"open-gop=1:keyint={GOP}:min-keyint={GOP}"},
)
HEVC = ("libx265", "yuv420p", {"crf": "10", "x265-params": f"log-level=none:bframes=3:keyint={GOP}"})
# with a key frame every second or so, and found by time
INDEXED = {
    "mpeg4": KINDS["mpeg4"],
    "mpeg4 with B-frames": KINDS["mpeg4 with B-frames"],
    "mjpeg": KINDS["mjpeg"],
    "h264 in mp4": (".mp4", *H264),
    "h264 in mkv": (".mkv", *H264),
    "h264 whose groups refer to each other": (".mp4", *OPEN),
    "hevc in mp4": (".mp4", *HEVC),
    "vp9": (".webm", "libvpx-vp9", "yuv420p", {"crf": "10", "g": str(GOP)}),
}
# times are guessed, packets may show nothing, key frames are not found
FROM_THE_FRONT = {
    "h264 in avi": (".avi", *H264),
    "h264 in ts": (".ts", *H264),
    "vp8": (".webm", "libvpx", "yuv420p", {"crf": "10", "b": "1M", "g": str(GOP)}),
}
INTERVALS = [(0, 5), (1, 9), (11, 14), (12, 24), (40, 77), (95, 100), (99, 100), (60, None)]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intervals")
    frames = walking_persons(NUM_FRAMES)
    with pytest.MonkeyPatch.context() as patch:
        for kind, how in (INDEXED | FROM_THE_FRONT).items():
            patch.setitem(KINDS, kind, how)
        return {
            kind: write_video(folder / kind.replace(" ", "_"), frames, kind=kind)
            for kind in INDEXED | FROM_THE_FRONT
        }


@cache
def front_to_back(path):
    return [frame for _, frame in video_pyav.read_frames(path, range(NUM_FRAMES))]


def equal_to_the_front(path, first, end):
    """Check every frame of an interval against the whole video, decoded front to back."""
    whole = front_to_back(path)
    video = open_video(path, interval=(first, end))
    expected = whole[first:end]
    assert (video.decoder, video.facts.num_frames, video.is_short) == ("pyav", len(expected), False)

    found = list(video.frames(range(len(expected))))

    assert [number for number, _ in found] == list(range(len(expected)))
    for number, frame in found:
        assert read_number(frame) == first + number
        np.testing.assert_array_equal(frame, expected[number])


@pytest.mark.parametrize(("first", "end"), INTERVALS)
@pytest.mark.parametrize("kind", INDEXED)
def test_frames_are_those_read_front_to_back(videos, kind, first, end):
    assert open_video(videos[kind], interval=(first, end)).index is not None

    equal_to_the_front(videos[kind], first, end)


@pytest.mark.parametrize(("first", "end"), [(0, 5), (40, 77), (95, None)])
@pytest.mark.parametrize("kind", FROM_THE_FRONT)
def test_without_times_that_can_be_trusted_it_is_read_from_the_front(videos, kind, first, end):
    assert open_video(videos[kind], interval=(first, end)).index is None

    equal_to_the_front(videos[kind], first, end)


@pytest.mark.parametrize("kind", INDEXED)
def test_some_frames_of_an_interval(videos, kind):
    video = open_video(videos[kind], interval=(50, 90))

    assert [(n, read_number(frame)) for n, frame in video.frames([0, 3, 4, 39])] == [
        (0, 50),
        (3, 53),
        (4, 54),
        (39, 89),
    ]
    assert list(video.frames([])) == []


@pytest.mark.parametrize("kind", [kind for kind in INDEXED if "mpeg4" not in kind])
def test_only_the_interval_is_decoded(videos, kind, monkeypatch):
    video = open_video(videos[kind], interval=(70, 75))
    decode, num_decoded = video_pyav._decode, itertools.count()

    def counted(*arguments):
        for frame in decode(*arguments):
            next(num_decoded)
            yield frame

    monkeypatch.setattr(video_pyav, "_decode", counted)

    assert len(list(video.frames(range(5)))) == 5
    assert next(num_decoded) <= 5 + GOP


def test_container_that_lands_on_an_earlier_key_frame(videos, monkeypatch):
    video, decode = open_video(videos["h264 in mkv"], interval=(70, 75)), video_pyav._decode
    monkeypatch.setattr(video_pyav, "_decode", lambda path, key: decode(path))

    assert [read_number(frame) for _, frame in video.frames(range(5))] == list(range(70, 75))


@pytest.mark.parametrize(("first", "end"), [(0, 5), (3, 20), (40, None)])
def test_video_that_was_trimmed_without_coding_it_again(videos, tmp_path, first, end):
    # the frames before and after are in the file, as players' "trim" leaves them, and are not shown
    data = bytearray(videos["h264 in mp4"].read_bytes())
    place = data.index(b"elst") + 12  # ISO 14496-12: duration in ms, and where in the stream it begins
    _, begin = struct.unpack_from(">Ii", data, place)
    struct.pack_into(">Ii", data, place, 2000, begin + 5 * 512)
    (tmp_path / "trimmed.mp4").write_bytes(data)
    shown = list(range(5, 65))
    video = open_video(tmp_path / "trimmed.mp4", interval=(first, end))

    assert video.index is not None
    assert video.facts.num_frames == len(shown[first:end])
    frames = video.frames(range(video.facts.num_frames))
    assert [read_number(frame) for _, frame in frames] == shown[first:end]


def test_stream_that_was_cut_in_front_of_a_key_frame(videos, tmp_path):
    # its first frames refer to a key frame that is gone: nobody can show them, and they are not counted
    path = tmp_path / "cut.mkv"
    source = videos["h264 whose groups refer to each other"]
    with av.open(str(source)) as whole, av.open(str(path), "w") as cut:
        stream = cut.add_stream_from_template(whole.streams.video[0])
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        place = [n for n, packet in enumerate(packets) if packet.is_keyframe][2]
        assert packets[place + 2].pts < packets[place].pts
        for packet in packets[place:]:
            packet.stream = stream
            cut.mux(packet)
    shown = [read_number(frame) for _, frame in video_pyav.read_frames(path, range(NUM_FRAMES))]
    assert shown == list(range(NUM_FRAMES - len(shown), NUM_FRAMES))

    for first, end in [(0, 3), (20, 30), (50, 52)]:
        video = open_video(path, interval=(first, end))
        frames = video.frames(range(end - first))
        assert video.index is not None
        assert [read_number(frame) for _, frame in frames] == shown[first:end]


def test_part_of_a_turned_video_is_upright(videos, tmp_path):
    data = bytearray(videos["h264 in mp4"].read_bytes())
    place = data.index(b"tkhd") + 44  # ISO 14496-12: the track's matrix, 16.16 fixed point
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(data)
    video = open_video(tmp_path / "turned.mp4", interval=(70, 80))

    [(_, frame)] = video.frames([5])

    assert frame.shape == (video.facts.height, video.facts.width, 3) == (64, 48, 3)
    np.testing.assert_array_equal(frame, np.rot90(front_to_back(videos["h264 in mp4"])[75], 3))


def test_times_that_lie_end_the_reading_and_not_the_numbering(videos):
    # frame 60 of the index is none of the video: what comes after it cannot be numbered
    video = open_video(videos["h264 in mp4"], interval=(50, 80))
    video.index.times.insert(60, video.index.times[60] - 1)

    found = [read_number(frame) for _, frame in video.frames(range(30))]

    assert found == list(range(50, 60))


@pytest.mark.parametrize(
    ("interval", "problem"),
    [
        (
            (100, 120),
            r"frames 100 to 120 \(not included\) of a video of 100 frames are none; correct the clip",
        ),
        ((100, None), "frames 100 to the end of a video of 100 frames"),
        ((30, 30), r"frames 30 to 30 \(not included\)"),
        ((30, 20), "frames 30 to 20"),
        ((-1, 20), "frames -1 to 20"),
    ],
)
@pytest.mark.parametrize("kind", ["mjpeg", "vp8"])
def test_interval_without_a_frame_is_an_error(videos, kind, interval, problem):
    with pytest.raises(VideoError, match=problem) as caught:
        open_video(videos[kind], interval=interval)

    assert str(videos[kind]) in str(caught.value)
    assert caught.value.status == "error"


def test_frames_that_nobody_wants_are_a_sign_of_life(videos):
    signs = []
    video = open_video(videos["vp8"], interval=(90, 92))

    list(video.frames([0, 1], lambda: signs.append(1)))

    assert len(signs) >= 90


def test_through_the_pool(videos):
    with DecodePool(num_workers=1, limit_seconds=20, plan=lambda facts: range(facts.num_frames)) as pool:
        parts = [pool.submit(videos["h264 in mp4"], interval=(first, first + 10)) for first in (80, 0, 95)]
        shown = [[read_number(frame) for _, frame in part.frames()] for part in parts]

    assert shown == [list(range(80, 90)), list(range(10)), list(range(95, 100))]
    assert len({part.sha256 for part in parts}) == 1


# into a store


@pytest.fixture(scope="module")
def done(videos, tmp_path_factory):
    """A store of parts of two videos, and their entries."""
    folder = videos["mjpeg"].parent
    first, second = videos["h264 in mp4"].name, videos["vp8"].name
    entries = [
        ClipEntry("whole", first, "walk"),
        ClipEntry("part", first, "walk", first_frame=20, end_frame=50),
        ClipEntry("over", first, "walk", first_frame=90, end_frame=120),
        ClipEntry("rest", second, "walk", first_frame=70),
        ClipEntry("outside", first, "walk", first_frame=100, end_frame=120),
        ClipEntry("expected", first, "walk", first_frame=10, end_frame=20, num_frames=12),
    ]
    store = tmp_path_factory.mktemp("stores") / "parts"
    extract(folder, store, entries=entries, every=entries)
    return store, entries


def test_parts_become_clips(done):
    store, entries = done
    rows = parse_table((store / "clips.jsonl").read_text())
    found = {row.entry.id: row.outcome for row in rows}

    assert [row.entry for row in rows] == entries
    assert {clip: (outcome.status, outcome.num_frames) for clip, outcome in found.items()} == {
        "whole": ("ok", 100),
        "part": ("ok", 30),
        "over": ("short", 10),
        "rest": ("ok", 30),
        "outside": ("error", None),
        "expected": ("short", 10),
    }
    assert found["over"].reason == "frames 90 to 120 are the clip, the video has 100: cut there"
    assert "frames 100 to 120 (not included) of a video of 100 frames" in found["outside"].reason
    assert found["expected"].reason == "has 10 frames, the dataset says 12"


def test_damage_in_a_part_costs_frames_at_most(videos, tmp_path):
    data = bytearray(videos["mjpeg"].read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "damaged.avi").write_bytes(data)
    entries = [
        ClipEntry("before", "damaged.avi", "walk", first_frame=0, end_frame=20),
        ClipEntry("around", "damaged.avi", "walk", first_frame=30, end_frame=70),
    ]
    extract(tmp_path / "videos", tmp_path / "store", entries=entries, every=entries)
    found = [row.outcome for row in open_store(str(tmp_path / "store")).rows]

    assert [(outcome.status, outcome.num_frames) for outcome in found] == [("ok", 20), ("ok", 40)]


def test_frame_numbers_are_the_clips_own(done):
    reader = open_store(str(done[0]))

    assert reader.read("frame_positions", "part").min() == 0
    assert reader.read("frame_positions", "part").max() < 30
    assert reader.read("frames/person_indices", "part").max() == 29
    # green is the number in the picture: the part begins with the video's frame 20
    assert reader.pooled("part", "colour")[0, 0, 0, 1] == pytest.approx(20, abs=8)
    assert reader.pooled("part", "colour")[-1, 0, 0, 1] == pytest.approx(49, abs=8)
    # the person walks a pixel per frame
    assert reader.keypoints("part")[0, 0, 0, 0] == pytest.approx(8 + 20, abs=1)


def test_a_part_is_what_its_frames_are_as_a_video(videos):
    extractor = fake_extractor()
    path = videos["h264 in mp4"]
    frames = [frame for _, frame in video_pyav.read_frames(path, range(30, 60))]
    entry = ClipEntry("clip", path.name, first_frame=30, end_frame=60)
    with DecodePool(num_workers=1, limit_seconds=20, plan=extractor.frames_wanted) as pool:
        video = pool.submit(path, interval=entry.interval)
        stages = lambda: extractor.stages(entry, lambda _: video)  # noqa: E731
        [(_, part)] = Scheduler(extractor.networks(), max_active=1, news=pool.news).run([("clip", stages)])
    alone = extract_one(extractor, frames)

    for name in alone.arrays:
        np.testing.assert_array_equal(part.arrays[name], alone.arrays[name], err_msg=name)


def test_boxes_of_a_file_begin_with_the_clip(videos, tmp_path):
    (tmp_path / "boxes.json").write_text(
        '{"clip": [' + ", ".join(f"[{n}, 0, {n + 20}, 40]" for n in range(10)) + "]}"
    )
    fake = fake_extractor(clock=10, persons="top1")
    extractor = Extractor(None, BoxesFile(tmp_path / "boxes.json"), FakePose(), fake.config)
    entry = ClipEntry("clip", "a.avi", first_frame=60, end_frame=70)
    with DecodePool(num_workers=1, limit_seconds=20, plan=extractor.frames_wanted) as pool:
        video = pool.submit(videos["mjpeg"], interval=entry.interval)
        stages = lambda: extractor.stages(entry, lambda _: video)  # noqa: E731
        [(_, part)] = Scheduler(extractor.networks(), max_active=1, news=pool.news).run([("clip", stages)])

    assert part.arrays["boxes"][:, 0, 0].tolist() == list(range(10))
