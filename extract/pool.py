"""Feedback pooling: the features of a pose network at the joints that it found. Pure."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from extract.config import Pooling

_REGION_CELLS: dict[Pooling, int] = {"point": 1, "mean3": 3, "max3": 3, "mean5": 5, "max5": 5}


def pool_at_joints(
    feature_map: Tensor, keypoints: Tensor, *, crop_wh: tuple[int, int], pooling: Pooling = "point"
) -> Tensor:
    """Sample ``feature_map`` bilinearly at each keypoint, or at R x R points around it.

    Args:
        feature_map: (N, C, h, w) float, one row per crop.
        keypoints: (N, V, 2) float, (x, y) in crop pixels; fades to 0 outside the crop.
        crop_wh: (width, height) of the crops in pixels.
        pooling: "point": R = 1. "mean3", "max3", "mean5", "max5": the mean or the maximum of R x R samples
            that are one cell of the map apart, with the keypoint in the middle; zeros outside the map.

    Returns:
        (N, V, C), dtype and device of ``feature_map``.

    Raises:
        ValueError: the two inputs do not hold the same number of crops.

    Source: HP-Net eq. 3; specs/hpnet.md A.5, which defines the regions (the paper leaves their operator open
    and the release has R = 1 only). As published, x = width is the centre of the last cell
    (align_corners=True), up to half a cell off geometry.
    """
    if feature_map.shape[0] != keypoints.shape[0]:
        raise ValueError(
            f"{feature_map.shape[0]} feature maps for the keypoints of {keypoints.shape[0]} crops"
        )
    half_wh = keypoints.new_tensor(crop_wh) / 2
    grid = (keypoints / half_wh - 1).unsqueeze(2)  # (N, V, 1, 2) in [-1, 1]
    if (cells := _REGION_CELLS[pooling]) > 1:
        last_cell = keypoints.new_tensor([max(size - 1, 1) for size in reversed(feature_map.shape[2:])])
        steps = torch.arange(cells, device=keypoints.device) - cells // 2
        grid = grid + torch.cartesian_prod(steps, steps) * 2 / last_cell  # (N, V, R * R, 2)
    sampled = F.grid_sample(
        feature_map, grid.to(feature_map.dtype), mode="bilinear", padding_mode="zeros", align_corners=True
    )
    pooled = sampled.amax(3) if pooling.startswith("max") else sampled.mean(3)
    return pooled.transpose(1, 2)
