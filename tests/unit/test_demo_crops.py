"""Crops that the demo's pose networks learn from: keypoints stay on what they mark."""

import cv2
import numpy as np
import pytest

from scripts.demo_videos.objects import OBJECTS
from scripts.demo_weights.crops import Crop, draw_crop, mirror
from scripts.demo_weights.pictures import Person
from scripts.demo_weights.pose import draw_maps, rate_at
from scripts.demo_weights.things import draw_spots

WH = (128, 192)
NOTHING = np.zeros((0, 3), np.float32)


def test_mirror_exchanges_left_and_right():
    crop = np.zeros((4, 6, 3), np.uint8)
    crop[1, 2] = 255
    keypoints = np.zeros((17, 2), np.float32)
    keypoints[5] = (2, 1)  # the left shoulder, on the bright pixel
    is_known = np.arange(17) == 5

    mirrored, moved, known = mirror(crop, keypoints, is_known)

    # column 2 of 6 becomes column 3, and the left shoulder the right one
    assert mirrored[1, 3].tolist() == [255, 255, 255]
    assert moved[6].tolist() == [3, 1]
    assert np.flatnonzero(known).tolist() == [6]


def test_keypoint_and_object_stay_on_what_they_mark(tmp_path):
    # a bright square of 9 pixels in a dark picture, the nose and an object in its middle
    picture = np.zeros((288, 384, 3), np.uint8)
    picture[96:105, 196:205] = 255
    cv2.imwrite(str(tmp_path / "a.bmp"), picture)
    person = Person(
        tmp_path / "a.bmp",
        np.float32([160, 60, 240, 220]),
        np.full((17, 2), (200, 100), np.float32),
        np.full(17, 2, np.uint8),
        np.float32([[3, 200, 100]]),
    )
    num_bright = 0
    for seed in range(40):
        crop = draw_crop(person, np.random.default_rng(seed), crop_wh=WH)
        x, y = crop.keypoints[0].round().astype(int)
        if crop.weights[0] and crop.picture[y, x].mean() > 100:  # else a patch lies over it
            num_bright += 1
        assert crop.things == pytest.approx(np.array([[3, *crop.keypoints[0]]]), abs=1e-3)

    assert num_bright > 30


def test_keypoint_outside_the_picture_has_no_weight(tmp_path):
    cv2.imwrite(str(tmp_path / "a.bmp"), np.zeros((288, 384, 3), np.uint8))
    visibility = np.full(17, 2, np.uint8)
    visibility[9:] = 0
    person = Person(
        tmp_path / "a.bmp",
        np.float32([160, 60, 240, 220]),
        np.full((17, 2), (200, 140), np.float32),
        visibility,
        NOTHING,
    )
    # without a mirror the last eight have none; the middle of the box is always inside
    weights = {tuple(draw_crop(person, np.random.default_rng(n), crop_wh=WH).weights) for n in range(10)}

    assert {sum(row) for row in weights} == {9.0}


def test_map_is_one_at_its_keypoint_and_falls_off_around_it():
    maps = draw_maps(np.float32([[64, 96], [200, 0]]), crop_wh=WH, map_wh=(32, 48))

    assert maps.shape == (2, 48, 32)
    # a cell is 4 pixels wide; the standard deviation is 2 cells
    assert maps[0, 24, 16] == 1
    assert maps[0, 24, 18] == maps[0, 26, 16] == pytest.approx(np.exp(-0.5))
    assert maps[1].max() == maps[1, 0, 31] < 1e-15  # 19 cells outside


def test_spot_of_an_object_reaches_ten_pixels_on_the_map_of_its_kind():
    # the second kind, in the middle of cell (8, 4) of a map at stride 8
    things = np.float32([[1, 8 * 8 + 3.5, 8 * 4 + 3.5]])
    crop = Crop(
        np.zeros((192, 128, 3), np.uint8), np.zeros((17, 2), np.float32), np.zeros(17, np.float32), things
    )

    spots = draw_spots(crop, map_wh=(16, 24))

    assert spots.shape == (len(OBJECTS), 24, 16)
    assert np.flatnonzero(spots.any((1, 2))).tolist() == [1]
    assert spots[1, 4, 8] == 1
    # the next cell is 8 pixels away
    assert spots[1, 4, 9] == spots[1, 5, 8] == pytest.approx(np.exp(-(8**2) / (2 * 10**2)))


def test_learning_rate_rises_and_falls():
    assert rate_at(0) < rate_at(0.02) < rate_at(0.03) == 1
    assert rate_at(0.515) == 0.505  # in the middle between 1 and 0.01
    assert abs(rate_at(1) - 0.01) < 1e-9
