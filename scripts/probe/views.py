"""A clip's arrays -> one vector: averages over time."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from store import StoreReader

Floats = npt.NDArray[np.float64]
View = Callable[[StoreReader, str], Floats]


def average(values: Floats, valid: npt.NDArray[np.bool_], *, spread: bool = False) -> Floats:
    """Average what is there over time.

    Args:
        values: (T, M, ...) of M persons.
        valid: (T, M), where a person is there.
        spread: append the standard deviations over time.

    Returns:
        (M D,) or (2 M D,); zeros for a person who is never there.
    """
    parts = []
    flat = values.reshape(*valid.shape, -1)
    for person in range(valid.shape[1]):
        own = flat[valid[:, person], person]
        if not len(own):
            own = np.zeros((1, flat.shape[-1]))
        parts += [own.mean(0), own.std(0)] if spread else [own.mean(0)]
    return np.concatenate(parts)


def pooled_view(tap: str | None, *, spread: bool = False) -> View:
    """Return the view of pooled features; of the store's first tap unless named."""

    def view(reader: StoreReader, clip_id: str) -> Floats:
        return average(
            reader.pooled(clip_id, tap).astype(np.float64), reader.person_valid(clip_id), spread=spread
        )

    return view


def pose_view(*, spread: bool = False) -> View:
    """Return the view of keypoints, in heights of the person's box from the middle of all who are there."""

    def view(reader: StoreReader, clip_id: str) -> Floats:
        valid = reader.person_valid(clip_id)
        boxes = np.asarray(reader.read("boxes", clip_id), np.float64)  # (T, M, 4)
        middles = (boxes[..., :2] + boxes[..., 2:]) / 2
        there = valid[..., None]
        middle = (middles * there).sum(1) / np.maximum(there.sum(1), 1)  # (T, 2)
        heights = np.maximum(boxes[..., 3] - boxes[..., 1], 1e-6)[..., None, None]
        points = reader.keypoints(clip_id).astype(np.float64)
        return average((points - middle[:, None, None]) / heights, valid, spread=spread)

    return view


def views(tap: str | None) -> Mapping[str, View]:
    """Return what is compared, by name."""
    return {
        "pooled features, averaged over time": pooled_view(tap),
        "keypoints, averaged over time": pose_view(),
        "pooled features, average and spread": pooled_view(tap, spread=True),
        "keypoints, average and spread": pose_view(spread=True),
    }
