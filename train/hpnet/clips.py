"""What reading processes hand out of clips for HP-Net: frames of m steps, and rows of persons."""

import numpy as np
import numpy.typing as npt
import torch

from train.batches import ClipBatches
from train.crops import Crops
from train.hpnet.frames import sample_frames
from train.order import BatchPlan


class SeenClips:
    """The clips of one part, by batch. It can be sent to another process.

    A raw batch is that of ``ClipBatches`` (without rows: its label, clip, seed and part alone), and
    ``frames`` (B, m, H, W, 3) uint8 RGB.

    Args:
        part: "train", "val" or "test".
        crops: of N clips.
        labels: (N,) int64, -1 unknown.
        places: (N,) int64, what batches call the clips.
        rows: of the same clips; None: none are read.
        num_images: m.
    """

    def __init__(
        self,
        part: str,
        crops: Crops,
        labels: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        rows: ClipBatches | None,
        *,
        num_images: int,
    ) -> None:
        self.part, self.crops, self.rows = part, crops, rows
        self._labels, self._places, self._num_images = labels, places, num_images

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, plan: BatchPlan) -> dict[str, object]:
        draw = torch.Generator().manual_seed(plan.seed) if self.part == "train" else None
        size = self.crops.size
        frames = np.empty((len(plan.clips), self._num_images, size, size, 3), np.uint8)
        for place, clip in zip(frames, plan.clips.tolist(), strict=True):
            steps = self.crops.steps(clip)
            chosen = sample_frames(len(steps), num_samples=self._num_images, draw=draw)
            place[:] = self.crops.read(clip, steps[chosen.numpy()])
        batch: dict[str, object] = {
            "label": torch.from_numpy(self._labels[plan.clips]),
            "clip": torch.from_numpy(self._places[plan.clips]),
            "seed": plan.seed,
            "part": self.part,
            "frames": torch.from_numpy(frames),
        }
        return batch if self.rows is None else {**self.rows[plan], **batch}
