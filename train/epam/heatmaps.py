"""Points and scores to heatmap volumes, on their device: a Gaussian per joint, or a ridge per limb.

Pixel centres are at whole numbers; outside its window of three sigma, cut towards 0 as the published loops
do, a Gaussian is 0; a joint's or limb's persons are merged by the maximum. Only the windows are computed, all
at once.
"""

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

SIZE_HW = (56, 56)
SIGMA = 0.6  # pixels of the grid
MIN_SCORE = 1e-4  # below, a joint is not drawn (PoseConv3D: 1e-3)

# The limbs of COCO-17 in the order of PoseConv3D's networks (specs/posec3d.md 1, limb configs)
COCO_17_LIMBS = (
    (0, 5), (0, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16),
    (0, 1), (0, 2), (1, 3), (2, 4), (11, 12),
)  # fmt: skip


def joint_volume(
    points: Tensor,
    scores: Tensor,
    *,
    size_hw: tuple[int, int] = SIZE_HW,
    sigma: float = SIGMA,
    min_score: float = MIN_SCORE,
) -> Tensor:
    """Draw the joints of clips.

    Args:
        points: (B, T, M, V, 2) x, y in pixels of the grid, finite; see ``train/epam/boxes.py``.
        scores: (B, T, M, V), the height of each Gaussian; 0 for who is absent.
        size_hw: height and width of the grid.
        sigma: of the Gaussians, in pixels.
        min_score: joints below are not drawn.

    Returns:
        (B, T, V, H, W), type and device of ``points``.

    Source: specs/epam.md A.3.
    """
    rows, columns = size_hw
    clips, times, _, joints = scores.shape
    volume = points.new_zeros(clips, times, joints, rows, columns)
    low, high = _window(points, points, size_hw, sigma)
    pixels = low[..., None] + torch.arange(ceil(6 * sigma) + 1, device=points.device)  # (B, T, M, V, 2, K)
    heights = torch.exp(-((pixels - points[..., None]) ** 2) / (2 * sigma**2))
    heights = heights.masked_fill(pixels >= high[..., None], 0)
    peaks = scores.to(points.dtype).masked_fill(scores < min_score, 0)
    values = (heights[..., 1, :] * peaks[..., None])[..., :, None] * heights[..., 0, None, :]
    pixels = pixels.long()  # beyond the border all are 0, and go anywhere
    x, y = pixels[..., 0, :].clamp(max=columns - 1), pixels[..., 1, :].clamp(max=rows - 1)
    planes = torch.arange(clips * times * joints, device=points.device).view(clips, times, 1, joints, 1, 1)
    places = (planes * rows + y[..., :, None]) * columns + x[..., None, :]
    volume.view(-1).scatter_reduce_(0, places.flatten(), values.flatten(), "amax")
    return volume


def limb_volume(
    points: Tensor,
    scores: Tensor,
    limbs: Sequence[tuple[int, int]] = COCO_17_LIMBS,
    *,
    size_hw: tuple[int, int] = SIZE_HW,
    sigma: float = SIGMA,
    min_score: float = MIN_SCORE,
) -> Tensor:
    """Draw the limbs of clips: ridges as high as the lower of the two scores.

    Args:
        points: (B, T, M, V, 2) x, y in pixels of the grid, finite.
        scores: (B, T, M, V); 0 for who is absent.
        limbs: L pairs of joints.
        size_hw: height and width of the grid.
        sigma: of a ridge's profile, in pixels.
        min_score: limbs below are not drawn.

    Returns:
        (B, T, L, H, W), type and device of ``points``. A limb shorter than a pixel is its first joint.

    Source: specs/posec3d.md 1.
    """
    begin, end = torch.tensor(list(limbs), device=points.device).T
    volume = points.new_zeros(*points.shape[:2], len(limbs), *size_hw)
    a, b = points[..., begin, :], points[..., end, :]
    peaks = torch.minimum(scores[..., begin], scores[..., end]).to(points.dtype)
    is_point = ((b - a) ** 2).sum(-1) < 1
    b = torch.where(is_point[..., None], a, b)
    peaks = torch.where(is_point, scores[..., begin], peaks).masked_fill(peaks < min_score, 0)
    # a clip at a time, because long limbs have many pixels
    for clip, (from_a, to_b, height) in enumerate(zip(a, b, peaks, strict=True)):
        _draw_ridges(volume[clip], from_a, to_b, height, sigma)
    return volume


def _draw_ridges(volume: Tensor, a: Tensor, b: Tensor, peaks: Tensor, sigma: float) -> None:
    """Draw ridges from ``a`` to ``b``, (T, M, L, 2), as high as ``peaks``, into (T, L, H, W) of zeros."""
    times, limbs, rows, columns = volume.shape
    planes = torch.arange(times * limbs, device=a.device).view(times, 1, limbs).expand(peaks.shape)
    low, high = _window(torch.minimum(a, b), torch.maximum(a, b), (rows, columns), sigma)
    wh = (high - low).clamp(min=0).long()
    counts = wh.prod(-1).masked_fill(peaks <= 0, 0).flatten()
    ridge = torch.repeat_interleave(counts)  # of each pixel of each window
    corners = torch.stack([*low.long().unbind(-1), wh[..., 0], planes]).flatten(1)
    left, top, width, plane = corners.index_select(1, ridge).unbind()
    place = torch.arange(len(ridge), device=a.device) - (counts.cumsum(0) - counts)[ridge]
    row = place // width
    x, y = left + place - row * width, top + row
    ab = b - a
    step = ab / (ab**2).sum(-1, keepdim=True).clamp(min=1)  # shorter ones are points
    lines = torch.stack([part[..., axis] for part in (a, ab, step) for axis in (0, 1)] + [peaks])
    a_x, a_y, b_x, b_y, step_x, step_y, height = lines.flatten(1).index_select(1, ridge).unbind()
    off_x, off_y = x - a_x, y - a_y
    along = (off_x * step_x + off_y * step_y).clamp_(0, 1)
    distance2 = (off_x - along * b_x).square_() + (off_y - along * b_y).square_()
    values = torch.exp_(distance2 / (-2 * sigma**2)) * height
    volume.view(-1).scatter_reduce_(0, (plane * rows + y) * columns + x, values, "amax")


def _window(first: Tensor, last: Tensor, size_hw: tuple[int, int], sigma: float) -> tuple[Tensor, Tensor]:
    """Return the pixels from and before which something between two points is drawn, (..., 2), x and y."""
    size_wh = torch.tensor(size_hw[::-1], device=first.device, dtype=first.dtype)
    low = torch.minimum((first - 3 * sigma).trunc().clamp(min=0), size_wh)
    high = torch.minimum((last + 3 * sigma).trunc() + 1, size_wh)
    return low, high
