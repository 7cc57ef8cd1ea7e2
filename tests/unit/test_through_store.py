"""Recall, PCK and changes of slot as a store tells them, worked out by hand."""

import numpy as np
import pytest

from scripts.demo_videos.truth import ClipTruth
from scripts.demo_weights.through_store import Tally, tally, total, truth_at

LEFT, RIGHT, AWAY = [0.0, 0, 10, 20], [20.0, 0, 30, 20], [60.0, 0, 70, 20]
MIDDLES = {"left": [5.0, 10], "right": [25.0, 10]}


def two_actors(num_steps, visibility=2):
    """Two people 10 wide and 20 high who stand still; all joints of each lie in the middle of the box."""
    joints = np.stack([np.tile(MIDDLES[side], (17, 1)) for side in ("left", "right")])
    return ClipTruth(
        "push",
        0,
        "normal",
        2,
        np.tile([LEFT, RIGHT], (num_steps, 1, 1)),
        np.tile(joints, (num_steps, 1, 1, 1)),
        np.full((num_steps, 2, 17), visibility, np.uint8),
    )


def arrays(*steps):
    """Arrays of slots; each step names the boxes of its two slots, None for an empty one."""
    boxes = np.array([[box or [0.0] * 4 for box in step] for step in steps])
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    valid = np.array([[box is not None for box in step] for step in steps])
    return boxes, np.repeat(middles[:, :, None], 17, axis=2), valid


def test_slots_that_hold_the_actors_are_whole():
    found = tally(two_actors(3), *arrays(*[(LEFT, RIGHT)] * 3))

    assert found == Tally(6, 6, 6, 0, 6 * 17, 6 * 17, 0)
    assert (found.recall, found.precision, found.pck) == (1, 1, 1)


def test_actor_who_changes_slots_is_counted_for_each_change_of_each():
    found = tally(two_actors(4), *arrays((LEFT, RIGHT), (RIGHT, LEFT), (RIGHT, None), (RIGHT, LEFT)))

    assert (
        found.num_switches == 2
    )  # both, once; the left one was missed for a step, and came back where it was
    assert found.num_found == 7


def test_slot_on_nobody_costs_precision_and_the_actor_who_is_missed_costs_joints():
    found = tally(two_actors(1), *arrays((LEFT, AWAY)))

    assert (found.recall, found.precision, found.pck) == (0.5, 0.5, 0.5)


def test_two_slots_on_one_person_count_once():
    found = tally(two_actors(1), *arrays((LEFT, LEFT)))

    assert (found.num_found, found.num_nobody) == (1, 1)


def test_joint_is_right_within_a_tenth_of_the_height():
    boxes, keypoints, valid = arrays((LEFT, RIGHT))
    keypoints[0, 0, 0] += (2.0, 0)  # 2 of 20
    keypoints[0, 0, 1] += (2.1, 0)

    assert tally(two_actors(1), boxes, keypoints, valid).num_near == 2 * 17 - 1


def test_hidden_joints_and_people_of_whom_little_is_seen_are_not_asked_for():
    truth = two_actors(1)
    truth.visibility[0, 0, 4:] = 1
    truth.visibility[0, 1, 2:] = 1  # two joints are left

    found = tally(truth, *arrays((LEFT, None)))

    assert (found.num_actors, found.num_found, found.num_joints, found.num_near) == (1, 1, 4, 4)


def test_truth_between_frames_is_in_between_and_seen_where_both_are():
    truth = two_actors(2)
    truth.boxes_xyxy[1] += 4
    truth.visibility[1, 0, 0] = 1

    at = truth_at(truth, np.array([0.0, 0.25, 1.0]))

    assert at.boxes_xyxy[:, 0, 0].tolist() == [0, 1, 4]
    assert at.visibility[:, 0, 0].tolist() == [2, 1, 1]


def test_sums_of_clips_and_shares_of_nothing():
    one = tally(two_actors(1), *arrays((LEFT, None)))

    assert total([one, one]).num_found == 2
    assert np.isnan(total([]).recall)
    assert total([one, one]).recall == pytest.approx(one.recall)
