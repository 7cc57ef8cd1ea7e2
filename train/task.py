"""Training as Lightning wants it: any model of streams, any data. It knows no store and no files."""

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from train.config import Recipe
from train.mixup import draw_mixture
from train.schedule import learning_rate


class ClassificationTask(LightningModule):
    """Train a model that maps a stream (B, C, T, V, M) to logits (B, K).

    Whatever a step draws (dropout, mixup) comes from the seed and the step's number, and so does its rate:
    a run that resumes at any step goes on as if it had never stopped.

    Args:
        model: the network.
        recipe: optimiser, schedule, loss.
        num_classes: K, for the accuracy on validation clips.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, *, num_classes: int) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        # of all processes together; a clip of an unknown class is left out
        self.accuracy = MulticlassAccuracy(num_classes, average="micro", ignore_index=-1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the logits (B, K)."""
        present = batch["present"] if self.recipe.mask_absent else None
        logits: Tensor = self.model(batch["stream"], present)
        return logits

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            self.parameters(),
            lr=self.recipe.lr,
            momentum=self.recipe.momentum,
            nesterov=self.recipe.momentum > 0,
            weight_decay=self.recipe.weight_decay,
        )

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        step = self.global_step
        rate = learning_rate(self.recipe, step=step, steps_per_epoch=int(self.trainer.num_training_batches))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate
        torch.manual_seed(
            hash((self.recipe.seed, step, self.global_rank))
        )  # of integers: the same everywhere

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        labels, smoothing = batch["label"], self.recipe.label_smoothing
        if not self.recipe.mixup:
            return nn.functional.cross_entropy(self(batch), labels, label_smoothing=smoothing)
        mixed = draw_mixture(batch["stream"], batch["present"], strength=self.recipe.mixup)
        logits = self(batch | {"stream": mixed.stream, "present": mixed.present})
        own, other = (
            nn.functional.cross_entropy(logits, wanted, label_smoothing=smoothing)
            for wanted in (labels, labels[mixed.partners])
        )
        return mixed.share * own + (1 - mixed.share) * other

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if len(batch["label"]):
            self.accuracy.update(self(batch), batch["label"])

    def on_validation_epoch_end(self) -> None:
        # the same in all processes; in the logs by epoch, with the loss (train/history.py)
        self.log("top1", self.accuracy.compute(), logger=False, sync_dist=True)
        self.accuracy.reset()
