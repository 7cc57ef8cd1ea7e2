"""Heatmaps one Gaussian and one ridge at a time in numpy: what ours are measured and tested against.

The loops of specs/epam.md A.3 and specs/posec3d.md 1 as they are written there.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def plain_joint_volume(
    points: Array, scores: Array, *, size_hw: tuple[int, int], sigma: float, min_score: float
) -> Array:
    """Draw (B, T, V, H, W); arguments as ``train.epam.heatmaps.joint_volume``."""
    clips, times, persons, joints = scores.shape
    volume = np.zeros((clips, times, joints, *size_hw), np.float32)
    for clip, time, person, joint in np.ndindex(clips, times, persons, joints):
        score, centre = scores[clip, time, person, joint], points[clip, time, person, joint]
        if score >= min_score:
            _draw(volume[clip, time, joint], centre, centre, score, sigma)
    return volume


def plain_limb_volume(
    points: Array,
    scores: Array,
    limbs: Sequence[tuple[int, int]],
    *,
    size_hw: tuple[int, int],
    sigma: float,
    min_score: float,
) -> Array:
    """Draw (B, T, L, H, W); arguments as ``train.epam.heatmaps.limb_volume``."""
    clips, times, persons, _ = scores.shape
    volume = np.zeros((clips, times, len(limbs), *size_hw), np.float32)
    for clip, time, person, limb in np.ndindex(clips, times, persons, len(limbs)):
        begin, end = limbs[limb]
        score = scores[clip, time, person]
        if min(score[begin], score[end]) < min_score:
            continue
        a, b = points[clip, time, person, begin], points[clip, time, person, end]
        if ((b - a) ** 2).sum() < 1:
            _draw(volume[clip, time, limb], a, a, score[begin], sigma)
        else:
            _draw(volume[clip, time, limb], a, b, min(score[begin], score[end]), sigma)
    return volume


def _draw(plane: Array, a: Array, b: Array, height: float, sigma: float) -> None:
    """Draw one ridge, or one Gaussian where both ends are the same."""
    rows, columns = plane.shape
    left, right = max(int(min(a[0], b[0]) - 3 * sigma), 0), min(int(max(a[0], b[0]) + 3 * sigma) + 1, columns)
    top, bottom = max(int(min(a[1], b[1]) - 3 * sigma), 0), min(int(max(a[1], b[1]) + 3 * sigma) + 1, rows)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32)
    y = np.arange(top, bottom, dtype=np.float32)[:, None]
    from_a = (x - a[0]) ** 2 + (y - a[1]) ** 2
    if a is b:
        distance2 = from_a
    else:
        length2 = ((b - a) ** 2).sum()
        from_b = (x - b[0]) ** 2 + (y - b[1]) ** 2
        along = (from_a - from_b + length2) / (2 * length2)
        foot_x, foot_y = a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1])
        beside = (x - foot_x) ** 2 + (y - foot_y) ** 2
        distance2 = np.where(along <= 0, from_a, np.where(along >= 1, from_b, beside))
    patch = np.exp(-distance2 / 2 / sigma**2) * height
    plane[top:bottom, left:right] = np.maximum(plane[top:bottom, left:right], patch)
