"""Which epoch is the result, where it is not the last one."""

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor


class BestEpoch(Callback):
    """Keeps the weights of the epoch with the highest validation top-1; of equal ones the first.

    They are part of its state, so a resume point has them, and no second file can contradict it.

    Attributes:
        epoch: from 0; -1 before the first.
        top1: in [0, 1].
        weights: the model's state dict, on the CPU.
    """

    def __init__(self) -> None:
        self.epoch, self.top1 = -1, -1.0
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        top1 = float(trainer.callback_metrics["top1"])
        if top1 > self.top1:
            self.epoch, self.top1 = trainer.current_epoch, top1
            state = pl_module.model.state_dict()  # type: ignore[union-attr]
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def state_dict(self) -> dict[str, object]:
        return {"epoch": self.epoch, "top1": self.top1, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self.epoch, self.top1 = state_dict["epoch"], state_dict["top1"]  # type: ignore[assignment]
        self.weights = state_dict["weights"]  # type: ignore[assignment]
