"""Boxes to crops and back."""

import cv2
import numpy as np
import pytest

from extract.crop import (
    clip_crop_box,
    crop_affine,
    crop_jpeg,
    crop_person,
    person_crop_box,
    to_source_pixels,
)

GOLDEN_BOX = np.array([990, 287, 1115, 747], np.float32)
WIDE_BOX = np.array([10, 20, 210, 60], np.float32)
CROP_WH = (192, 256)


def test_published_affine():
    # specs/hpnet.md A.3 with the right aspect, 0.75: window 431.25 x 575 px
    matrix = crop_affine(GOLDEN_BOX, crop_wh=CROP_WH)

    np.testing.assert_allclose(
        matrix, [[0.445217, 0, -372.5913], [0, 0.445217, -102.1774]], rtol=1e-6, atol=1e-4
    )


def test_published_affine_with_the_aspect_of_the_frame():
    # specs/hpnet.md A.3: 1080 / 1920 = 0.5625, window 323.4375 x 431.25 px
    matrix = crop_affine(GOLDEN_BOX, crop_wh=CROP_WH, aspect=1080 / 1920)

    np.testing.assert_allclose(
        matrix, [[0.5936232, 0, -528.7884], [0, 0.5936232, -178.9032]], rtol=1e-6, atol=1e-4
    )


def test_a_portrait_frame_makes_a_tall_box_small():
    # 40 x 100 in 1080 x 1920: 100 x 16 / 9 is wider than 40, times 1.25 that is 222.22
    matrix = crop_affine(np.array([0, 0, 40, 100], np.float32), crop_wh=CROP_WH, aspect=1920 / 1080)

    np.testing.assert_allclose(matrix[0, 0], 192 / 222.2222, rtol=1e-6)
    assert matrix[0, 0] == matrix[1, 1]


def test_a_wide_box_is_the_same_with_any_aspect_that_it_exceeds():
    # 200 x 40: 200 is more than 40 x 0.75 and 40 x 0.5625
    np.testing.assert_array_equal(
        crop_affine(WIDE_BOX, crop_wh=CROP_WH), crop_affine(WIDE_BOX, crop_wh=CROP_WH, aspect=0.5625)
    )


@pytest.mark.parametrize("affine", ["standard", "udp"])
@pytest.mark.parametrize("box", [GOLDEN_BOX, WIDE_BOX])
def test_affine_is_mmposes(box, affine):
    transforms = pytest.importorskip("mmpose.structures.bbox.transforms")
    centre, scale = transforms.bbox_xyxy2cs(box.astype(np.float64), padding=1.25)
    width, height = scale
    aspect = CROP_WH[0] / CROP_WH[1]
    scale = np.array([width, width / aspect] if width > height * aspect else [height * aspect, height])
    warp = {"standard": transforms.get_warp_matrix, "udp": transforms.get_udp_warp_matrix}[affine]

    np.testing.assert_allclose(
        crop_affine(box, crop_wh=CROP_WH, affine=affine),
        warp(centre, scale, 0, CROP_WH),
        rtol=1e-5,
        atol=1e-3,
    )


@pytest.mark.parametrize("affine", ["standard", "udp"])
def test_keypoints_find_back_into_the_frame(affine):
    boxes = [GOLDEN_BOX, WIDE_BOX]
    matrices = np.stack([crop_affine(box, crop_wh=CROP_WH, affine=affine) for box in boxes])
    source = np.array([[[1000, 300], [1115, 747]], [[10, 20], [-5, 61.5]]], np.float32)
    in_crops = np.einsum("nij,nvj->nvi", matrices[..., :2], source) + matrices[:, None, :, 2]

    np.testing.assert_allclose(to_source_pixels(in_crops, matrices), source, atol=1e-3)


def test_the_middle_of_a_crop_is_the_middle_of_its_box():
    matrix = crop_affine(WIDE_BOX, crop_wh=CROP_WH)

    np.testing.assert_allclose(
        to_source_pixels(np.array([[[96, 128]]], np.float32), matrix[None]), [[[110, 40]]]
    )


def test_crop_shows_the_box_and_black_beyond_the_frame():
    frame = np.full((48, 64, 3), (10, 20, 30), np.uint8)
    # 12 wide and 16 high at the left border, enlarged to 15 x 20: 7.5 of it lie outside
    matrix = crop_affine(np.array([-6, 16, 6, 32], np.float32), crop_wh=(24, 32))
    crop = crop_person(frame, matrix, crop_wh=(24, 32))

    assert crop.shape == (32, 24, 3)
    np.testing.assert_array_equal(crop[:, :11], 0)
    np.testing.assert_array_equal(crop[:, 13:], np.broadcast_to(frame[0, 0], (32, 11, 3)))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[10.5, 11.5, 20.4, 30.6]], [10, 12, 20, 31]),  # half to even
        ([[10, 20, 30, 40], [25, 5, 50, 35]], [10, 5, 50, 40]),  # union
        ([[-3, -4, 70, 50]], [0, 0, 64, 48]),  # beyond all borders
        ([[63.9, 47.9, 80, 90]], [63, 47, 64, 48]),  # the last pixel
        ([[70, 60, 80, 70]], [63, 47, 64, 48]),  # quite outside: still a pixel
        ([[5.1, 6.2, 5.2, 6.3]], [5, 6, 6, 7]),  # thinner than a pixel
    ],
)
def test_person_crop_box(boxes, expected):
    box = person_crop_box(np.array(boxes, np.float32), image_wh=(64, 48))

    assert box.tolist() == expected
    assert box.dtype == np.int32


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(800, 200), (900, 1000)], [350, 100, 1350, 1080]),  # specs/epam.md A.4
        ([(400, 300), (700, 420)], [362, 172, 737, 547]),
        ([(400, 300), (409, 420)], [0, 0, 1920, 1080]),  # narrower than 10 px: no person
        ([(400, 300), (700, 309.5)], [0, 0, 1920, 1080]),
        ([(5, 5), (15, 15)], [3, 3, 16, 16]),  # 10 px are enough
        ([], [0, 0, 1920, 1080]),
    ],
)
def test_clip_crop_box(points, expected):
    keypoints = np.array(points, np.float32).reshape(-1, 2)

    assert clip_crop_box(keypoints, image_wh=(1920, 1080)).tolist() == expected


def test_jpeg_is_the_box_stretched():
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[10:20, 30:50] = (200, 100, 50)
    data = crop_jpeg(frame, np.array([30, 10, 50, 20], np.int32), crop_wh=(224, 224), quality=95)

    picture = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert picture.shape == (224, 224, 3)
    assert np.abs(picture.astype(int) - (200, 100, 50)).max() <= 2
    assert data.dtype == np.uint8
    assert data.ndim == 1
