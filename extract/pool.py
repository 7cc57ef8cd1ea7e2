"""Feedback pooling: the features of a pose network at the joints that it found. Pure."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def pool_at_joints(feature_map: Tensor, keypoints: Tensor, *, crop_wh: tuple[int, int]) -> Tensor:
    """Sample ``feature_map`` bilinearly at each keypoint.

    Args:
        feature_map: (N, C, h, w) float, one row per crop.
        keypoints: (N, V, 2) float, (x, y) in crop pixels; fades to 0 outside the crop.
        crop_wh: (width, height) of the crops in pixels.

    Returns:
        (N, V, C), dtype and device of ``feature_map``.

    Raises:
        ValueError: the two inputs do not hold the same number of crops.

    Source: HP-Net eq. 3 with R = 1; specs/hpnet.md A.5. As published, x = width is the centre of the last
    cell (align_corners=True), up to half a cell off geometry.
    """
    if feature_map.shape[0] != keypoints.shape[0]:
        raise ValueError(
            f"{feature_map.shape[0]} feature maps for the keypoints of {keypoints.shape[0]} crops"
        )
    half_wh = keypoints.new_tensor(crop_wh) / 2
    grid = (keypoints / half_wh - 1).unsqueeze(2).to(feature_map.dtype)  # (N, V, 1, 2) in [-1, 1]
    sampled = F.grid_sample(feature_map, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return sampled.squeeze(3).transpose(1, 2)
