"""The numerics contract (design, section 4) through all stages, on clips made for it."""

import hashlib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
import pytest
import torch

from extract.boxes_file import WholeFrame
from extract.config import DetectorConfig
from extract.crop import crop_affine, crop_jpeg, crop_person, to_source_pixels
from extract.decode import DecodePool, EarlyEndError
from extract.errors import VideoError
from extract.pipeline import Extractor
from extract.schedule import Scheduler
from store.checks import check_clip
from store.schema import Layout
from store.spool import SpooledClip
from store.table import ClipEntry
from tests.fakes import (
    FPS,
    FakePose,
    FakeVideo,
    extract_clips,
    extract_one,
    fake_extractor,
    find_rectangles,
)
from tests.made_videos import draw_frame, walking_persons, write_video

RAMP, COLOUR = "pooled/ramp", "pooled/colour"


def same(one, other):
    """Whether two clips have the same outcome and the same bits."""
    assert one.outcome == other.outcome
    assert list(one.arrays) == list(other.arrays)
    for name in one.arrays:
        np.testing.assert_array_equal(one.arrays[name], other.arrays[name], err_msg=name)
        assert one.arrays[name].dtype == other.arrays[name].dtype


def person_at(x, number):
    return draw_frame(number, [(0, (x, 16, x + 12, 40))])


def alone(frames, detector, pose):
    """Every frame by itself, in order: boxes, keypoints, scores and features of the most confident person."""
    rows = []
    for frame in frames:
        found = detector([frame] + [np.zeros_like(frame)] * (detector.batch_size - 1))[0]
        if not len(found):
            rows.append(None)
            continue
        box = found.boxes_xyxy[np.argmax(found.scores)]
        matrix = crop_affine(box, crop_wh=pose.crop_wh, affine=pose.affine)
        crops = np.zeros((pose.batch_size, *reversed(pose.crop_wh), 3), np.uint8)
        crops[0] = crop_person(frame, matrix, crop_wh=pose.crop_wh)
        batch = pose(torch.from_numpy(crops))
        rows.append(
            {
                "boxes": box,
                "keypoints": to_source_pixels(batch.keypoints[:1], matrix[None])[0],
                "keypoint_scores": batch.scores[0],
                **{tap: values[0] for tap, values in batch.pooled.items()},
            }
        )
    return rows


def around(num_frames, num_times):
    """Yield the two frames around each sample time, and the share of the second one (specs/hpnet.md A.6)."""
    for i in range(num_times):
        s = max(0, (i + 0.5) * num_frames / num_times - 0.5)
        i0 = int(s)
        i1 = min(i0 + 1, num_frames - 1) if s > i0 else i0
        yield i0, i1, np.float32(s - i0 if i1 > i0 else 0)


def on_the_clock(rows, name, num_times=64):
    """What a sample time gets, with the rule of absence, one by one."""
    values = [None if row is None else row[name] for row in rows]
    shape = next(value.shape for value in values if value is not None)
    resampled = np.zeros((num_times, *shape), np.float32)
    for i, (i0, i1, f) in enumerate(around(len(rows), num_times)):
        first, second = values[i0], values[i1]
        if first is not None and second is not None:
            resampled[i] = (1 - f) * first + f * second
        elif first is not None or second is not None:
            resampled[i] = first if first is not None else second
    return resampled


def equals_all_frames(frames, extractor):
    rows = alone(frames, extractor.detector, extractor.pose)
    clip = extract_one(extractor, frames)
    for name in ("boxes", "keypoints", "keypoint_scores"):
        np.testing.assert_array_equal(clip.arrays[name][:, 0], on_the_clock(rows, name), err_msg=name)
    for tap in extractor.pose.taps:
        expected = on_the_clock(rows, tap).astype(np.float16)
        np.testing.assert_array_equal(
            clip.arrays[f"pooled/{tap.replace('[', '@').rstrip(']')}"][:, 0], expected
        )
    times = list(around(len(frames), 64))
    seen = [row is not None for row in rows]
    assert clip.arrays["person_valid"].tolist() == [[seen[i0] or seen[i1]] for i0, i1, _ in times]
    for time, (i0, i1, f) in enumerate(times):
        near, far = (i1, i0) if f > 0.5 else (i0, i1)
        number = near if seen[near] else far if seen[far] else -1
        assert clip.arrays["frames/person_indices"][time] == number
        length = clip.arrays["frames/person_lengths"][time]
        expected_jpeg = b""
        if number >= 0:
            box = rows[number]["boxes"].astype(int)
            expected_jpeg = crop_jpeg(frames[number], box, crop_wh=(224, 224), quality=95).tobytes()
        assert clip.arrays["frames/person"][time, :length].tobytes() == expected_jpeg
        assert not clip.arrays["frames/person"][time, length:].any()


# one clip


def test_arrays_fit_the_store():
    extractor = fake_extractor()
    clip = extract_one(extractor, walking_persons(90))
    layout = Layout(64, 2, 3, extractor.pose.taps, ("person", "clip"))

    check_clip(SpooledClip("clip", clip.outcome, clip.arrays), layout)
    assert clip.outcome.status == "ok"
    assert (clip.outcome.num_frames, clip.outcome.fps, clip.outcome.num_persons) == (90, 30, 1)
    assert (clip.outcome.width, clip.outcome.height, clip.outcome.num_steps) == (64, 48, 64)


@pytest.mark.parametrize("num_frames", [1, 5, 63, 64, 65, 100, 127])
def test_features_are_those_of_the_sample_time(num_frames):
    # the person's green is the number of the frame, so between frames it is the sample time itself
    frames = [person_at(20, number) for number in range(num_frames)]
    arrays = extract_one(fake_extractor(), frames).arrays

    positions = np.clip((np.arange(64) + 0.5) * num_frames / 64 - 0.5, 0, num_frames - 1)
    np.testing.assert_allclose(arrays[COLOUR][:, 0, :, 1], np.tile(positions[:, None], 3), rtol=1e-3)
    np.testing.assert_array_equal(arrays[COLOUR][:, 0, :, 0], 255)
    np.testing.assert_allclose(
        arrays["frame_positions"], np.maximum(0, (np.arange(64) + 0.5) * num_frames / 64 - 0.5)
    )


def test_joints_and_pooled_values_by_hand():
    arrays = extract_one(fake_extractor(), [person_at(20, 0)] * 64).arrays

    # box 20..32 x 16..40 has the middle (26, 28); 24 high is wider in a crop of 3:4 (18); times 1.25 that is
    # 22.5 x 30
    np.testing.assert_array_equal(arrays["boxes"][:, 0], np.tile([20, 16, 32, 40], (64, 1)))
    expected = [[26, 28], [26 - 11.25, 28 - 15], [26 + 22.5 / 4, 28 + 30 / 4]]
    np.testing.assert_allclose(arrays["keypoints"][0, 0], expected, atol=1e-4)
    # a ramp of 7 x 5 cells: the middle is (3, 2), the corner (0, 0), three quarters (4.5, 3)
    assert arrays[RAMP][0, 0].tolist() == [[3, 2], [0, 0], [4.5, 3]]
    np.testing.assert_allclose(arrays["keypoint_scores"][0, 0], [0.5, 0.7, 0.9], atol=1e-6)


@pytest.mark.parametrize("num_frames", [1, 30, 64, 75, 100, 127, 129, 200, 300])
def test_64_clock_equals_processing_all_frames(num_frames):
    frames = [person_at(number % 50, number) for number in range(num_frames)]
    extractor = fake_extractor(persons="top1")

    equals_all_frames(frames, extractor)
    if num_frames > 128:  # where it may skip frames, it does
        assert len(extractor.frames_wanted(FakeVideo(frames).facts)) == 128


@pytest.mark.parametrize("num_frames", [120, 300])
def test_64_clock_equals_processing_all_frames_where_nobody_is_found(num_frames):
    random = np.random.default_rng(0)
    frames = [
        person_at(number % 50, number) if random.random() < 0.5 else draw_frame(number)
        for number in range(num_frames)
    ]

    equals_all_frames(frames, fake_extractor(persons="top1"))


def test_64_clock_looks_at_128_frames_at_most():
    frames = [person_at(number % 50, 0) for number in range(1000)]
    extractor = fake_extractor(persons="top1", detect_batch=1, pose_batch=1)
    extract_one(extractor, frames)

    assert extractor.detector.num_calls == extractor.pose.num_calls == 128


def test_tracked_looks_every_fifth_of_a_second_and_poses_on_the_clock_only():
    extractor = fake_extractor(detect_batch=1, pose_batch=1)
    frames = [person_at(20, 0)] * 1920
    wanted = extractor.frames_wanted(FakeVideo(frames).facts)
    extract_one(extractor, frames)

    assert max(np.diff(wanted)) <= 0.2 * FPS
    assert extractor.detector.num_calls == len(wanted)
    assert extractor.pose.num_calls == 128


# who is there when


def test_nobody_in_the_first_third():
    # 96 frames: sample times lie at 1.5 i + 0.25, and 32 is the first frame with somebody
    frames = [draw_frame(number) if number < 32 else person_at(20, number) for number in range(96)]
    arrays = extract_one(fake_extractor(), frames).arrays
    valid = arrays["person_valid"]

    # time 20 lies at 30.25 (frames 30, 31), time 21 at 31.75: of its frames 31 and 32 the second one speaks
    assert valid[:, 0].tolist() == [False] * 21 + [True] * 43
    assert not valid[:, 1].any()
    for name in (RAMP, COLOUR, "keypoints", "keypoint_scores", "boxes"):
        assert not arrays[name][~valid].any(), name
    np.testing.assert_array_equal(arrays[COLOUR][21, 0, 0], [255, 32, 0])
    np.testing.assert_allclose(arrays[COLOUR][22, 0, 0, 1], 33.25)
    assert arrays["frames/person_indices"].tolist()[:22] == [-1] * 21 + [32]
    assert arrays["frames/person_lengths"].tolist()[:21] == [0] * 21
    assert not arrays["frames/person"][:21].any()
    assert not arrays["frames/person_boxes"][:21].any()
    assert (arrays["frames/clip_indices"] >= 0).all()  # the clip's box is there always
    assert arrays["frames/clip_indices"][0] == 0


def two_persons(number, *, second=True, x=(8, 44)):
    persons = [(0, (x[0], 16, x[0] + 10, 40))]
    if second:
        persons.append((1, (x[1], 18, x[1] + 10, 42)))
    return draw_frame(number, persons)


def test_one_person_leaves():
    frames = [two_persons(number, second=number < 64) for number in range(96)]
    clip = extract_one(fake_extractor(), frames)
    valid, colour = clip.arrays["person_valid"], clip.arrays[COLOUR]

    assert clip.outcome.num_persons == 2
    assert valid[:, 0].all()
    # time 42 lies at 63.25: of frames 63 and 64 the first one speaks
    assert valid[:, 1].tolist() == [True] * 43 + [False] * 21
    assert colour[42, 1, 0].tolist() == [0, 63, 255]
    np.testing.assert_array_equal(clip.arrays["boxes"][42, 1], [44, 18, 54, 42])
    for name in (RAMP, COLOUR, "keypoints", "keypoint_scores", "boxes"):
        assert not clip.arrays[name][43:, 1].any()
    # the person crop is around both while both are there
    assert clip.arrays["frames/person_boxes"][0].tolist() == [8, 16, 54, 42]
    assert clip.arrays["frames/person_boxes"][-1].tolist() == [8, 16, 18, 40]


def crossing(num_frames=90):
    """The red one walks to the right, the blue one to the left and in front of the red one."""
    step = 44 / (num_frames - 1)
    return [
        two_persons(number, x=(5 + round(step * number), 49 - round(step * number)))
        for number in range(num_frames)
    ]


def test_two_persons_cross_and_stay_themselves():
    arrays = extract_one(fake_extractor(), crossing()).arrays
    red = arrays[COLOUR][:, :, 0, 0]
    valid = arrays["person_valid"]
    apart = np.abs(arrays["boxes"][:, 0, 0] - arrays["boxes"][:, 1, 0]) > 14
    slots = [int(red[0, slot] < 100) for slot in (0, 1)]  # 0 where the slot is the red one's at the beginning

    assert sorted(slots) == [0, 1]
    assert valid[apart].all()
    assert apart.sum() > 30
    for slot, who in enumerate(slots):
        assert (red[apart, slot] == (255, 0)[who]).all()
    # by confidence alone, here who is further left, they are exchanged
    by_score = extract_one(fake_extractor(persons="top2_by_score"), crossing()).arrays[COLOUR][:, :, 0, 0]
    assert by_score[0].tolist() == [255, 0]
    assert by_score[-1].tolist() == [0, 255]


def test_no_person():
    clip = extract_one(fake_extractor(), [draw_frame(number) for number in range(70)])

    assert clip.outcome.status == "no_person"
    assert "nobody in " in clip.outcome.reason
    assert clip.outcome.num_frames == 70
    assert clip.outcome.source_sha256
    assert clip.arrays == {}


# crops


def jpeg(arrays, crop, time):
    data = arrays[f"frames/{crop}"][time, : arrays[f"frames/{crop}_lengths"][time]]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_crops():
    frames = [person_at(10 + number // 4, number) for number in range(96)]
    arrays = extract_one(fake_extractor(), frames).arrays

    # 1.5 i + 0.25 and 1.5 i + 0.75 in turn: rounded to the nearest frame
    indices = np.rint(1.5 * np.arange(64) + 0.25).astype(int)
    np.testing.assert_array_equal(arrays["frames/person_indices"], indices)
    np.testing.assert_array_equal(arrays["frames/clip_indices"], indices)
    x = 10 + indices // 4
    np.testing.assert_array_equal(
        arrays["frames/person_boxes"], np.stack([x, 0 * x + 16, x + 12, 0 * x + 40], 1)
    )
    assert len({tuple(box) for box in arrays["frames/clip_boxes"].tolist()}) == 1
    for time in (0, 31, 63):
        picture = jpeg(arrays, "person", time)
        assert picture.shape == (224, 224, 3)
        # all of it is the person
        assert np.abs(picture.astype(int) - (255, frames[indices[time]][20, x[time], 1], 0)).max() <= 4
    assert jpeg(arrays, "clip", 0).shape == (224, 224, 3)
    lengths = arrays["frames/clip_lengths"]
    assert (lengths > 0).all()
    assert all(not row[length:].any() for row, length in zip(arrays["frames/clip"], lengths, strict=True))
    assert arrays["frames/clip"].shape[1] == lengths.max()


def test_clip_crop_is_square_around_all_keypoints():
    arrays = extract_one(fake_extractor(), [person_at(24, number) for number in range(64)]).arrays
    keypoints = arrays["keypoints"][:, 0].reshape(-1, 2)
    low, high = keypoints.min(0), keypoints.max(0)
    half = (high - low).max() / 2 * 1.25
    centre = (low + high) / 2

    expected = [*np.maximum(centre - half, 0), *np.minimum(centre + half, (64, 48))]
    assert arrays["frames/clip_boxes"][0].tolist() == [int(value) for value in expected]


@pytest.mark.parametrize("crops", [(), ("person",), ("clip",)])
def test_only_the_crops_that_are_kept(crops):
    arrays = extract_one(fake_extractor(crops=crops), walking_persons(70)).arrays

    assert {name.split("/")[1].split("_")[0] for name in arrays if name.startswith("frames/")} == set(crops)


# the native clock


def test_native_clock_is_every_frame():
    frames = [person_at(20, number) if number % 3 else draw_frame(number) for number in range(80)]
    arrays = extract_one(fake_extractor(clock="native", persons="top1"), frames).arrays

    somebody = np.arange(80) % 3 > 0
    np.testing.assert_array_equal(arrays["person_valid"][:, 0], somebody)
    np.testing.assert_array_equal(arrays[COLOUR][:, 0, 0, 1], np.where(somebody, np.arange(80), 0))
    np.testing.assert_array_equal(arrays["frame_positions"], np.arange(80))
    np.testing.assert_array_equal(arrays["frames/person_indices"], np.where(somebody, np.arange(80), -1))
    np.testing.assert_array_equal(arrays["frames/clip_indices"], np.arange(80))


def test_native_and_64_agree_on_64_frames():
    frames = crossing(64)

    same(extract_one(fake_extractor(clock="native"), frames), extract_one(fake_extractor(clock=64), frames))


# whatever happens around a clip


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


# real networks, random weights


@pytest.fixture(scope="module")
def real_parts(one_thread, tmp_path_factory):
    mmpose = pytest.importorskip("extract.pose_mmpose")
    yolo = pytest.importorskip("extract.detect_yolo")
    from tests.golden.test_hrnet_simcc import CONFIG

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    network = yolo.YOLO("yolov8n.yaml")
    network.model.names[0] = yolo.PERSON
    network.save(folder / "random.pt")
    (folder / "small.py").write_text(CONFIG)
    return (
        # random weights are sure of nothing
        yolo.YoloDetector(
            folder / "random.pt",
            device="cpu",
            batch_size=2,
            config=DetectorConfig(image_size=64, confidence=0),
        ),
        mmpose.MmposeEstimator(
            folder / "small.py", None, taps=["backbone.stage4.1[1]", "simcc"], device="cpu", batch_size=3
        ),
    )


@pytest.fixture
def real_extractor(real_parts):
    config = fake_extractor(clock=2, persons="top1", crops=()).config
    return Extractor(detector=real_parts[0], boxes=None, pose=real_parts[1], config=config)


def test_real_networks_do_not_feel_neighbours_either(real_extractor):
    random = np.random.default_rng(0)
    clips = {key: random.integers(0, 256, (5, 48, 64, 3), np.uint8) for key in "ab"}
    apart = {key: extract_one(real_extractor, frames) for key, frames in clips.items()}
    assert all(clip.outcome.status == "ok" for clip in apart.values())

    for order, max_active in (("ab", 1), ("ba", 2)):
        together = extract_clips(real_extractor, {key: clips[key] for key in order}, max_active=max_active)
        for key in clips:
            same(together[key], apart[key])
    assert (apart["a"].arrays["pooled/simcc"] != apart["b"].arrays["pooled/simcc"]).any()


def test_a_frames_boxes_are_its_own(real_parts):
    detector = real_parts[0]
    random = np.random.default_rng(2)
    frame, *others = random.integers(0, 256, (3, 48, 64, 3), np.uint8)
    (first, _), (_, second) = detector([frame, others[0]]), detector([others[1], frame])

    assert len(first) > 1
    np.testing.assert_array_equal(first.boxes_xyxy, second.boxes_xyxy)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_real_networks_on_the_clock_equal_all_frames(real_extractor):
    frames = np.random.default_rng(1).integers(0, 256, (6, 48, 64, 3), np.uint8)
    rows = alone(frames, real_extractor.detector, real_extractor.pose)
    clip = extract_one(real_extractor, frames)

    for name in ("boxes", "keypoints", "keypoint_scores"):
        np.testing.assert_array_equal(clip.arrays[name][:, 0], on_the_clock(rows, name, 2), err_msg=name)
    expected = on_the_clock(rows, "backbone.stage4.1[1]", 2).astype(np.float16)
    np.testing.assert_array_equal(clip.arrays["pooled/backbone.stage4.1@1"][:, 0], expected)
