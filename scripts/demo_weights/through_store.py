"""What a store of demo clips says of the people, against what is true of them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from extract.box_geometry import ious
from scripts.demo_videos.truth import VISIBLE, ClipTruth
from scripts.demo_weights.measures import LEAST_IOU, LEAST_SEEN, Floats, are_near


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over sample times; those of clips are added.

    Args:
        num_actors: actors to find.
        num_found: actors who are in a slot.
        num_filled: slots that hold somebody.
        num_nobody: of these, slots that hold nobody who is there.
        num_joints: seen joints of actors.
        num_near: of these, joints that are right.
        num_switches: times that an actor was in another slot than when last found.
    """

    num_actors: int = 0
    num_found: int = 0
    num_filled: int = 0
    num_nobody: int = 0
    num_joints: int = 0
    num_near: int = 0
    num_switches: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        names = [field.name for field in fields(self)]
        return Tally(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def recall(self) -> float:
        """Share of the actors who are in a slot; nan without actors."""
        return self.num_found / self.num_actors if self.num_actors else float("nan")

    @property
    def precision(self) -> float:
        """Share of the filled slots that hold somebody; nan without any."""
        return 1 - self.num_nobody / self.num_filled if self.num_filled else float("nan")

    @property
    def pck(self) -> float:
        """Share of the seen joints of actors that are right; nan without any."""
        return self.num_near / self.num_joints if self.num_joints else float("nan")


def truth_at(truth: ClipTruth, positions: Floats) -> ClipTruth:
    """Return what is true between the frames.

    Args:
        truth: of the clip's T frames.
        positions: (S,) in frames.

    Returns:
        boxes and keypoints in between; a joint counts as seen where it is seen in both frames around it.
    """
    lower = np.floor(positions).astype(int)
    upper = np.minimum(lower + 1, len(truth.boxes_xyxy) - 1)
    share = positions - lower

    def between(values: Floats) -> Floats:
        weights = share.reshape(-1, *(1,) * (values.ndim - 1))
        mixed: Floats = (1 - weights) * values[lower] + weights * values[upper]
        return mixed

    return ClipTruth(
        truth.label,
        truth.seed,
        truth.condition,
        truth.num_actors,
        between(truth.boxes_xyxy),
        between(truth.keypoints_xy),
        np.minimum(truth.visibility[lower], truth.visibility[np.where(share > 0, upper, lower)]),
    )


def tally(truth: ClipTruth, boxes_xyxy: Floats, keypoints_xy: Floats, valid: npt.NDArray[np.bool_]) -> Tally:
    """Hold a clip's arrays against its truth.

    Args:
        truth: at the S sample times.
        boxes_xyxy: (S, M, 4) pixels.
        keypoints_xy: (S, M, 17, 2) pixels.
        valid: (S, M), which slots hold somebody.
    """
    slots = _slots(truth, boxes_xyxy, valid)
    actors = np.arange(truth.num_actors)
    seen = truth.visibility[:, actors] == VISIBLE  # (S, A, 17)
    is_asked_for = seen.sum(2) >= LEAST_SEEN
    found = (slots[:, actors] >= 0) & is_asked_for
    steps = np.arange(len(slots))[:, None]
    near = np.zeros_like(seen)
    for actor in actors:
        own = np.where(
            (slots[:, actor] >= 0)[:, None, None], keypoints_xy[steps[:, 0], slots[:, actor]], np.nan
        )
        near[:, actor] = are_near(own, truth.keypoints_xy[:, actor], truth.boxes_xyxy[:, actor])
    asked = seen & is_asked_for[..., None]
    return Tally(
        num_actors=int(is_asked_for.sum()),
        num_found=int(found.sum()),
        num_filled=int(valid.sum()),
        num_nobody=int(valid.sum() - (slots >= 0).sum()),
        num_joints=int(asked.sum()),
        num_near=int((near & asked).sum()),
        num_switches=sum(_num_changes(slots[:, actor]) for actor in actors),
    )


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sums over clips."""
    return sum(tallies, Tally())


def _slots(truth: ClipTruth, boxes_xyxy: Floats, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the slot that holds each person, (S, P), -1 for none: best overlap first, one slot each."""
    overlaps = ious(boxes_xyxy[:, :, None], truth.boxes_xyxy[:, None]) * valid[..., None]  # (S, M, P)
    slots = np.full(truth.boxes_xyxy.shape[:2], -1)
    for step, rows in enumerate(overlaps):
        for _ in range(min(rows.shape)):
            slot, person = np.unravel_index(rows.argmax(), rows.shape)
            if rows[slot, person] < LEAST_IOU:
                break
            slots[step, person] = slot
            rows[slot], rows[:, person] = 0, 0
    return slots


def _num_changes(slots: npt.NDArray[np.int64]) -> int:
    known = slots[slots >= 0]
    return int((known[1:] != known[:-1]).sum())
