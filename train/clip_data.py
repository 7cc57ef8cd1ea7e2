"""What the data modules of all methods share: parts of a store, their order, loaders. They know no model."""

import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, cast

import torch
from lightning_fabric.utilities import move_data_to_device
from pytorch_lightning import LightningDataModule
from torch import Tensor

from store import StoreReader, open_store
from train.batches import BatchLoader, ClipPart
from train.order import BatchPlan, evaluation_batches, training_batches
from train.parts import checked_ids

logger = logging.getLogger(__name__)

InMemory = bool | Literal["auto", "device"]
_MOST_READERS = 8


def readers_for(wanted: int | None, devices: Sequence[torch.device]) -> int:
    """Return how many processes of each device read ahead, where clips are read while the network learns.

    On a CPU the network needs all cores, and takes hundreds of times as long as reading.

    Args:
        wanted: so many; None: enough for GPUs, which share the cores, and none on a CPU.
        devices: where the network is.
    """
    if wanted is not None:
        return wanted
    if devices[0].type == "cpu":
        return 0
    return min(_MOST_READERS, (len(os.sched_getaffinity(0)) - 1) // len(devices))


def tell_unkept(in_memory: InMemory) -> None:
    """Say that clips are decoded anew in each epoch, where somebody wants to keep them in memory."""
    if in_memory not in ("auto", False):
        logger.warning("crops and poses are read anew in each epoch; --in-memory is for pooled streams")


class ClipDataModule(LightningDataModule):
    """Batches of clips of one store.

    Loaders hand out raw batches, which are finished on the device (``on_after_batch_transfer``; without a
    Trainer ``batches`` does it). A finished batch has at least ``label`` (B,) int64, place of the class, -1
    unknown, and ``clip`` (B,) int64, place among the part's ids. Clips without data are never read.

    Args:
        store: a reader, or the address of a store.
        train_ids, test_ids, val_ids: clip ids; a batch's ``clip`` is a place among them.
        class_names: labels are places here, found by name.
        batch_size: B, of each process.
        group: an epoch of training has a multiple of so many batches, as far as it has as many: those whose
            gradients are added up.
        num_workers: processes that read ahead.
        seed: decides, with the epoch, the order of training clips and what is drawn for them.

    Raises:
        ValueError: an id twice.
    """

    def __init__(
        self,
        store: StoreReader | str,
        *,
        train_ids: Sequence[str],
        test_ids: Sequence[str],
        val_ids: Sequence[str] = (),
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._reader = open_store(store) if isinstance(store, str) else store
        self._ids: dict[str, tuple[str, ...]] = {
            "train": checked_ids(train_ids, "train"),
            "val": checked_ids(val_ids, "val"),
            "test": checked_ids(test_ids, "test"),
        }
        self.class_names = tuple(class_names)
        self._batch_size, self._group, self._seed = batch_size, group, seed
        self._num_workers = num_workers
        self._clips: dict[str, ClipPart] = {}
        self._loaders: list[BatchLoader] = []

    @property
    @abstractmethod
    def num_frames(self) -> int:
        """T of the stream."""

    @property
    @abstractmethod
    def num_persons(self) -> int:
        """M of the stream."""

    @abstractmethod
    def find_part(self, part: str, ids: Sequence[str]) -> ClipPart:
        """Return the clips of a part that have data.

        Raises:
            ValueError: a training clip has an unknown label.
        """

    @property
    def train_ids(self) -> tuple[str, ...]:
        return self._ids["train"]

    @property
    def val_ids(self) -> tuple[str, ...]:
        return self._ids["val"]

    @property
    def test_ids(self) -> tuple[str, ...]:
        return self._ids["test"]

    @property
    def num_readers(self) -> int:
        """Processes that read ahead."""
        return self._num_workers

    def setup(self, stage: str | None = None) -> None:
        """Find out which clips have data; None: of all parts."""
        for part in self.parts_of(stage):
            self.part(part)

    def parts_of(self, stage: str | None) -> tuple[str, ...]:
        """Return the parts that a stage of Lightning needs."""
        wanted = {"fit": ("train", "val"), "validate": ("val",)}.get(stage or "", ("test",))
        return tuple(self._ids) if stage is None else wanted

    def train_dataloader(self) -> BatchLoader:
        """Return a loader of shuffled, full batches.

        Raises:
            ValueError: no training clip has data, or there are fewer than processes.
        """
        num_clips, ranks = len(self.part("train")), self._ranks
        if num_clips < ranks["num_ranks"]:
            raise ValueError(
                f"{num_clips} of {len(self.train_ids)} training clips of {self._reader.address} have data; "
                f"expected {ranks['num_ranks']} or more. `make info` says what happened to them"
            )

        def plan(epoch: int) -> list[BatchPlan]:
            return training_batches(
                num_clips, self._batch_size, group=self._group, seed=self._seed, epoch=epoch, **ranks
            )

        return self._loader("train", plan)

    def val_dataloader(self) -> BatchLoader:
        """Return a loader of ``val_ids``; where there are none a Trainer wants ``limit_val_batches=0``."""
        return self._loader("val", self._evaluation_plan("val"))

    def test_dataloader(self) -> BatchLoader:
        """Return a loader of ``test_ids`` that have data, each once."""
        return self._loader("test", self._evaluation_plan("test"))

    def predict_dataloader(self) -> BatchLoader:
        """Return the loader of the test."""
        return self.test_dataloader()

    def batches(
        self, loader: BatchLoader, device: torch.device | str = "cpu"
    ) -> Iterator[Mapping[str, Tensor]]:
        """Walk a loader's finished batches without a Trainer."""
        for raw in loader:
            moved = move_data_to_device(raw, torch.device(device))
            yield cast(Mapping[str, Tensor], self.on_after_batch_transfer(moved, 0))

    def teardown(self, stage: str | None = None) -> None:
        """Let go of what is kept in memory, and of the processes that read ahead."""
        self._clips.clear()
        for loader in self._loaders:
            loader.close()
        self._loaders.clear()

    def part(self, part: str) -> ClipPart:
        """Return the clips of a part that have data; they are looked for once."""
        if part not in self._clips:
            self._clips[part] = self.find_part(part, self._ids[part])
        return self._clips[part]

    @property
    def _ranks(self) -> dict[str, int]:
        if self.trainer is None:
            return {"rank": 0, "num_ranks": 1}
        return {"rank": self.trainer.global_rank, "num_ranks": self.trainer.world_size}

    def _evaluation_plan(self, part: str) -> Callable[[int], list[BatchPlan]]:
        batches = evaluation_batches(len(self.part(part)), self._batch_size, **self._ranks)
        return lambda epoch: batches

    def _loader(self, part: str, plan: Callable[[int], list[BatchPlan]]) -> BatchLoader:
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        loader = BatchLoader(
            self.part(part), plan, num_workers=self.num_readers, pin_memory=device.type == "cuda"
        )
        self._loaders.append(loader)
        return loader
