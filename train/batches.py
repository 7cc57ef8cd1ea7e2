"""Plans -> batches of rows; read in this process or in spawned ones, resumable within an epoch."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Protocol, TypedDict, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from train.order import BatchPlan
from train.rows import PersonRows

logger = logging.getLogger(__name__)


class RawBatch(TypedDict, total=False):
    """What leaves a reading process: only persons who are there, in the store's own type.

    B clips, R persons. ``rows`` (R, T, V, C); where rows are kept on the device, ``kept`` (R,) instead, which
    of them. ``valid`` (R, T); ``slots`` (R,): clip * M + person; ``present`` (B, M); ``label`` and ``clip``
    (B,); ``seed``: of what is drawn; ``part``: whose batch it is.
    """

    rows: Tensor
    kept: Tensor
    valid: Tensor
    slots: Tensor
    present: Tensor
    label: Tensor
    clip: Tensor
    seed: int
    part: str


class ClipPart(Protocol):
    """The clips of one part, by batch. It can be sent to another process."""

    def __len__(self) -> int: ...

    def __getitem__(self, plan: BatchPlan) -> Mapping[str, object]: ...


class ClipBatches(Dataset[RawBatch]):
    """The clips of one part, by batch.

    Args:
        part: "train", "val" or "test".
        rows: how to read them.
        labels: (N,) int64, -1 unknown.
        places: (N,) int64, what batches call the clips.
    """

    def __init__(
        self, part: str, rows: PersonRows, labels: npt.NDArray[np.int64], places: npt.NDArray[np.int64]
    ) -> None:
        self.part, self.rows = part, rows
        self._labels, self._places = labels, places
        self._first_row = np.concatenate([[0], rows.present.sum(1).cumsum()])
        self.kept: Tensor | None = None
        self._on_device, self._step = False, 0

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, *, on_device: bool, step: int = 128) -> None:
        """Read all rows into RAM, a shard's worth of clips at a time.

        ``on_device``: instead, past RAM, which may be too small for them, onto the device of the first batch
        that asks for its rows; batches only name them.
        """
        self._on_device, self._step = on_device, step
        if not on_device and self.kept is None:
            self.kept = self._read_onto(torch.device("cpu"))

    def kept_rows(self, kept: Tensor) -> Tensor:
        """Return rows that are kept on the device of ``kept`` (R,); the first call reads them there."""
        if not self._on_device:
            raise ValueError(
                f"the rows of {self.part!r} are not kept where the model is; call setup() first, of a data "
                "module with in_memory='device'"
            )
        self.kept = self._read_onto(kept.device) if self.kept is None else self.kept.to(kept.device)
        return self.kept.index_select(0, kept)

    def _read_onto(self, device: torch.device) -> Tensor:
        begin = time.perf_counter()
        dtype = torch.from_numpy(np.empty(0, self.rows.dtype)).dtype
        kept = torch.empty((int(self._first_row[-1]), *self.rows.row_shape), dtype=dtype, device=device)
        for start in range(0, len(self), self._step):
            clips = np.arange(start, min(start + self._step, len(self)))
            place = slice(self._first_row[start], self._first_row[clips[-1] + 1])
            kept[place] = torch.from_numpy(self.rows.read(clips, num_threads=_num_threads()))
        logger.info("%s: %d clips were read in %.1f s", self.part, len(self), time.perf_counter() - begin)
        return kept

    def __getitem__(self, plan: BatchPlan) -> RawBatch:
        present = self.rows.present[plan.clips]
        clip, person = np.nonzero(present)
        batch = RawBatch(
            valid=torch.from_numpy(self.rows.valid[plan.clips[clip], :, person]),
            slots=torch.from_numpy(clip * present.shape[1] + person),
            present=torch.from_numpy(present),
            label=torch.from_numpy(self._labels[plan.clips]),
            clip=torch.from_numpy(self._places[plan.clips]),
            seed=plan.seed,
            part=self.part,
        )
        # rank of the person among those of its clip
        order = np.cumsum(present, axis=1)[clip, person] - 1
        kept = self._first_row[plan.clips[clip]] + order
        if self._on_device:
            batch["kept"] = torch.from_numpy(kept)
        elif self.kept is not None:
            # numpy's: torch opens a parallel region per row, which took 370 ms instead of 2 on a busy machine
            batch["rows"] = torch.from_numpy(self.kept.numpy().take(kept, axis=0))
        else:
            batch["rows"] = torch.from_numpy(self.rows.read(plan.clips, num_threads=_num_threads()))
        return batch


class _Epoch:
    """Which epoch is next."""

    def __init__(self) -> None:
        self.number = 0

    def set_epoch(self, epoch: int) -> None:
        self.number = epoch


class BatchLoader:
    """Iterates over the batches of an epoch; goes on within one after ``load_state_dict``.

    Lightning finds ``batch_sampler.sampler.set_epoch`` and the two state methods by their names. (This is no
    DataLoader: Lightning would replace its sampler.)

    Args:
        clips: what is read.
        plan: epoch -> its batches; a pure function, so that a resumed epoch has the same ones.
        num_workers: processes that read ahead; 0: this one.
        pin_memory: batches in memory from which a GPU copies faster.
    """

    def __init__(
        self,
        clips: ClipPart,
        plan: Callable[[int], Sequence[BatchPlan]],
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        self._epoch = _Epoch()
        self.batch_sampler = SimpleNamespace(sampler=self._epoch)
        self._plan = plan
        self._at = (-1, 0)  # epoch that is under way, how many of its batches were handed out
        self._resume_at: tuple[int, int] | None = None
        self._queue: list[BatchPlan] = []
        self._loader = DataLoader(
            cast(Dataset[Mapping[str, object]], clips),
            batch_size=None,  # an item is a batch
            sampler=_Queue(self._queue),
            num_workers=num_workers,
            # an open store must not be forked, neither may CUDA
            multiprocessing_context="spawn" if num_workers else None,
            persistent_workers=num_workers > 0,
            pin_memory=pin_memory,
        )

    def __len__(self) -> int:
        return len(self._plan(self._epoch.number))

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        # a generator: Lightning asks for an iterator before it says which epoch it is, and throws some away
        epoch, first = self._epoch.number, 0
        if self._resume_at is not None:
            resumed, seen = self._resume_at
            first = seen if resumed == epoch else 0
            self._resume_at = None
        self._queue[:] = self._plan(epoch)[first:]
        self._at = epoch, first
        for number, batch in enumerate(self._loader, start=first + 1):
            self._at = epoch, number
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch is next."""
        self._epoch.set_epoch(epoch)

    def close(self) -> None:
        """End the processes that read ahead; nothing can be read any more.

        They end with what started them. Lightning is known by much that knows this loader, in circles, so
        they would stay until Python looks for circles: those of several trainings at once.
        """
        del self._loader

    def state_dict(self) -> dict[str, int]:
        """Return where it is: the epoch, and how many of its batches were handed out."""
        epoch, seen = self._resume_at or self._at
        return {"epoch": epoch, "seen": seen}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration go on from there, if it is of the same epoch."""
        self._resume_at = state["epoch"], state["seen"]


class _Queue:
    """The plans to come, as a sampler."""

    def __init__(self, plans: list[BatchPlan]) -> None:
        self._plans = plans

    def __iter__(self) -> Iterator[BatchPlan]:
        return iter(list(self._plans))

    def __len__(self) -> int:
        return len(self._plans)


def _num_threads() -> int:
    """As many as there are cores; one in a worker process, whose brothers have the other cores."""
    return len(os.sched_getaffinity(0)) if get_worker_info() is None else 1
