"""How well boxes and keypoints fit what is true. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from extract.box_geometry import ious

Floats = npt.NDArray[np.float64]

LEAST_IOU = 0.5  # of a box that found its person
LEAST_SEEN = 3  # keypoints; a person of whom fewer are seen is not asked for
PCK_SHARE = 0.1  # of the true box's height: how far a keypoint may be away


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found, what was there, and what was found of it.

    Args:
        num_found: boxes that were found.
        num_true: persons to find.
        num_hits: persons who were found.
    """

    num_found: int
    num_true: int
    num_hits: int

    @property
    def recall(self) -> float:
        """Share of the persons who were found; nan without persons."""
        return self.num_hits / self.num_true if self.num_true else float("nan")

    @property
    def precision(self) -> float:
        """Share of the boxes that found somebody; nan without boxes."""
        return self.num_hits / self.num_found if self.num_found else float("nan")


def match(found: Floats, true: Floats) -> npt.NDArray[np.int64]:
    """Give each person the box that found it.

    Args:
        found: (F, 4) boxes, the surest one first: each takes the person whom it covers best of those who are
            left, if it covers them by ``LEAST_IOU``.
        true: (P, 4) boxes that have an area.

    Returns:
        (P,) the number of the box, -1 for nobody's.
    """
    boxes = np.full(len(true), -1)
    overlaps = ious(found[:, None], true[None])
    for number, row in enumerate(overlaps):
        row = np.where(boxes < 0, row, 0)
        if len(row) and row.max() >= LEAST_IOU:
            boxes[row.argmax()] = number
    return boxes


def count(
    found: Floats, true: Floats, is_asked_for: npt.NDArray[np.bool_]
) -> tuple[Counts, npt.NDArray[np.int64]]:
    """Count the boxes and persons of a frame.

    Args:
        found: (F, 4) boxes, the surest one first.
        true: (P, 4) boxes that have an area.
        is_asked_for: (P,) False for a person of whom too little is seen: to find such a one counts neither
            for nor against the detector.

    Returns:
        the counts, and (P,) the number of the box of each person, -1 for none.
    """
    boxes = match(found, true)
    num_free = int((boxes[~is_asked_for] >= 0).sum())
    hits = int((boxes[is_asked_for] >= 0).sum())
    return Counts(len(found) - num_free, int(is_asked_for.sum()), hits), boxes


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sums over frames."""
    rows = [(one.num_found, one.num_true, one.num_hits) for one in counts]
    return Counts(*(sum(column) for column in zip(*rows, strict=True))) if rows else Counts(0, 0, 0)


def are_near(keypoints: Floats, true: Floats, boxes_xyxy: Floats) -> npt.NDArray[np.bool_]:
    """Say which keypoints lie within ``PCK_SHARE`` of the height of their person's box.

    Args:
        keypoints: (P, V, 2) pixels; nan where a person was not found, which is not near.
        true: (P, V, 2) pixels.
        boxes_xyxy: (P, 4) true boxes.

    Returns:
        (P, V).
    """
    heights = boxes_xyxy[:, 3] - boxes_xyxy[:, 1]
    near: npt.NDArray[np.bool_] = np.linalg.norm(keypoints - true, axis=-1) <= PCK_SHARE * heights[:, None]
    return near
