"""What authors' trainers save -> tensors by name; and what a network's importer says of them."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from store import StoreReader
from train.checkpoint import CheckpointError
from train.config import Recipe
from train.plain_file import load_plain

State = Mapping[str, Tensor]

_PARTS = ("state_dict", "model_state_dict", "model")  # of a checkpoint, where the weights are


@dataclass(frozen=True, slots=True)
class Theirs:
    """A network of the authors in our terms.

    Args:
        recipe: also of what is read off the weights.
        num_frames, num_persons: T, M.
        weights: our state dict.
        facts: what else the network is built from, see ``train.method.Method.facts``.
    """

    recipe: Recipe
    num_frames: int
    num_persons: int
    weights: State
    facts: Mapping[str, object] = field(default_factory=dict)


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, alone or in a trainer's checkpoint, without a prefix "module.".

    Nothing in the file is executed.

    Raises:
        CheckpointError: it is none.
        OSError: it cannot be read.
    """
    try:
        content = load_plain(path)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        first_line = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{path}: no plain weights ({first_line}); expected a state dict. If the trainer kept other "
            "things beside it, save the state dict alone, where the trainer's own code is"
        ) from error
    if isinstance(content, dict):
        content = next((content[part] for part in _PARTS if part in content), content)
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path}: holds no weights by name; expected a state dict")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def length_of(state: State, name: str, path: Path, what: str) -> int:
    """Return how many numbers a tensor has; ``what``: the networks that have it."""
    if name not in state:
        raise CheckpointError(
            f"{path}: the weights have no {name!r}, as {what} have; they have {', '.join(list(state)[:3])}, …"
        )
    return state[name].numel()


def check_classes(num_classes: int, class_names: Sequence[str], reader: StoreReader, path: Path) -> None:
    """Refuse a network of other classes than the protocol's."""
    if num_classes != len(class_names):
        raise CheckpointError(
            f"{path}: scores of {num_classes} classes; {reader.address} has {len(class_names)} in the "
            "protocol. Choose the PROTOCOL or the STORE that the network was trained for"
        )


def persons_of(length: int, *, joints: int, channels: int, path: Path) -> int:
    """Return M: the input's BatchNorm has a number for each person, joint and channel."""
    num_persons, rest = divmod(length, joints * channels)
    if rest or not num_persons:
        raise CheckpointError(
            f"{path}: the input's BatchNorm has {length} numbers; expected persons x {joints} joints x "
            f"{channels} channels. The network was made for another stream, tap or skeleton"
        )
    return num_persons


@contextmanager
def fitting(path: Path, network: str, reader: StoreReader) -> Iterator[None]:
    """Say of what does not fit which file it is, of what it was expected to be, and for which store."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        # of several things that do not fit the first one says enough
        reason = next(line for line in reversed(str(error).splitlines()[:2]) if line.strip()).strip()
        raise CheckpointError(f"{path} are no weights of {network} for {reader.address}: {reason}") from error
