"""Resume points: everything a run needs to go on after a kill, written whole or not at all."""

import io
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import Callback, LightningModule, Trainer

from store.durable import write_file

logger = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818 - a wish of the user, not an error
    """Training stopped because it was asked to; the resume point is written."""


class DurableCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoints so that a kill or a power cut leaves the earlier one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Write a checkpoint to a local file."""
        write_file(Path(path), torch_bytes(checkpoint))


class ResumePoint(Callback):
    """Writes a resume point after each epoch, and within an epoch now and then.

    With several processes only after epochs: their clocks differ, and all have to take part. Comes after the
    callbacks whose state it keeps.

    Args:
        path: of the file.
        every_seconds: between two points within an epoch.
        should_stop: asked after each step; then a point is written and ``Stopped`` raised (with several
            processes after the epoch).
    """

    def __init__(self, path: Path, *, every_seconds: float, should_stop: Callable[[], bool]) -> None:
        self._path = path
        self._every_seconds = every_seconds
        self._should_stop = should_stop
        self._last = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: torch.Tensor | Mapping[str, Any] | None,
        batch: object,
        batch_idx: int,
    ) -> None:
        is_last = batch_idx + 1 >= trainer.num_training_batches
        is_within_step = (batch_idx + 1) % trainer.accumulate_grad_batches  # gradients are in no resume point
        if is_last or is_within_step or trainer.world_size > 1:
            return
        stop = self._should_stop()
        if stop or time.monotonic() - self._last >= self._every_seconds:
            self._save(trainer)
        if stop:
            raise Stopped

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)
        is_done = trainer.current_epoch + 1 >= (trainer.max_epochs or 0)
        if not is_done and trainer.strategy.reduce_boolean_decision(self._should_stop(), all=False):
            raise Stopped

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self._path)
        self._last = time.monotonic()


def torch_bytes(content: object) -> bytes:
    """Return what ``torch.save`` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a wish to stop; the second one ends the program as usual."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        logger.warning("%s: finishing the step under way, then stopping", signal.Signals(number).name)

    previous = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
