"""What a stream's name stands for: a recipe, data, a network and how it is taught.

Folds, resume points, the best epoch, checkpoints, scores and tables are the same for all methods.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from train.config import Recipe, RecipeError, complete_recipe
from train.epam.recipe import EpamRecipe, PoseRecipe, RgbRecipe, XShiftRecipe
from train.graph_recipe import GraphRecipe
from train.hpnet.recipe import HPNetRecipe
from train.streams import STREAMS

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from store import StoreReader
    from train.clip_data import ClipDataModule, InMemory
    from train.passport import Passport, Source
    from train.settings import Part

DEFAULT_STREAM = "hpj"
RECIPES: Mapping[str, type[Recipe]] = {
    **dict.fromkeys(STREAMS, GraphRecipe),
    "hpnet": HPNetRecipe,
    "xshift_pose": PoseRecipe,
    "xshift_rgb": RgbRecipe,
    "epam": EpamRecipe,
}


class Method(Protocol):
    """What a recipe trains. A batch is what ``data`` makes of clips; what is in it is the method's business.

    Attributes:
        test_batch: clips that are scored together.
        reads: what it reads of a store, whose settings then have to be those of the training.
    """

    test_batch: int
    reads: "frozenset[Part]"

    def source(self, reader: "StoreReader", tap: str | None = None) -> "Source":
        """Say what is read of a store.

        Args:
            reader: the store.
            tap: of pooled features; None: the recipe's.

        Raises:
            StoreError: the store lacks something.
        """
        ...

    def data(
        self,
        reader: "StoreReader",
        *,
        train_ids: Sequence[str] = (),
        val_ids: Sequence[str] = (),
        test_ids: Sequence[str] = (),
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        in_memory: "InMemory" = "auto",
        passport: "Passport | None" = None,
    ) -> "ClipDataModule":
        """Return batches of a store.

        Args:
            reader: the store.
            train_ids: clip ids of the training.
            val_ids: of the validation.
            test_ids: of the test.
            class_names: labels are places here.
            batch_size: of each process, at once.
            group: batches of a step, see ``ClipDataModule``.
            num_workers: processes that read ahead, see ``train.clip_data.readers_for``.
            in_memory: see ``StreamDataModule``; methods that decode say that they keep nothing.
            passport: of the trained network that the data must fit; None: the recipe decides.
        """
        ...

    def facts(self, reader: "StoreReader", class_names: Sequence[str]) -> Mapping[str, object]:
        """Return what else the network is built from, as JSON values for its passport.

        Raises:
            ValueError: it cannot be had.
        """
        ...

    def first_model(self, passport: "Passport", folder: Path) -> "nn.Module":
        """Return the network at the beginning of a training; its first weights are drawn, or pre-trained.

        Args:
            passport: of what will be trained.
            folder: of the fold's run, where the method may keep files of its own.
        """
        ...

    def model(self, passport: "Passport") -> "nn.Module":
        """Return the network of a passport, for weights that will be loaded."""
        ...

    def compile(self, model: "nn.Module", device: "torch.device") -> None:
        """Let torch compile what pays, or say that nothing does; names in the state dict stay."""
        ...

    def optimizer(self, model: "nn.Module") -> "torch.optim.Optimizer":
        """Return the optimiser of the parameters that learn."""
        ...

    def rates(self, *, step: int, steps_per_epoch: int) -> list[float]:
        """Return the learning rate of each of the optimiser's groups; pure, so that it needs no state."""
        ...

    def loss(self, model: "nn.Module", batch: Mapping[str, "Tensor"]) -> "Tensor":
        """Return the loss of a training batch, a scalar."""
        ...

    def logits(self, model: "nn.Module", batch: Mapping[str, "Tensor"]) -> "Tensor":
        """Return the scores (B, K) of a batch."""
        ...


def make_recipe(choices: Mapping[str, object]) -> Recipe:
    """Complete some choices with the published recipe of their stream and model.

    Raises:
        RecipeError: there is no such stream or choice, or a value is of another kind.
    """
    return complete_recipe(_kind_of(str(choices.get("stream", DEFAULT_STREAM))), choices)


def choices_for(stream: str, choices: Mapping[str, object]) -> Mapping[str, object]:
    """Return, of the choices of a recipe that begins with a training of ``stream``, those of that training.

    Those of other recipes are returned as they are.

    Raises:
        RecipeError: they mean nothing.
    """
    if choices.get("stream", stream) != stream:
        for stage in make_recipe(choices).stages():
            if stage.stream == stream:
                return stage.to_json()
    return choices


def method_of(recipe: Recipe) -> Method:
    """Return what a recipe trains; what it imports is imported now."""
    if isinstance(recipe, GraphRecipe):
        from train.graph_method import GraphMethod

        return GraphMethod(recipe)
    if isinstance(recipe, HPNetRecipe):
        from train.hpnet.method import HPNetMethod

        return HPNetMethod(recipe)
    if isinstance(recipe, XShiftRecipe):
        from train.epam.method import EpamMethod

        return EpamMethod(recipe)
    raise TypeError(f"{type(recipe).__name__} has no method")


def _kind_of(stream: str) -> type[Recipe]:
    if stream not in RECIPES:
        raise RecipeError(f"there is no stream {stream!r}; expected one of {', '.join(RECIPES)}")
    return RECIPES[stream]
