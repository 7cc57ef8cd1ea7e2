"""Which steps EPAM-Net sees: the table of specs/epam.md A.1, and what holds for any clip."""

import numpy as np
import pytest

from train.epam.sampling import draw_for, published_draw, rgb_steps, steps_in_test, steps_in_training

TABLE = {  # steps of the clip: RGB steps, sum of the pose steps
    20: ("0 3 6 9 12 15 18 1 4 7 10 13 16 19 2 5", 408),
    48: ("0 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45", 1128),
    60: ("0 3 6 9 13 17 21 25 29 33 37 41 46 49 52 56", 1371),
    95: ("1 7 13 19 25 31 37 43 49 55 61 66 72 78 83 89", 2280),
    96: ("1 7 13 19 25 31 37 43 48 54 60 66 73 78 85 91", 2279),
    103: ("1 7 12 19 25 32 38 46 51 57 64 70 77 84 91 97", 2422),
    150: ("1 10 19 29 39 46 58 67 75 84 93 104 114 123 133 140", 3553),
    300: ("3 24 42 60 79 97 112 131 154 170 188 209 230 244 263 282", 7150),
}


@pytest.mark.parametrize("num_steps", TABLE)
def test_published_test_is_reproduced(num_steps):
    rgb, total = TABLE[num_steps]

    [steps] = steps_in_test(num_steps, 48, published_draw())

    assert rgb_steps(steps, 16).tolist() == [int(step) for step in rgb.split()]
    assert steps.sum() == total


@pytest.mark.parametrize("num_steps", [1, 7, 47])
def test_short_clips_are_repeated(num_steps):
    begins = {steps_in_training(num_steps, 48, draw_for("a", seed=seed))[0] for seed in range(50)}
    steps = steps_in_training(num_steps, 48, draw_for("a", seed=1))

    assert ((steps[1:] - steps[:-1]) % num_steps == 1 % num_steps).all()
    assert begins <= set(range(num_steps))
    assert len(begins) > 1 or num_steps == 1
    assert steps_in_test(num_steps, 48, draw_for("a", seed=1))[0][0] == 0


@pytest.mark.parametrize("num_steps", [48, 49, 64, 95])
def test_of_less_than_twice_as_many_some_single_steps_are_left_out(num_steps):
    steps = steps_in_training(num_steps, 48, draw_for("a", seed=1))

    assert set(np.diff(steps)) <= {1, 2}
    assert steps[0] <= 1
    assert num_steps - 2 <= steps[-1] < num_steps
    assert num_steps != 48 or steps.tolist() == list(range(48))


@pytest.mark.parametrize("num_steps", [96, 97, 1000])
def test_of_more_each_part_of_the_clip_gives_one(num_steps):
    steps = steps_in_training(num_steps, 48, draw_for("a", seed=1))

    # step k / 48 of the way is in part k
    assert ((steps * 48 + 47) // num_steps >= np.arange(48)).all()
    assert (steps < -(-(np.arange(48) + 1) * num_steps // 48)).all()


def test_a_clip_draws_its_own_steps():
    def steps(clip_id, seed):
        return steps_in_training(64, 48, draw_for(clip_id, seed=seed)).tolist()

    assert steps("a", 1) == steps("a", 1)
    assert steps("a", 1) != steps("b", 1)
    assert steps("a", 1) != steps("a", 2)


def test_several_views_of_a_clip():
    views = steps_in_test(300, 48, published_draw(), num_views=3)

    assert views.shape == (3, 48)
    assert views[0].tolist() == steps_in_test(300, 48, published_draw())[0].tolist()
    assert (views[0] != views[1]).any()
    # 20 steps, 4 views: they begin at 0, 5, 10, 15; of 2 steps at 0, 1, then 0 again
    assert steps_in_test(20, 3, published_draw(), num_views=4).shape == (4, 3)
    assert steps_in_test(20, 48, published_draw(), num_views=4)[:, 0].tolist() == [0, 5, 10, 15]
    assert steps_in_test(2, 48, published_draw(), num_views=4)[:, 0].tolist() == [0, 1, 0, 1]


def test_rgb_steps_are_pose_steps():
    steps = np.arange(24) * 2

    assert rgb_steps(steps, 8).tolist() == [0, 6, 12, 18, 24, 30, 36, 42]
    assert rgb_steps(steps, 8, phase=1).tolist() == [2, 8, 14, 20, 26, 32, 38, 44]
    assert rgb_steps(np.stack([steps, steps + 1]), 8)[1].tolist() == [1, 7, 13, 19, 25, 31, 37, 43]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: steps_in_training(0, 48, published_draw()), "48 steps of a clip of 0; expected 1 or more"),
        (lambda: steps_in_test(9, 0, published_draw()), "0 steps of a clip of 9; expected 1 or more"),
        (lambda: rgb_steps(np.arange(48), 20), "48 pose steps for 20 RGB steps; expected a multiple"),
        (lambda: rgb_steps(np.arange(48), 16, phase=3), "phase is 3; expected one of the 3 pose steps"),
    ],
)
def test_what_cannot_be_drawn_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
