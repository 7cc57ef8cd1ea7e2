"""Whatever happens around a clip: its neighbours, its decoders, and files that are not what was expected."""

import hashlib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import pytest

from extract.boxes_file import WholeFrame
from extract.decode import DecodePool, EarlyEndError
from extract.errors import VideoError
from extract.pipeline import Extractor
from extract.schedule import Scheduler
from store.table import ClipEntry
from tests.fakes import FakePose, FakeVideo, extract_clips, extract_one, fake_extractor, find_rectangles
from tests.made_videos import draw_frame, walking_persons, write_video
from tests.pipeline_by_hand import crossing, person_at, same, two_persons

CLIPS = {
    "walker": walking_persons(75),
    "crossing": crossing(),
    "nobody": [draw_frame(number) for number in range(20)],
    "short": walking_persons(3),
    "late": [draw_frame(number) if number < 50 else person_at(9, number) for number in range(100)],
    "wide": [np.pad(frame, ((0, 0), (0, 32), (0, 0))) for frame in walking_persons(70)],
}


@pytest.fixture(scope="module")
def apart():
    return {key: extract_one(fake_extractor(), frames) for key, frames in CLIPS.items()}


@pytest.mark.parametrize("max_active", [1, 2, 6])
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("batches", [(1, 1), (4, 4), (7, 13)])
def test_clips_do_not_feel_their_neighbours(apart, max_active, is_reversed, batches):
    order = list(CLIPS)[:: -1 if is_reversed else 1]
    extractor = fake_extractor(detect_batch=batches[0], pose_batch=batches[1])
    together = extract_clips(extractor, {key: CLIPS[key] for key in order}, max_active=max_active)

    assert set(together) == set(CLIPS)
    for key, clip in together.items():
        same(clip, apart[key])


@pytest.mark.parametrize("clock", [64, "native"])
def test_number_of_decoders_changes_nothing(tmp_path, clock):
    kinds = ["mpeg4", "h264 with B-frames", "mjpeg"]
    paths = [
        write_video(tmp_path / str(place), walking_persons(40 + 20 * place), kind=kind)
        for place, kind in enumerate(kinds)
    ]
    results = []
    for num_decoders in (1, 3):
        extractor = fake_extractor(clock=clock)
        with DecodePool(num_workers=num_decoders, limit_seconds=20, plan=extractor.frames_wanted) as pool:

            def begin(path, extractor=extractor, pool=pool):
                entry = ClipEntry(path.name, path.name)
                return extractor.stages(entry, lambda use_pyav: pool.submit(path, use_pyav=use_pyav))

            clips = [(path.name, partial(begin, path)) for path in paths]
            results.append(
                dict(Scheduler(extractor.networks(), max_active=num_decoders, news=pool.news).run(clips))
            )

    assert [clip.outcome.status for clip in results[0].values()] == ["ok"] * len(kinds)
    for key, clip in results[0].items():
        same(clip, results[1][key])
        assert clip.outcome.source_sha256 == hashlib.sha256((tmp_path / key).read_bytes()).hexdigest()


def run_one(extractor, video, entry=None):
    entry = entry or ClipEntry("clip", "clip.avi")
    ((_, result),) = Scheduler(extractor.networks(), max_active=1).run(
        [("clip", lambda: extractor.stages(entry, lambda _: video))]
    )
    return result


def test_file_that_is_not_the_expected_one():
    entry = ClipEntry("clip", "clip.avi", sha256="AB" * 32)
    video = FakeVideo(walking_persons(10), sha256="cd" * 32)
    error = run_one(fake_extractor(), video, entry)

    assert isinstance(error, VideoError)
    assert error.status == "error"
    assert "clip.avi: the file's sha256 is cdcdcdcdcdcd…, the dataset says ABABABABABAB…" in str(error)
    assert video.was_cancelled  # or its decoder would wait for ever
    assert (
        run_one(fake_extractor(), FakeVideo(walking_persons(10), sha256="ab" * 32), entry).outcome.status
        == "ok"
    )


def test_boxes_that_are_missing_free_the_decoder(tmp_path):
    class NoBoxes:
        meaning: Mapping[str, object] = MappingProxyType({})

        def boxes(self, clip_id, frame, image_wh):
            raise VideoError("no boxes", "error")

    fake = fake_extractor()
    video = FakeVideo(walking_persons(10))
    error = run_one(Extractor(None, NoBoxes(), fake.pose, fake.config), video)

    assert str(error) == "no boxes"
    assert video.was_cancelled


@pytest.mark.parametrize(
    ("expected", "header", "status", "reason"),
    [
        (10, 10, "ok", None),
        (8, 99, "ok", None),  # the dataset knows better than the header
        (12, 10, "short", "has 10 frames, the dataset says 12"),
        (None, 14, "short", "has 10 frames, its header says 14"),
        (None, 10, "ok", None),
    ],
)
def test_short(expected, header, status, reason):
    video = FakeVideo(walking_persons(10))
    video.header_frames, video.is_short = header, header > 12
    clip = run_one(fake_extractor(), video, ClipEntry("clip", "clip.avi", num_frames=expected))

    assert (clip.outcome.status, clip.outcome.reason) == (status, reason)
    assert clip.arrays["person_valid"].any()


def test_file_that_ends_early_is_counted_by_decoding():
    opened = []

    def open_video(count_by_decoding):
        opened.append(count_by_decoding)
        if count_by_decoding:
            return FakeVideo(walking_persons(30))
        return FakeVideo(walking_persons(40), range(30), error=EarlyEndError("ends early", "decode_error"))

    extractor = fake_extractor(persons="top1")
    ((_, clip),) = Scheduler(extractor.networks(), max_active=1).run(
        [("clip", lambda: extractor.stages(ClipEntry("clip", "clip.avi"), open_video))]
    )

    assert opened == [False, True]
    assert clip.outcome.num_frames == 30
    same(clip, extract_one(extractor, walking_persons(30)))


def test_second_decoding_that_fails_fails_the_clip():
    videos = [FakeVideo(walking_persons(9)), FakeVideo([], error=VideoError("died", "timeout"))]
    extractor = fake_extractor(clock="native")
    ((_, error),) = Scheduler(extractor.networks(), max_active=1).run(
        [("clip", lambda: extractor.stages(ClipEntry("clip", "clip.avi"), lambda _: videos.pop(0)))]
    )

    assert (str(error), error.status) == ("died", "timeout")


def test_whole_frame_needs_no_detector():
    fake = fake_extractor()
    extractor = Extractor(detector=None, boxes=WholeFrame(), pose=FakePose(), config=fake.config)
    arrays = extract_one(extractor, [draw_frame(number) for number in range(64)]).arrays

    np.testing.assert_array_equal(arrays["boxes"][:, 0], np.tile([0, 0, 64, 48], (64, 1)))
    assert extractor.networks().keys() == {"pose"}


def test_frames_of_another_kind_of_time():
    # a container that does not say its rate
    frames = walking_persons(70)
    clip = run_one(fake_extractor(), FakeVideo(frames, fps=0.0))

    assert clip.outcome.status == "ok"
    assert clip.outcome.fps == 0


def test_fake_finds_what_is_drawn():
    # the tests above stand on it
    found = find_rectangles(two_persons(99, x=(40, 3)))

    assert found.boxes_xyxy.tolist() == [[3, 18, 13, 42], [40, 16, 50, 40]]
    assert found.scores.tolist() == [0.75, 0.5]
