"""Features at the joints."""

import pytest
import torch

from extract.pool import pool_at_joints


def test_ramp_returns_its_own_coordinates():
    # cell value = its (column, row); bilinear sampling of a ramp is exact, so no tolerance games
    ramp = torch.stack(torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="xy"))
    keypoints = torch.tensor([[[0.0, 0.0], [96.0, 128.0], [192.0, 256.0]]])

    pooled = pool_at_joints(ramp[None], keypoints, crop_wh=(192, 256))

    torch.testing.assert_close(pooled, torch.tensor([[[0.0, 0.0], [11.5, 15.5], [23.0, 31.0]]]))


def test_corners_are_the_corner_cells():
    feature_map = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    corners = torch.tensor([[[0.0, 0.0], [10.0, 0.0], [0.0, 20.0], [10.0, 20.0]]])

    assert pool_at_joints(feature_map, corners, crop_wh=(10, 20)).flatten().tolist() == [1, 2, 3, 4]


def test_fades_outside():
    # two cells of 1 are 10 px apart: half a cell outside half of it is left, a cell outside nothing
    outside = torch.tensor([[[10.0, 0.0], [15.0, 0.0], [20.0, 0.0], [1000.0, 0.0], [-5.0, 0.0]]])

    pooled = pool_at_joints(torch.ones(1, 1, 2, 2), outside, crop_wh=(10, 10))

    torch.testing.assert_close(pooled.flatten(), torch.tensor([1.0, 0.5, 0.0, 0.0, 0.5]))


# cell (column, row) of a 5 x 5 map holds column + 10 row; cells are 10 px apart
TENS = (torch.arange(5.0) + 10 * torch.arange(5.0)[:, None])[None, None]


def pooled_from(feature_map, keypoint, pooling):
    keypoints = torch.tensor([[keypoint]])
    return pool_at_joints(feature_map, keypoints, crop_wh=(40, 40), pooling=pooling).item()


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("point", 22),
        ("mean3", 22),  # the mean of a ramp is its middle
        ("max3", 33),  # one column to the right and one row down
        ("mean5", 22),
        ("max5", 44),
    ],
)
def test_regions_around_the_middle_cell(pooling, expected):
    assert pooled_from(TENS, [20.0, 20.0], pooling) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("point", 22.5),
        ("max3", 33.5),
        (
            "max5",
            43.5,
        ),  # a cell to the right; two are half a cell beyond the border, where half of 44 is left
    ],
)
def test_regions_between_two_cells(pooling, expected):
    assert pooled_from(TENS, [25.0, 20.0], pooling) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean3", (0 + 1 + 10 + 11) / 9),  # zeros outside count
        ("max3", 11),
        ("mean5", (0 + 1 + 2 + 10 + 11 + 12 + 20 + 21 + 22) / 25),
        ("max5", 22),
    ],
)
def test_regions_at_the_corner(pooling, expected):
    assert pooled_from(TENS, [0.0, 0.0], pooling) == pytest.approx(expected)


def test_maximum_of_a_region_beyond_the_border_is_zero_not_less():
    assert pooled_from(TENS - 100, [0.0, 0.0], "max3") == 0
    assert pooled_from(TENS - 100, [20.0, 20.0], "max3") == pytest.approx(33 - 100)


def test_steps_of_a_region_are_cells_of_a_map_that_is_not_square():
    # 3 columns 20 px apart and 5 rows 10 px apart
    feature_map = (torch.arange(3.0) + 10 * torch.arange(5.0)[:, None])[None, None]

    assert pooled_from(feature_map, [20.0, 20.0], "max3") == pytest.approx(32)


def test_rows_are_the_crops():
    maps = torch.stack([torch.full((2, 3, 3), 5.0), torch.full((2, 3, 3), 7.0)])

    pooled = pool_at_joints(maps, torch.full((2, 4, 2), 3.0), crop_wh=(6, 6))

    assert pooled.shape == (2, 4, 2)
    assert pooled[:, 0, 0].tolist() == [5, 7]


def test_other_number_of_crops_is_refused():
    with pytest.raises(ValueError, match="2 feature maps for the keypoints of 3 crops"):
        pool_at_joints(torch.ones(2, 1, 2, 2), torch.ones(3, 1, 2), crop_wh=(4, 4))
