"""What each epoch was like, as a CSV that is whole after every epoch, and as curves; survives a resume."""

import csv
import io
import math
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from store.durable import write_file


class TrainingError(RuntimeError):
    """A training that cannot go on; says what was found and what to try."""


class History(Callback):
    """Keeps the mean loss of each epoch, its learning rate and, where there is one, the validation top-1.

    Args:
        path: of the CSV; of the first process only.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[dict[str, float]] = []
        self._path = path
        self._loss: Tensor | float = 0.0
        self._count = 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: dict[str, Tensor],  # type: ignore[override]
        batch: object,
        batch_idx: int,
    ) -> None:
        self._loss = self._loss + outputs["loss"].detach().double() * trainer.accumulate_grad_batches
        self._count += 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        mean = torch.as_tensor(self._loss, device=pl_module.device) / max(self._count, 1)
        loss = float(trainer.strategy.reduce(mean, reduce_op="mean"))
        self._loss, self._count = 0.0, 0
        epoch = trainer.current_epoch
        self._check(epoch, loss, pl_module)
        row = {"epoch": epoch, "lr": trainer.optimizers[0].param_groups[0]["lr"], "loss": loss}
        if "top1" in trainer.callback_metrics:
            row["top1"] = float(trainer.callback_metrics["top1"])
        self.rows = [*self.rows[:epoch], row]
        for logger in trainer.loggers:
            logger.log_metrics({name: value for name, value in row.items() if name != "epoch"}, step=epoch)
            logger.save()  # a kill leaves the curves of all epochs before
        if trainer.is_global_zero:
            write_file(self._path, _csv(self.rows))

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, object]
    ) -> None:
        """Let no resume point be written of which nothing good can come."""
        self._check(trainer.current_epoch, float(self._loss), pl_module)

    def _check(self, epoch: int, loss: float, module: LightningModule) -> None:
        """Refuse a loss that is no number, and weights that are none, which the next loss would show."""
        what = f"the loss is {loss}"
        if math.isfinite(loss):
            if all(bool(weight.isfinite().all()) for weight in module.parameters()):
                return
            what = "weights are no longer finite"
        raise TrainingError(
            f"{self._path.parent}: {what} in epoch {epoch}; expected numbers. Try a lower lr, or "
            'precision=fp32, in another folder (ARGS="--run FOLDER") or after removing that of this run, '
            "which goes on with its own choices only"
        )

    def state_dict(self) -> dict[str, object]:
        return {"rows": self.rows, "loss": float(self._loss), "count": self._count}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self.rows = state_dict["rows"]  # type: ignore[assignment]
        self._loss, self._count = state_dict["loss"], state_dict["count"]  # type: ignore[assignment]


def _csv(rows: list[dict[str, float]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
