"""How far a training is: a bar on a terminal, a line now and then elsewhere; always on stderr."""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Never

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm import tqdm

logger = logging.getLogger(__name__)

_LINE_EVERY_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 1.0  # at the loss, for which a GPU has to finish


class Progress(Callback):
    """Counts steps; shows epoch, loss, rate and the time that is left.

    Args:
        title: of the training, such as its fold.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: tqdm[Never] | None = None
        self._begin = self._last = 0.0
        self._first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self._begin = self._last = time.monotonic()
        self._first_step = trainer.global_step
        total = _num_steps(trainer)
        if self._first_step:
            logger.info("%s: resumes at step %d of %d", self._title, self._first_step, total)
        self._bar = tqdm(
            total=total,
            initial=self._first_step,
            desc=self._title,
            unit="step",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            smoothing=0.05,
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: object,
        batch_idx: int,
    ) -> None:
        if self._bar is None or not isinstance(outputs, Mapping):
            return
        parts = trainer.accumulate_grad_batches
        self._bar.update(trainer.global_step - self._bar.n)
        wait = _LINE_EVERY_SECONDS if self._bar.disable else _LOOK_EVERY_SECONDS
        if time.monotonic() - self._last < wait:
            return
        self._last = time.monotonic()
        where = (
            f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}, "
            f"loss {parts * float(outputs['loss']):.3f}"
        )
        if not self._bar.disable:
            self._bar.set_postfix_str(where, refresh=False)
            return
        done = trainer.global_step + (batch_idx + 1) % parts / parts - self._first_step
        rate = done / (time.monotonic() - self._begin)
        left = tqdm.format_interval((_num_steps(trainer) - trainer.global_step) / rate)
        logger.info("%s: %s, %.2f steps/s, %s left", self._title, where, rate, left)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _num_steps(trainer: Trainer) -> int:
    return -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches) * (
        trainer.max_epochs or 0
    )
