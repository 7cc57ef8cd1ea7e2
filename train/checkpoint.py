"""What is in a checkpoint: weights, and everything that is needed to use them on a store or to refuse it."""

import dataclasses
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from store import StoreReader
from store.durable import write_file
from store.facts import differences
from store.schema import array_specs, pooled_array_name
from store.skeleton import Skeleton
from train.config import Recipe, RecipeError, make_recipe
from train.models import GraphModel, build_model
from train.resume import torch_bytes
from train.rows import array_of, num_frames_of
from train.streams import view_of

_FORMAT = "heatpool checkpoint 1"
# settings of whom and what a dataset shows, not of what the numbers mean
_OF_THE_DATASET = {"dataset", "extract.two_person_classes"}


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one that does not fit a store; says what differs."""


@dataclass(frozen=True, slots=True)
class Passport:
    """What a checkpoint says of itself; JSON values.

    Args:
        dataset, protocol, fold: what it was trained on.
        class_names: of the K scores.
        joint_names, links, bones: of the skeleton.
        array: of the store, that the stream reads; tap: of a pooled stream.
        in_channels, num_frames, num_persons: C, T, M of the stream.
        meaning, meaning_sha256: the store's fingerprint.
        recipe: resolved.
        num_train: training clips that the fold names.
        epoch: how many epochs the weights have seen; 0: nobody knows, they are from elsewhere.
        chosen_by: why this epoch, in words.
    """

    dataset: str
    protocol: str
    fold: str
    class_names: list[str]
    joint_names: list[str]
    links: list[list[str]]
    bones: list[list[str]]
    array: str
    tap: str | None
    in_channels: int
    num_frames: int
    num_persons: int
    meaning: dict[str, object]
    meaning_sha256: str
    recipe: dict[str, object]
    num_train: int
    epoch: int
    chosen_by: str

    @property
    def skeleton(self) -> Skeleton:
        return Skeleton(
            tuple(self.joint_names),
            tuple((a, b) for a, b in self.links),
            tuple((a, b) for a, b in self.bones),
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model on its way from or to a file; ``where`` is the file, for messages."""

    passport: Passport
    weights: Mapping[str, Tensor]
    where: str

    @property
    def recipe(self) -> Recipe:
        return make_recipe(self.passport.recipe)

    def model(self) -> GraphModel:
        """Build the model, with its weights, ready to be asked."""
        recipe, passport = self.recipe, self.passport
        model = build_recipe_model(
            recipe,
            in_channels=passport.in_channels,
            num_frames=passport.num_frames,
            num_persons=passport.num_persons,
            skeleton=passport.skeleton,
            num_classes=len(passport.class_names),
        )
        model.load_state_dict(dict(self.weights))
        return model.eval()


class TrainedModel(nn.Module):
    """A trained model, ready to be asked, and what it fits.

    Args:
        model: the network.
        checkpoint: where it is from.

    Attributes:
        passport: the classes of its K scores, its joints, stream, array, and the store's settings.
    """

    def __init__(self, model: GraphModel, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.model = model
        self.passport = checkpoint.passport
        self._checkpoint = checkpoint
        self.eval()

    def forward(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return logits, in the order of ``passport.class_names``.

        Args:
            stream: (B, C, T, V, M) float, such as ``train.streams.clip_stream`` makes of a clip.
            present: (B, M) bool, who is in the clip; None: everybody. A model that was trained on the mean
                over all slots, as published, does not look at it.

        Returns:
            (B, K).
        """
        logits: Tensor = self.model(stream, present if self._checkpoint.recipe.mask_absent else None)
        return logits

    def check_fits(self, reader: StoreReader, *, accept: Iterable[str] = ()) -> list[str]:
        """Refuse a store whose values mean something else; see ``check_fits``."""
        return check_fits(self._checkpoint, reader, accept=accept)


def make_passport(
    reader: StoreReader,
    recipe: Recipe,
    *,
    protocol: str,
    fold: str,
    class_names: Iterable[str],
    num_persons: int,
    num_train: int,
    epoch: int,
    chosen_by: str,
) -> Passport:
    """Say what a model is that a recipe makes from a store; see ``Passport``."""
    facts = reader.facts
    array = array_of(reader, view_of(recipe.stream).source, recipe.tap)
    return Passport(
        dataset=facts.dataset.name,
        protocol=protocol,
        fold=fold,
        class_names=list(class_names),
        joint_names=list(facts.skeleton.joint_names),
        links=[list(pair) for pair in facts.skeleton.links],
        bones=[list(pair) for pair in facts.skeleton.bones],
        array=array,
        tap=next((tap for tap in facts.layout.taps if pooled_array_name(tap) == array), None),
        in_channels=int(reader.spec(array).shape_tail[-1]),
        num_frames=num_frames_of(reader, recipe.num_frames),
        num_persons=num_persons,
        meaning=dict(facts.meaning),
        meaning_sha256=facts.meaning_sha256,
        recipe=recipe.to_json(),
        num_train=num_train,
        epoch=epoch,
        chosen_by=chosen_by,
    )


def build_recipe_model(
    recipe: Recipe,
    *,
    in_channels: int,
    num_frames: int,
    num_persons: int,
    skeleton: Skeleton,
    num_classes: int,
) -> GraphModel:
    """Build the model that a recipe asks for, for a stream of this shape; its first weights are drawn."""
    return build_model(
        recipe.model,
        in_channels=in_channels,
        num_frames=num_frames,
        num_persons=num_persons,
        skeleton=skeleton,
        num_classes=num_classes,
        width=recipe.width,
        graph=recipe.graph,
        dropout=recipe.dropout,
    )


def save_checkpoint(path: Path, passport: Passport, weights: Mapping[str, Tensor]) -> None:
    """Write a checkpoint, whole or not at all."""
    content = {
        "format": _FORMAT,
        "passport": dataclasses.asdict(passport),
        "weights": {name: value.detach().cpu().clone() for name, value in weights.items()},
    }
    write_file(path, torch_bytes(content))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in it is executed (``weights_only``).

    Raises:
        CheckpointError: it is none.
        OSError: it cannot be read.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise CheckpointError(f"{path}: {content['format']!r}; expected {_FORMAT!r}: update Heatpool")
        checkpoint = Checkpoint(Passport(**content["passport"]), content["weights"], str(path))
        checkpoint.recipe  # noqa: B018 - one of another version is found out here
        return checkpoint
    except CheckpointError:
        raise
    except (
        pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, RuntimeError, RecipeError
    ) as error:  # fmt: skip
        first_line = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{path}: no checkpoint of Heatpool ({first_line}); expected the checkpoint.pt of a run"
        ) from error


def load_model(path: Path | str) -> TrainedModel:
    """Return the model of a checkpoint, ready to be asked, on the CPU, and what it fits.

    Args:
        path: the ``checkpoint.pt`` of a run; nothing in it is executed.

    Raises:
        CheckpointError: it is none.
        OSError: it cannot be read.
    """
    checkpoint = load_checkpoint(Path(path))
    return TrainedModel(checkpoint.model(), checkpoint)


def check_fits(checkpoint: Checkpoint, reader: StoreReader, *, accept: Iterable[str] = ()) -> list[str]:
    """Refuse a store whose values mean something else than those that the model was trained on.

    Which dataset it is, who is in it and which other taps it has does not matter.

    Args:
        checkpoint: what was trained.
        reader: the store to be evaluated.
        accept: settings that may differ.

    Returns:
        The accepted settings that do differ, with both values, in words.

    Raises:
        CheckpointError: naming everything that differs.
        StoreError: the store lacks the array.
    """
    passport, facts = checkpoint.passport, reader.facts
    accepted = set(accept)
    array = array_of(reader, view_of(checkpoint.recipe.stream).source, passport.tap)
    have = dict(facts.meaning) | {
        "joints": list(facts.skeleton.joint_names),
        "bones": [list(pair) for pair in facts.skeleton.bones],
        "array": array,
        "channels": next(spec.shape_tail[-1] for spec in array_specs(facts.layout) if spec.name == array),
    }
    want = dict(passport.meaning) | {
        "joints": passport.joint_names,
        "bones": passport.bones,
        "array": passport.array,
        "channels": passport.in_channels,
    }
    # the tap that is read is named by the array
    ignored = {*_OF_THE_DATASET, "pose.taps"}
    unlike = {
        name: f"{name}: the store has {_short(have.get(name))}, the checkpoint wants {_short(want.get(name))}"
        for name in differences(have, want)
        if name not in ignored
    }
    refused = [line for name, line in unlike.items() if name not in accepted]
    if refused:
        raise CheckpointError(
            f"{reader.address} does not fit {checkpoint.where}:\n  " + "\n  ".join(refused) + "\n"
            "Extract a store with the same settings, or train on one like this. To evaluate, and say so: "
            f'ARGS="--accept {",".join(name for name in unlike if name not in accepted)}"'
        )
    return list(unlike.values())


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
