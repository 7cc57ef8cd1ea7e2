"""A clip of a store, as EPAM-Net's streams want it: poses and the one box that they share with RGB crops."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from store import StoreReader
from store.errors import StoreFormatError
from train.epam.boxes import known_by_value, union_boxes
from train.epam.sampling import Steps

# store: the box that the clip's RGB crops were cut from, so that both streams see the same; where there are
# no crops, around the poses of all steps. published: around the poses of the steps that were drawn, in which
# a coordinate of exactly 0 is missing (specs/epam.md A.4, G 4 and G 15).
BoxRule = Literal["store", "published"]


@dataclass(frozen=True, slots=True)
class PoseClip:
    """The poses of a clip, in source pixels.

    Args:
        points: (S, M, V, 2) float32.
        scores: (S, M, V) float32; 0: the joint is missing, as it may be in imported poses.
        valid: (S, M) bool, who is there.
        box: (4,) int64 x1, y1, x2, y2 of its RGB crops, None where the store has none.
        image_wh: width and height of its frames.
    """

    points: Tensor
    scores: Tensor
    valid: Tensor
    box: Tensor | None
    image_wh: tuple[int, int]

    @property
    def known(self) -> Tensor:
        """Which joints are there, (S, M, V, 1) bool."""
        return (self.valid[..., None] & (self.scores > 0))[..., None]


def check_poses(reader: StoreReader) -> None:
    """Refuse a store of which heatmaps cannot be drawn; all clips are looked at, before one is needed.

    Raises:
        StoreFormatError: it has no 2-D poses with scores, or does not know how large frames are.
    """
    lacks = [name for name in ("keypoints", "keypoint_scores") if name not in reader.facts.layout.facets]
    if lacks:
        raise StoreFormatError(
            f"{reader.address} has no {' and no '.join(lacks)}, of which heatmaps are drawn; choose a store "
            "of 2-D poses with scores: any that was extracted here, or a pyskl import"
        )
    outcomes = [reader.row(clip_id).outcome for clip_id in reader.clip_ids]
    sizes = zip(reader.clip_ids, outcomes, strict=True)
    unknown = [clip_id for clip_id, outcome in sizes if not outcome.width or not outcome.height]
    if unknown:
        raise StoreFormatError(
            f"{reader.address} does not say how large the frames of {len(unknown)} clips are, such as "
            f"{unknown[0]}; heatmaps need a store that was extracted, or imported from files that say it "
            "(pyskl: img_shape)"
        )


def read_poses(reader: StoreReader, clip_id: str) -> PoseClip:
    """Read the poses of a clip, of a store that ``check_poses`` passes.

    Raises:
        ClipNotFoundError, StoreFormatError, StoreDamagedError: as the reader.
    """
    outcome = reader.row(clip_id).outcome
    return PoseClip(
        points=torch.from_numpy(np.asarray(reader.read("keypoints", clip_id))),
        scores=torch.from_numpy(np.asarray(reader.read("keypoint_scores", clip_id))),
        valid=torch.from_numpy(reader.person_valid(clip_id)),
        box=crop_box(reader, clip_id),
        image_wh=(outcome.width or 0, outcome.height or 0),
    )


def crop_box(reader: StoreReader, clip_id: str) -> Tensor | None:
    """Return the box of a clip's RGB crops, (4,) int64; None where the store, or a copy of it, has none."""
    if "clip" not in reader.facts.layout.crops:
        return None
    try:
        boxes = np.asarray(reader.read("frames/clip_boxes", clip_id))
    except StoreFormatError:  # what a store was made with may have been left out of a copy
        return None
    there = boxes.any(1)
    return torch.from_numpy(boxes[there.argmax()].astype(np.int64)) if there.any() else None


class PoseSteps(NamedTuple):
    """What heatmaps of N steps are drawn from, in source pixels.

    ``points`` (N, M, V, 2); ``scores`` (N, M, V); ``known`` (N, M, V, 2) bool, or what broadcasts to it;
    ``box`` (4,) int64.
    """

    points: Tensor
    scores: Tensor
    known: Tensor
    box: Tensor


def at_steps(
    clip: PoseClip, steps: Steps, *, box_rule: BoxRule = "store", is_clamped: bool = True
) -> PoseSteps:
    """Return what heatmaps are drawn from.

    Args:
        clip: of a store.
        steps: (N,) see ``train/epam/sampling.py``.
        box_rule: see ``BoxRule``.
        is_clamped: of the published rule: the box ends where the image does.
    """
    chosen = torch.from_numpy(steps)
    points, scores = clip.points[chosen], clip.scores[chosen]
    image_wh = torch.tensor([clip.image_wh])
    if box_rule == "published":
        known = known_by_value(points)
        return PoseSteps(
            points, scores, known, union_boxes(points[None], known[None], image_wh, is_clamped=is_clamped)[0]
        )
    box = clip.box
    if box is None:
        box = union_boxes(clip.points[None], clip.known[None], image_wh)[0]
    return PoseSteps(points, scores, clip.known[chosen], box)
