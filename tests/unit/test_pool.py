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


def test_rows_are_the_crops():
    maps = torch.stack([torch.full((2, 3, 3), 5.0), torch.full((2, 3, 3), 7.0)])

    pooled = pool_at_joints(maps, torch.full((2, 4, 2), 3.0), crop_wh=(6, 6))

    assert pooled.shape == (2, 4, 2)
    assert pooled[:, 0, 0].tolist() == [5, 7]


def test_other_number_of_crops_is_refused():
    with pytest.raises(ValueError, match="2 feature maps for the keypoints of 3 crops"):
        pool_at_joints(torch.ones(2, 1, 2, 2), torch.ones(3, 1, 2), crop_wh=(4, 4))
