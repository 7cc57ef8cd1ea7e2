"""Centres, sizes and overlaps of many boxes at once. Pure; all boxes (..., 4) float64 x1, y1, x2, y2."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def centres(boxes: Array) -> Array:
    """(..., 2) x, y."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def sizes(boxes: Array) -> Array:
    """(...) longer sides."""
    wh = boxes[..., 2:] - boxes[..., :2]
    return np.maximum(wh[..., 0], wh[..., 1])


def areas(boxes: Array) -> Array:
    """(...) areas; 0 of a box whose corners are in the wrong order."""
    wh: Array = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    product: Array = wh[..., 0] * wh[..., 1]
    return product


def intersections(boxes: Array, others: Array) -> Array:
    """(...) areas that two boxes share; the leading axes broadcast."""
    corners = [np.maximum(boxes[..., :2], others[..., :2]), np.minimum(boxes[..., 2:], others[..., 2:])]
    return areas(np.concatenate(corners, axis=-1))


def ious(boxes: Array, others: Array) -> Array:
    """(...) shared area over united area of boxes that have an area; the leading axes broadcast."""
    both = intersections(boxes, others)
    return both / (areas(boxes) + areas(others) - both)
