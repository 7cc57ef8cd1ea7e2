"""The release's way to keep features, one ``.npy`` per clip, behind a plain DataLoader."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, default_collate


def write_npy_files(folder: Path, features: Sequence[npt.NDArray[np.float32]]) -> None:
    """Write (T, M, V, C) of each clip."""
    for number, values in enumerate(features):
        np.save(folder / f"{number}.npy", values)


class NpyFiles(Dataset[torch.Tensor]):
    """The first person of each clip, from a file that is read as a whole.

    Args:
        folder: of the files.
        num_clips: how many there are.
        axes: order in which the axes (T, M, V, C) are returned.
    """

    def __init__(self, folder: Path, num_clips: int, *, axes: Sequence[int] = (0, 1, 2, 3)) -> None:
        self._folder, self._num_clips, self._axes = folder, num_clips, tuple(axes)

    def __len__(self) -> int:
        return self._num_clips

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(np.load(self._folder / f"{index}.npy")[:, :1]).permute(self._axes)


def shuffled(dataset: Dataset[torch.Tensor], *, batch_size: int, workers: int) -> DataLoader[torch.Tensor]:
    """Return batches in random order, with worker processes that stay."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=True,
        collate_fn=_collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )


def _collate(clips: list[torch.Tensor] | torch.Tensor) -> torch.Tensor:
    """Put clips together, but for those that a dataset hands out as a batch."""
    together: torch.Tensor = clips if isinstance(clips, torch.Tensor) else default_collate(clips)
    return together
