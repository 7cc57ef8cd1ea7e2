"""From source pixels to the grid of heatmaps (specs/epam.md A.4, A.5)."""

import pytest
import torch

from store.exchange.skeletons import ntu_25
from store.skeleton import COCO_17
from train.epam.boxes import (
    into_boxes,
    known_by_value,
    mirror,
    mirrored_joints,
    random_crops,
    union_boxes,
)

FULL_HD = torch.tensor([[1920, 1080]])


def clip(*points):
    return torch.tensor([points], dtype=torch.float32)


def box_of(*points, **options):
    points = clip(*points)
    return union_boxes(points, known_by_value(points), FULL_HD, **options)[0].tolist()


def test_boxes_of_the_fact_sheet():
    tall, wide = [(800, 200), (900, 1000)], [(400, 300), (700, 420)]

    assert box_of(*tall) == [350, 100, 1350, 1080]
    assert box_of(*tall, is_clamped=False) == [350, 100, 1350, 1100]
    assert box_of(*wide) == box_of(*wide, is_clamped=False) == [362, 172, 737, 547]


def test_a_box_may_leave_the_image_on_all_sides():
    # 1000 wide around 960, 500: half a side is 625
    assert box_of((460, 480), (1460, 520), is_clamped=False) == [335, -125, 1585, 1125]
    assert box_of((460, 480), (1460, 520)) == [335, 0, 1585, 1080]


@pytest.mark.parametrize("points", [[(5, 5)], [(5, 5), (900, 14)], [(0, 0), (0, 0)]])
def test_of_too_little_the_whole_image_is_taken(points):
    assert box_of(*points) == [0, 0, 1920, 1080]


def test_a_zero_is_missing_in_its_own_coordinate_only():
    nan = float("nan")

    assert box_of((400, 0), (0, 300), (700, 420), (nan, nan)) == [362, 172, 737, 547]


def test_who_is_absent_does_not_count():
    points = clip((400, 300), (700, 420), (1900, 1000)).view(1, 3, 1, 2)  # three persons of one joint
    valid = torch.tensor([True, True, False]).view(1, 3, 1, 1)

    assert union_boxes(points, valid, FULL_HD)[0].tolist() == [362, 172, 737, 547]


def test_poses_beside_the_image_still_have_a_box():
    # all to the right of the image
    assert box_of((2000, 100), (2100, 200)) == [1919, 87, 1920, 212]


def test_each_clip_has_its_own_box():
    points = torch.cat([clip((800, 200), (900, 1000)), clip((0, 0), (0, 0))])

    boxes = union_boxes(points, known_by_value(points), torch.tensor([[1920, 1080], [64, 48]]))

    assert boxes.tolist() == [[350, 100, 1350, 1080], [0, 0, 64, 48]]


def test_points_are_scaled_apart_in_width_and_height():
    points = clip((100, 50), (200, 100), (150, 0))

    inside = into_boxes(points, known_by_value(points), torch.tensor([[100, 50, 200, 250]]), (50, 40))

    # 100 pixels on 50, 200 pixels on 40; the y of the last point is missing and stays 0
    assert inside[0].tolist() == [[0, 0], [50, 10], [25, 0]]


def test_the_mirror_exchanges_left_and_right():
    points = torch.tensor([[[3.0, 1], [10, 2], [20, 3]]])  # nose, left eye, right eye
    scores, known = torch.tensor([[0.3, 0.1, 0.2]]), torch.tensor([[[True]], [[True]], [[True]]])
    swap = mirrored_joints(["nose", "left_eye", "right_eye"])

    mirrored, swapped = mirror(points, scores, known.view(1, 3, 1), swap, width=56)

    assert mirrored.tolist() == [[[53, 1], [36, 3], [46, 2]]]
    torch.testing.assert_close(swapped, torch.tensor([[0.3, 0.2, 0.1]]))
    twice, _ = mirror(mirrored, swapped, known.view(1, 3, 1), swap, width=56)
    assert torch.equal(twice, points)


def test_missing_points_stay_in_the_mirror():
    points = torch.tensor([[0.0, 5]])

    mirrored, _ = mirror(points, torch.ones(1), known_by_value(points), [0], width=56)

    assert mirrored.tolist() == [[0, 5]]


def test_partners_are_known_by_name():
    assert mirrored_joints(COCO_17) == [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    kinect = ntu_25().joint_names
    assert [kinect[place] for place in mirrored_joints(kinect)][4:6] == ["right_shoulder", "right_elbow"]
    with pytest.raises(ValueError, match="joint 'left_eye' has no 'right_eye'"):
        mirrored_joints(["left_eye", "nose"])


def test_random_crops_of_a_square():
    boxes = torch.tensor([[100, 50, 164, 114]] * 500)

    crops = random_crops(boxes, torch.Generator().manual_seed(0))

    wh = crops[:, 2:] - crops[:, :2]
    assert (crops[:, :2] >= boxes[:, :2] - 1e-3).all()
    assert (crops[:, 2:] <= boxes[:, 2:] + 1e-3).all()
    share, aspect = wh.prod(1) / 64**2, wh[:, 0] / wh[:, 1]
    assert 0.56 - 1e-4 < share.min() < 0.6
    assert 0.9 < share.max() <= 1 + 1e-4
    assert 0.75 - 1e-4 < aspect.min() < 0.8
    assert 1.25 < aspect.max() < 4 / 3 + 1e-4
    assert torch.equal(crops, random_crops(boxes, torch.Generator().manual_seed(0)))


def test_where_no_crop_fits_the_square_in_the_middle_is_taken():
    # 1000 x 10: a crop of half the area and at most 4/3 as wide as high would be far too high
    crops = random_crops(torch.tensor([[0, 0, 1000, 10]]), torch.Generator().manual_seed(0))

    assert crops.tolist() == [[495, 0, 505, 10]]
