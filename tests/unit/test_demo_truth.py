"""What the demo calls true, by hand: boxes, what is seen of a person, cameras."""

import json

import numpy as np
import pytest

from scripts.demo_videos.body import BONES, KEYPOINTS
from scripts.demo_videos.camera import draw_shake, look_at
from scripts.demo_videos.mesh import box, join, plain
from scripts.demo_videos.paint import paint
from scripts.demo_videos.truth import (
    HIDDEN,
    VISIBLE,
    ClipTruth,
    box_of,
    read_truth,
    visibility_of,
    write_truth,
)

STEADY = np.array([[1.0, 0, 0], [0, 1, 0]])
NO_TURN = np.tile(np.eye(3), (len(BONES), 1, 1))


def part(person, bone):
    return 1 + 20 * person + BONES.index(bone)


def camera(**options):
    return look_at(
        np.zeros(3),
        **(
            {"azimuth": 0.0, "elevation": 0.0, "distance": 4.0, "focal_px": 400.0, "wh": (200, 100)} | options
        ),
    )


def test_a_camera_sees_what_it_looks_at_in_the_middle_and_what_is_up_above():
    pixels, depths = camera().project(np.array([[0, 0, 0], [0, 0, 0.1], [0, 0.1, 0]]))

    # seen from +x, +y is to the right: 400 px * 0.1 m / 4 m = 10 px
    np.testing.assert_allclose(pixels, [[100, 50], [100, 40], [110, 50]], atol=1e-9)
    np.testing.assert_allclose(depths, 4)


def test_rays_and_pixels_are_inverse():
    above = camera(elevation=0.7, azimuth=1.0)
    pixels, depths = above.project(np.array([0.3, -0.2, 0.4]))

    np.testing.assert_allclose(above.place + above.rays(pixels) * depths, [0.3, -0.2, 0.4])


def test_a_shake_turns_about_the_middle():
    shake = draw_shake(10, 0.0, np.random.default_rng(0))

    np.testing.assert_allclose(shake.matrix(3, (200, 100)), STEADY)


def test_a_box_is_painted_where_the_camera_sees_it_and_the_nearer_one_covers():
    near = box((1, 0, 0), (0.1, 0.2, 0.2), plain((1, 0, 0))).moved(bone=0, part=7)
    far = box((0, 0, 0), (0.1, 1.0, 0.4), plain((0, 1, 0))).moved(bone=0, part=9)

    for order in ([near, far], [far, near]):
        layer = paint(
            join(order),
            np.eye(3)[None],
            np.zeros((1, 3)),
            camera(),
            STEADY,
            sun=np.array([1.0, 0, 0]),
            ambient=1.0,
        )

        assert layer.parts[100, 200] == 7  # twice the picture's resolution
        # the far one is 400 * 0.5 / 3.95 = 50.6 px to each side, and 400 * 0.2 / 3.95 = 20.25 px up
        columns = np.flatnonzero((layer.parts == 9).any(0)) / 2
        assert columns[0] == pytest.approx(100 - 50.6, abs=0.6)
        assert columns[-1] == pytest.approx(100 + 50.6, abs=0.6)
        assert (layer.rows.start, layer.columns.start) == (28, 48)  # a pixel more than is painted
        assert layer.coverage[50 - 28, 100 - 48, 0] == 255
        assert layer.colours[50 - 28, 100 - 48].tolist() == [255, 0, 0]
        assert layer.coverage[0, 0, 0] == 0


def test_a_box_is_around_what_is_seen_of_a_person():
    parts = np.zeros((20, 40), np.uint8)
    parts[4:10, 6:16] = part(1, "chest")
    parts[8:10, 14:16] = 250  # something stands before it
    parts[0:2, 0:2] = part(0, "head")

    assert box_of(parts, 1).tolist() == [3, 2, 8, 5]
    assert box_of(parts, 2).tolist() == [0, 0, 0, 0]


def test_a_joint_is_hidden_by_others_and_by_oneself_and_gone_outside_the_picture():
    parts = np.zeros((100, 100), np.uint8)
    parts[20:60, 20:60] = part(0, "r_forearm")
    parts[20:60, 60:90] = part(1, "r_forearm")
    points = np.full((17, 2), 15.0)  # painted at 30
    points[KEYPOINTS.index("left_wrist")] = 15.0
    points[KEYPOINTS.index("right_elbow")] = 35.0
    points[KEYPOINTS.index("right_ankle")] = -3.0

    flags = visibility_of(parts, 0, points, NO_TURN, np.array([1.0, 0, 0]))

    found = dict(zip(KEYPOINTS, flags.tolist(), strict=True))
    assert found["right_wrist"] == VISIBLE
    assert found["left_wrist"] == HIDDEN
    assert found["right_elbow"] == HIDDEN  # the other person's arm is there
    assert found["right_ankle"] == 0


@pytest.mark.parametrize(("to_camera", "seen"), [((1.0, 0, 0), VISIBLE), ((-1.0, 0, 0), HIDDEN)])
def test_a_nose_is_seen_from_the_front_only(to_camera, seen):
    parts = np.full((100, 100), part(0, "head"), np.uint8)

    flags = visibility_of(parts, 0, np.full((17, 2), 25.0), NO_TURN, np.array(to_camera))

    assert flags[KEYPOINTS.index("nose")] == seen


def test_truth_comes_back_from_its_file(tmp_path):
    truth = ClipTruth(
        "wave", 3, "dark", 1, np.full((2, 1, 4), 1.234), np.full((2, 1, 17, 2), 5.678), np.full((2, 1, 17), 2)
    )

    write_truth(tmp_path / "a.json", truth)

    again = read_truth(tmp_path / "a.json")
    assert (again.label, again.seed, again.condition, again.num_actors) == ("wave", 3, "dark", 1)
    np.testing.assert_array_equal(again.boxes_xyxy, np.full((2, 1, 4), 1.23))
    np.testing.assert_array_equal(again.keypoints_xy, np.full((2, 1, 17, 2), 5.68))
    np.testing.assert_array_equal(again.visibility, np.full((2, 1, 17), 2))


@pytest.mark.parametrize("facts", [{"label": "wave"}, {"label": "wave", "generator": 0}])
def test_another_file_is_no_truth(tmp_path, facts):
    (tmp_path / "a.json").write_text(json.dumps(facts))

    with pytest.raises(ValueError, match=r"a\.json: not the truth of a demo clip of today.*draws both again"):
        read_truth(tmp_path / "a.json")
