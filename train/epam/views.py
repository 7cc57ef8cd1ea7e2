"""What of a clip the networks are shown: which steps, poses and crops of them; one view of it, or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from store import StoreReader
from train.crops import Crops
from train.epam.clips import BoxRule, at_steps, read_poses
from train.epam.sampling import (
    Steps,
    draw_for,
    published_draw,
    rgb_steps,
    rgb_stride,
    steps_in_test,
    steps_in_training,
)
from train.order import BatchPlan


@dataclass(frozen=True, slots=True)
class Look:
    """What of a clip is looked at.

    Args:
        pose_steps: N; 0: not at the pose.
        rgb_steps: M; 0: not at RGB. Some of the pose steps, where there are such.
        phase: which of N / M neighbours has an RGB frame.
        rgb_size: width and height of the RGB frames.
        box_rule: see ``train.epam.clips``; is_clamped: of the published one.
        num_views: of a clip in a test.

    Raises:
        ValueError: N is no multiple of M, or there is no such neighbour.
    """

    pose_steps: int
    rgb_steps: int
    phase: int = 0
    rgb_size: int = 224
    box_rule: BoxRule = "store"
    is_clamped: bool = True
    num_views: int = 1

    def __post_init__(self) -> None:
        if self.pose_steps and self.rgb_steps and not 0 <= self.phase < self.stride:
            raise ValueError(f"phase is {self.phase}; expected 0 to {self.stride - 1}, below N / M")

    @property
    def stride(self) -> int:
        return rgb_stride(self.pose_steps, self.rgb_steps)

    def steps(self, num_steps: int, clip_id: str, *, seed: int, is_training: bool) -> Steps:
        """Choose the steps of a clip of ``num_steps``: (views, N), or (views, M) without the pose."""
        wanted = self.pose_steps or self.rgb_steps
        if is_training:
            return steps_in_training(num_steps, wanted, draw_for(clip_id, seed=seed))[None]
        return steps_in_test(num_steps, wanted, published_draw(), num_views=self.num_views)


class RawViews(TypedDict):
    """What leaves a reading process: B clips of W views, a clip's views one after another.

    ``points`` (B * W, N, M, V, 2), ``scores``, ``known``, ``boxes``: see ``PoseSteps``; ``crops``
    (B * W, M, 3, H, W) uint8; ``label`` and ``clip`` (B,); ``seed``: of what is drawn; ``part``: whose it is.
    """

    points: NotRequired[Tensor]
    scores: NotRequired[Tensor]
    known: NotRequired[Tensor]
    boxes: NotRequired[Tensor]
    crops: NotRequired[Tensor]
    label: Tensor
    clip: Tensor
    seed: int
    part: str


class ClipViews(Dataset[RawViews]):
    """The clips of one part, by batch.

    Args:
        part: "train", "val" or "test"; of the first one steps are drawn anew in each epoch.
        reader: the store.
        clip_ids: N clips with data.
        labels: (N,) int64, -1 unknown.
        places: (N,) int64, what batches call the clips.
        look: what is shown of them.
    """

    def __init__(
        self,
        part: str,
        reader: StoreReader,
        clip_ids: Sequence[str],
        labels: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        look: Look,
    ) -> None:
        self.part = part
        self._reader, self._look = reader, look
        self._clip_ids, self._labels, self._places = clip_ids, labels, places
        self._crops = Crops(reader, "clip", clip_ids, size=look.rgb_size) if look.rgb_steps else None

    def __len__(self) -> int:
        return len(self._clip_ids)

    def __getitem__(self, plan: BatchPlan) -> RawViews:
        batch = RawViews(
            label=torch.from_numpy(self._labels[plan.clips]),
            clip=torch.from_numpy(self._places[plan.clips]),
            seed=plan.seed,
            part=self.part,
        )
        look, clip_ids = self._look, [self._clip_ids[place] for place in plan.clips]
        steps = {clip_id: self._steps(clip_id, plan.seed) for clip_id in clip_ids}
        if look.pose_steps and steps:
            seen = []
            for clip_id, views in steps.items():
                poses = read_poses(self._reader, clip_id)
                seen += [
                    at_steps(poses, view, box_rule=look.box_rule, is_clamped=look.is_clamped)
                    for view in views
                ]
            points, scores, known, boxes = (torch.stack(parts) for parts in zip(*seen, strict=True))
            batch |= {"points": points, "scores": scores, "known": known, "boxes": boxes}
        if self._crops is not None and steps:
            crops = []
            for clip, views in zip(plan.clips.tolist(), steps.values(), strict=True):
                chosen = self._rgb_steps(views)
                pixels = torch.from_numpy(self._crops.read(clip, chosen.reshape(-1)))
                crops.append(pixels.movedim(-1, -3).reshape(*chosen.shape, 3, *pixels.shape[1:3]))
            batch["crops"] = torch.cat(crops)
        return batch

    def _steps(self, clip_id: str, seed: int) -> Steps:
        num_steps = self._reader.row(clip_id).outcome.num_steps or 0
        return self._look.steps(num_steps, clip_id, seed=seed, is_training=self.part == "train")

    def _rgb_steps(self, steps: Steps) -> Steps:
        if not self._look.pose_steps:
            return steps
        return rgb_steps(steps, self._look.rgb_steps, phase=self._look.phase)
