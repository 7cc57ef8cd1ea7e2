"""The drawn people's bones and joint angles, by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scripts.demo_videos.body import BONES, KEYPOINTS, Body
from scripts.demo_videos.motion import about, turns_at, values_at

TALL = Body(height=2.0, build=1.0)


def place(turns, *, heading=0.0, position=(0.0, 0.0), lift=0.0, support="both"):
    return TALL.place(
        {joint: Rotation.concatenate([turn]) for joint, turn in turns.items()},
        heading=np.array([heading]),
        position_xy=np.array([position]),
        lift=np.array([lift]),
        support=support,
    )


def keypoint(placed, name):
    return TALL.keypoints(placed)[0, KEYPOINTS.index(name)]


def test_somebody_who_stands_straight_is_as_tall_as_the_proportions_say():
    placed = place({})

    assert keypoint(placed, "left_ankle")[2] == pytest.approx(2 * 0.039)
    assert keypoint(placed, "left_knee")[2] == pytest.approx(2 * (0.039 + 0.246))
    assert keypoint(placed, "left_hip")[2] == pytest.approx(2 * 0.530)
    assert keypoint(placed, "left_shoulder")[2] == pytest.approx(2 * 0.818)
    np.testing.assert_allclose(keypoint(placed, "left_wrist")[2], 2 * (0.818 - 0.186 - 0.146))


def test_left_is_at_positive_y_and_the_nose_in_front():
    placed = place({})

    assert keypoint(placed, "left_shoulder")[1] > 0 > keypoint(placed, "right_shoulder")[1]
    assert keypoint(placed, "nose")[0] > keypoint(placed, "left_ear")[0]


def test_somebody_who_is_turned_looks_along_y():
    nose = keypoint(place({}, heading=np.pi / 2), "nose")

    assert nose[1] == pytest.approx(2 * 0.064)
    assert nose[0] == pytest.approx(0)


def test_an_elbow_bends_the_forearm_forward():
    placed = place({"l_elbow": about("y", -90)})

    forearm = keypoint(placed, "left_wrist") - keypoint(placed, "left_elbow")
    np.testing.assert_allclose(forearm, [2 * 0.146, 0, 0], atol=1e-12)


def test_who_squats_keeps_the_feet_on_the_ground():
    turns = {
        f"{side}_{joint}": about("y", angle) for side in "lr" for joint, angle in (("hip", -90), ("knee", 90))
    }

    placed = place(turns)

    assert keypoint(placed, "left_ankle")[2] == pytest.approx(2 * 0.039)
    assert keypoint(placed, "left_hip")[2] == pytest.approx(2 * (0.039 + 0.246))


def test_the_foot_that_supports_keeps_its_place():
    placed = place({"r_hip": about("y", -60)}, support="l", position=(1.0, 2.0))

    np.testing.assert_allclose(keypoint(placed, "left_ankle")[:2], [1.0, 2.0])


def test_who_jumps_is_lifted():
    assert keypoint(place({}, lift=0.3), "left_ankle")[2] == pytest.approx(2 * 0.039 + 0.3)


@pytest.mark.parametrize("side", ["l", "r"])
@pytest.mark.parametrize("swivel", [0.0, 1.0])
def test_a_hand_reaches_its_target(side, swivel):
    target = TALL.chest_point(0.12, 0.05 if side == "l" else -0.05, 0.90)

    placed = place(TALL.reach(side, target, swivel=swivel))

    waist = placed.origins[0, BONES.index("chest")]
    wrist = keypoint(placed, "left_wrist" if side == "l" else "right_wrist")
    np.testing.assert_allclose(wrist - waist, target, atol=1e-9)


def test_what_is_out_of_reach_is_pointed_at():
    target = np.array([5.0, 0.22, 0.436])

    placed = place(TALL.reach("l", target))

    arm = keypoint(placed, "left_wrist") - keypoint(placed, "left_shoulder")
    assert np.linalg.norm(arm) == pytest.approx(2 * (0.186 + 0.146), abs=0.01)
    assert arm[0] / np.linalg.norm(arm) == pytest.approx(1.0, abs=0.01)


def test_angles_ease_from_key_to_key():
    keys = [(1.0, {"neck": about("z", 0)}), (2.0, {"spine": about("z", 5)}), (3.0, {"neck": about("z", 80)})]

    turns = turns_at(keys, np.array([0.0, 1.0, 1.5, 2.0, 3.0, 9.0]))

    angles = turns["neck"].as_euler("zyx", degrees=True)[:, 0]
    # a quarter of the way is eased to 3/16 - 2/64 = 0.15625
    np.testing.assert_allclose(angles, [0, 0, 80 * 0.15625, 40, 80, 80], atol=1e-9)
    np.testing.assert_allclose(turns["spine"].as_euler("zyx", degrees=True)[:, 0], 5)


def test_places_ease_from_key_to_key():
    way = values_at([(0.0, (0.0, 1.0)), (2.0, (4.0, 1.0))], np.array([1.0, 5.0]))

    np.testing.assert_allclose(way, [[2.0, 1.0], [4.0, 1.0]])
