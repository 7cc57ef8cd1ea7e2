"""Training as Lightning wants it: any method, any data. It knows no store and no files."""

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from train.method import Method


class ClassificationTask(LightningModule):
    """Teach a model as a method says.

    Whatever a step draws (dropout, mixup) comes from the seed and the step's number, and so does its rate:
    a run that resumes at any step goes on as if it had never stopped.

    Args:
        model: the network.
        method: loss, optimiser, learning rates.
        seed: of what is drawn.
        num_classes: K, for the accuracy on validation clips.
    """

    def __init__(self, model: nn.Module, method: Method, *, seed: int, num_classes: int) -> None:
        super().__init__()
        self.model = model
        self.method = method
        self._seed = seed
        # of all processes together; a clip of an unknown class is left out
        self.accuracy = MulticlassAccuracy(num_classes, average="micro", ignore_index=-1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.method.optimizer(self.model)

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        step, parts = self.global_step, self.trainer.accumulate_grad_batches
        batches = int(self.trainer.num_training_batches)
        rates = self.method.rates(step=step, steps_per_epoch=-(-batches // parts))
        for group, rate in zip(self.trainer.optimizers[0].param_groups, rates, strict=True):
            group["lr"] = rate
        # of integers: the same everywhere
        torch.manual_seed(hash((self._seed, step * parts + batch_idx % parts, self.global_rank)))

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        return self.method.loss(self.model, batch)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if len(batch["label"]):
            self.accuracy.update(self.method.logits(self.model, batch), batch["label"])

    def on_validation_epoch_end(self) -> None:
        # the same in all processes; in the logs by epoch, with the loss (train/history.py)
        self.log("top1", self.accuracy.compute(), logger=False, sync_dist=True)
        self.accuracy.reset()
