"""The numerics contract (design, section 4) through all stages, on clips made for it."""

import cv2
import numpy as np
import pytest

from extract.crop import crop_jpeg
from store.checks import check_clip
from store.schema import Layout
from store.spool import SpooledClip
from tests.fakes import FPS, FakeVideo, extract_one, fake_extractor
from tests.made_videos import draw_frame, walking_persons
from tests.pipeline_by_hand import alone, around, crossing, on_the_clock, person_at, same, two_persons

RAMP, COLOUR = "pooled/ramp", "pooled/colour"


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
