"""One annotation of a pyskl pickle: its fields, checked. Pure (specs/posec3d.md 3.1)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError

Annotation = Mapping[str, Any]

# how far outside of the frame a keypoint may lie before the frame's sides are taken to be swapped
_OUTSIDE = 1.2


def keypoint_of(annotation: Annotation) -> npt.NDArray[np.floating[Any]] | None:
    """Return an annotation's keypoints if they have a shape that can be stored."""
    given = annotation.get("keypoint")
    is_pose = isinstance(given, np.ndarray) and given.ndim == 4 and given.dtype.kind in "fiu"
    return given if is_pose and min(given.shape[1:]) > 0 and given.shape[3] in (2, 3) else None  # type: ignore[union-attr]


def label_of(annotation: Annotation) -> int | None:
    """Return the class's number, None where there is none."""
    label = annotation.get("label")
    return int(label) if isinstance(label, int | np.integer) and label >= 0 else None


def frame_wh(annotation: Annotation) -> tuple[int | None, int | None]:
    """Return width and height of the frames, None where they are not given; they are stored height first."""
    shape = annotation.get("img_shape")
    if shape is None:
        return None, None
    try:
        height, width = (int(side) for side in shape)
    except (TypeError, ValueError) as error:
        raise ClipImportError(f"img_shape is {shape!r}; expected (height, width)") from error
    return width, height


def check_inside(keypoints: npt.NDArray[np.float32], width: int, height: int) -> None:
    """Refuse keypoints, (..., 2), that fit the frame only if its sides are swapped: the usual mistake."""
    x, y = float(keypoints[..., 0].max()), float(keypoints[..., 1].max())
    if (x > _OUTSIDE * width and x <= height) or (y > _OUTSIDE * height and y <= width):
        raise ClipImportError(
            f"keypoints reach ({x:.0f}, {y:.0f}) in a frame {width} wide and {height} high; "
            "img_shape is (height, width): it seems to be swapped"
        )


def arrays_of(
    annotation: Annotation, *, max_persons: int, tail: tuple[int, int], has_scores: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return keypoints (T, M, V, 2 or 3) and scores (T, M, V) with empty slots up to ``max_persons``.

    Args:
        annotation: as in the pickle, where persons come before time.
        max_persons: M.
        tail: V, and the number of coordinates.
        has_scores: whether the pickle has scores; they are 0 otherwise.

    Raises:
        ClipImportError: a field has another shape or type.
    """
    given = keypoint_of(annotation)
    if given is None or given.shape[2:] != tail:
        found = shape_of(annotation.get("keypoint"))
        raise ClipImportError(f"keypoint is {found}; expected (person, time, {tail[0]}, {tail[1]})")
    persons, steps = given.shape[:2]
    if annotation.get("total_frames", steps) != steps:
        raise ClipImportError(f"total_frames is {annotation['total_frames']}, keypoint has {steps} frames")
    shape = (steps, max_persons, tail[0])
    keypoints, scores = np.zeros((*shape, tail[1]), np.float32), np.zeros(shape, np.float32)
    keypoints[:, :persons] = given.swapaxes(0, 1)
    if has_scores:
        score = annotation.get("keypoint_score")
        if not isinstance(score, np.ndarray) or score.shape != given.shape[:3] or score.dtype.kind != "f":
            raise ClipImportError(f"keypoint_score is {shape_of(score)}; expected floats {given.shape[:3]}")
        scores[:, :persons] = score.swapaxes(0, 1)
    return keypoints, scores


def shape_of(value: object) -> str:
    """Return type and shape of an array, or the type of what is none, for a message."""
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
