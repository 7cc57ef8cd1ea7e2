"""What is in a checkpoint: weights, and everything that is needed to use them on a store or to refuse it."""

import dataclasses
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from store import StoreReader
from store.durable import write_file
from store.facts import differences
from train.config import Recipe, RecipeError
from train.method import Method, make_recipe, method_of
from train.passport import Passport
from train.resume import torch_bytes
from train.settings import settings_beside

_FORMAT = "heatpool checkpoint 1"


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one that does not fit a store; says what differs."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model on its way from or to a file; ``where`` is the file, for messages."""

    passport: Passport
    weights: Mapping[str, Tensor]
    where: str

    @property
    def recipe(self) -> Recipe:
        return make_recipe(self.passport.recipe)

    @property
    def method(self) -> Method:
        return method_of(self.recipe)

    def model(self) -> nn.Module:
        """Build the model, with its weights, ready to be asked."""
        model = self.method.model(self.passport)
        model.load_state_dict(dict(self.weights))
        return model.eval()


class TrainedModel(nn.Module):
    """A trained model, ready to be asked, and what it fits.

    Args:
        model: the network.
        checkpoint: where it is from.

    Attributes:
        passport: the classes of its K scores, its joints, stream, array, and the store's settings.
        method: makes batches of a store for it, see ``train.method.Method.data``.
    """

    def __init__(self, model: nn.Module, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.model = model
        self.passport = checkpoint.passport
        self._checkpoint = checkpoint
        self.method = checkpoint.method
        self.eval()

    def forward(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the logits of a graph model, in the order of ``passport.class_names``.

        Args:
            stream: (B, C, T, V, M) float, such as ``train.streams.clip_stream`` makes of a clip.
            present: (B, M) bool, who is in the clip; None: everybody. A model that was trained on the mean
                over all slots, as published, does not look at it.

        Returns:
            (B, K).
        """
        return self.logits({"stream": stream} | ({} if present is None else {"present": present}))

    def logits(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits (B, K) of a batch, such as the data module of the model's method makes."""
        return self.method.logits(self.model, batch)

    def check_fits(self, reader: StoreReader, *, accept: Iterable[str] = ()) -> list[str]:
        """Refuse a store whose values mean something else; see ``check_fits``."""
        return check_fits(self._checkpoint, reader, accept=accept)


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


def with_test_choices(checkpoint: Checkpoint, choices: Mapping[str, object]) -> Checkpoint:
    """Return a checkpoint whose recipe makes other choices of those that only count in a test.

    Raises:
        RecipeError: a choice is one of the training, or means nothing.
    """
    allowed = checkpoint.recipe.of_the_test()
    for name in choices:
        if name not in allowed:
            raise RecipeError(
                f"{name} is no choice of a test of {checkpoint.where}; expected some of "
                f"{', '.join(allowed) or 'none'}. What is trained is chosen in training"
            )
    recipe = make_recipe(checkpoint.passport.recipe | dict(choices))
    return replace(checkpoint, passport=replace(checkpoint.passport, recipe=recipe.to_json()))


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

    Which dataset it is and who is in it does not matter, nor does what the model does not read: other taps,
    crops where it sees poses.

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
    source = checkpoint.method.source(reader, passport.tap)
    have = dict(facts.meaning) | {
        "joints": list(facts.skeleton.joint_names),
        "bones": [list(pair) for pair in facts.skeleton.bones],
        "array": source.array,
        "channels": source.in_channels,
    }
    want = dict(passport.meaning) | {
        "joints": passport.joint_names,
        "bones": passport.bones,
        "array": passport.array,
        "channels": passport.in_channels,
    }
    ignored = settings_beside(checkpoint.method.reads)
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
