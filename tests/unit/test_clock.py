"""When a clip is sampled, and what happens where a person is absent."""

import numpy as np
import pytest

from store.clock import blend_valid, nearest_valid, sample_times


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [
        (103, [0.3047, 1.9141, 3.5234, 50.1953, 101.6953]),
        (158, [0.7344, 3.2031, 5.6719, 77.2656, 156.2656]),
        (74, [0.0781, 1.2344, 2.3906, 35.9219, 72.9219]),
    ],
)
def test_published_positions(num_frames, expected):
    # specs/hpnet.md A.6, four digits
    positions = sample_times(num_frames, 64).positions

    np.testing.assert_allclose(positions[[0, 1, 2, 31, 63]], expected, atol=5e-5)


def test_64_frames_are_taken_as_they_are():
    times = sample_times(64, 64)

    np.testing.assert_array_equal(times.positions, np.arange(64))
    np.testing.assert_array_equal(times.lower, times.upper)
    assert not times.weights.any()


def test_one_frame_is_always_that_frame():
    times = sample_times(1, 64)

    assert times.frames.tolist() == [0]
    assert times.upper.tolist() == [0] * 64
    assert not times.weights.any()


def test_a_short_clip_is_stretched():
    # 2 frames at 4 times: (i + 0.5) / 2 - 0.5 = -0.25, 0.25, 0.75, 1.25, from below cut at 0, from above at
    # the end
    times = sample_times(2, 4)

    assert times.positions.tolist() == [0, 0.25, 0.75, 1.25]
    assert times.lower.tolist() == [0, 0, 0, 1]
    assert times.upper.tolist() == [0, 1, 1, 1]
    assert times.weights.tolist() == [0, 0.25, 0.75, 0]


@pytest.mark.parametrize("num_frames", [65, 127, 128, 129, 300, 18_000, 1_000_001])
def test_at_most_two_frames_per_sample_time(num_frames):
    times = sample_times(num_frames, 64)

    assert len(times.frames) <= 128
    assert times.frames[0] >= 0
    assert times.frames[-1] < num_frames
    assert (np.diff(times.frames) > 0).all()
    np.testing.assert_allclose(times.lower + times.weights, times.positions)


@pytest.mark.parametrize("clock", [3, 10, 48, 60])
def test_a_position_that_is_a_frame_needs_no_second_one(clock):
    # an odd number of frames per step: every sample time is the middle one
    times = sample_times(7 * clock, clock)

    assert times.frames.tolist() == [7 * step + 3 for step in range(clock)]
    assert (times.weights < 1).all()


@pytest.mark.parametrize("clock", [1, 5, 9, 48, 64, 100])
@pytest.mark.parametrize("num_frames", [1, 2, 9, 33, 90, 91])
def test_weights_stay_below_one_and_frames_within_the_clip(num_frames, clock):
    times = sample_times(num_frames, clock)

    assert ((times.weights >= 0) & (times.weights < 1)).all()
    assert times.upper.max() < num_frames


def test_native_clock_is_every_frame():
    times = sample_times(5, "native")

    assert times.positions.tolist() == times.lower.tolist() == times.upper.tolist() == [0, 1, 2, 3, 4]


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="0 frames"):
        sample_times(0, 64)


# absence: 4 frames at 2 times lie at 0.5 and 2.5


def blend_of(valid, values):
    times = sample_times(4, 2)
    assert times.positions.tolist() == [0.5, 2.5]
    blend = blend_valid(times, np.arange(4), np.array(valid, bool)[:, None])
    blended = blend(np.array(values, np.float32)[:, None])
    return blended[:, 0].tolist(), blend.valid[:, 0].tolist()


@pytest.mark.parametrize(
    ("valid", "expected", "expected_valid"),
    [
        ([1, 1, 1, 1], [15, 35], [True, True]),  # both: half of each
        ([1, 0, 0, 1], [10, 40], [True, True]),  # one: that one
        ([0, 1, 1, 0], [20, 30], [True, True]),
        ([0, 0, 1, 1], [0, 35], [False, True]),  # none: absent
        ([0, 0, 0, 0], [0, 0], [False, False]),
    ],
)
def test_who_speaks_for_a_sample_time(valid, expected, expected_valid):
    assert blend_of(valid, [10, 20, 30, 40]) == (expected, expected_valid)


def test_what_an_absent_frame_holds_is_never_read():
    assert blend_of([1, 0, 0, 0], [10, np.nan, np.nan, np.nan]) == ([10, 0], [True, False])


def test_a_sample_time_that_is_a_frame_has_no_second_chance():
    # 3 frames at 1 time: position 1
    times = sample_times(3, 1)
    blend = blend_valid(times, np.array([0, 1, 2]), np.array([[True], [False], [True]]))

    assert not blend.valid.any()
    assert nearest_valid(times, np.array([0, 1, 2]), np.array([True, False, True])).tolist() == [-1]


@pytest.mark.parametrize(
    ("valid", "values", "expected", "expected_valid"),
    [
        ([1, 1, 1, 1], [10, 20, 30, 40], [15, 35], [True, True]),
        ([1, 0, 0, 1], [10, 0, 0, 40], [5, 20], [True, True]),  # half of it is left
        ([0, 0, 1, 1], [0, 0, 30, 40], [0, 35], [False, True]),
    ],
)
def test_zeros_are_interpolated_through(valid, values, expected, expected_valid):
    times = sample_times(4, 2)  # 0.5 and 2.5
    blend = blend_valid(times, np.arange(4), np.array(valid, bool)[:, None], "zeros")

    assert blend(np.array(values, np.float32)[:, None])[:, 0].tolist() == expected
    assert blend.valid[:, 0].tolist() == expected_valid


def test_with_zeros_the_share_is_that_of_the_sample_time():
    # 2 frames at 4 times: 0, 0.25, 0.75, 1.25; only the second frame has the person, with 8
    blend = blend_valid(sample_times(2, 4), np.arange(2), np.array([[False], [True]]), "zeros")

    assert blend(np.array([[0], [8]], np.float32))[:, 0].tolist() == [0, 2, 6, 8]
    assert blend.valid[:, 0].tolist() == [False, True, True, True]


def test_persons_are_absent_one_by_one():
    times = sample_times(2, 1)  # position 0.5
    values = np.array([[[1.0], [10.0]], [[3.0], [30.0]]], np.float32)  # frame, person, channel
    blend = blend_valid(times, np.array([0, 1]), np.array([[True, False], [True, True]]))

    np.testing.assert_array_equal(blend(values), [[[2.0], [30.0]]])
    np.testing.assert_array_equal(blend.valid, [[True, True]])


def test_only_the_processed_frames_are_there():
    # 400 frames at 2 times: 99.5 and 299.5; rows are places among the processed frames
    times = sample_times(400, 2)
    assert times.frames.tolist() == [99, 100, 299, 300]
    blend = blend_valid(times, times.frames, np.ones((4, 1), bool))

    np.testing.assert_array_equal(blend(np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)), [[1.5], [3.5]])


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        ([1, 1], [0, 0, 1, 1]),  # the nearer one
        ([1, 0], [0, 0, 0, -1]),  # the only one; at the last time the second frame is the only neighbour
        ([0, 1], [-1, 1, 1, 1]),
        ([0, 0], [-1, -1, -1, -1]),
    ],
)
def test_crops_come_from_the_nearest_valid_frame(valid, expected):
    times = sample_times(2, 4)  # positions 0, 0.25, 0.75, 1.25

    assert nearest_valid(times, np.arange(2), np.array(valid, bool)).tolist() == expected


def test_of_two_equally_near_frames_the_crop_is_of_the_earlier():
    assert nearest_valid(sample_times(4, 2), np.arange(4), np.ones(4, bool)).tolist() == [0, 2]
