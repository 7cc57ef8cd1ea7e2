"""Weights of the published networks, as their authors' trainers save them -> checkpoints of ours."""

import dataclasses
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from store import StoreReader
from train.checkpoint import Checkpoint, CheckpointError
from train.graph_method import GraphMethod
from train.graph_recipe import GraphRecipe
from train.models.author_weights import ctrgcn_from_authors, mixformer_from_authors
from train.passport import make_passport
from train.rows import num_frames_of
from train.splits import class_names_of

_FROM_AUTHORS: Mapping[str, Callable[..., dict[str, Tensor]]] = {
    "ctrgcn": ctrgcn_from_authors,
    "mixformer": mixformer_from_authors,
}

# What the authors' trainers show their networks: the first person copied into empty slots, zeros as data, and
# the mean over all slots. Source: specs/hpnet.md A.2, specs/ctrgcn.md 1.
AS_PUBLISHED: Mapping[str, object] = {"copy_person": True, "mask_absent": False, "absence": "zeros"}


def import_checkpoint(path: Path, reader: StoreReader, recipe: GraphRecipe, *, protocol: str) -> Checkpoint:
    """Read the authors' weights of a network that was made for what a store holds.

    Args:
        path: a state dict, alone or under "state_dict"; nothing in it is executed.
        reader: the store: classes, joints, and the array of the stream.
        recipe: stream and model, and what the network was shown (``AS_PUBLISHED``); the number of persons is
            read from the weights.
        protocol: of the store, whose training clips the network has seen.

    Raises:
        CheckpointError: the file is none, or of another network, or does not fit the store.
        StoreError: the store lacks the array.
    """
    if recipe.model not in _FROM_AUTHORS:
        raise CheckpointError(
            f"{path}: the names in the authors' weights of {recipe.model} are not known here; those of "
            f"{', '.join(_FROM_AUTHORS)} are"
        )
    if protocol not in reader.facts.dataset.protocols:
        known = ", ".join(reader.facts.dataset.protocols) or "none"
        raise CheckpointError(f"{reader.address} has no protocol {protocol!r}; expected one of {known}")
    state = _read(path)
    passport = make_passport(
        reader,
        recipe,
        GraphMethod(recipe).source(reader),
        protocol=protocol,
        fold=protocol,
        class_names=class_names_of(reader, protocol),
        num_frames=num_frames_of(reader, recipe.num_frames),
        num_persons=1,
        num_train=0,
        epoch=0,
        chosen_by=f"imported from {path.name}",
    )
    num_classes = _length(state, "fc.bias", path)
    if num_classes != len(passport.class_names):
        raise CheckpointError(
            f"{path}: scores of {num_classes} classes; {reader.address} has {len(passport.class_names)} in "
            f"{protocol}. Choose the PROTOCOL or the STORE that the network was trained for"
        )
    num_persons = _num_persons(state, recipe, passport.in_channels, len(passport.joint_names), path)
    recipe = dataclasses.replace(
        recipe, num_persons=num_persons, copy_person=recipe.copy_person and num_persons > 1
    )
    passport = dataclasses.replace(passport, num_persons=num_persons, recipe=recipe.to_json())
    try:
        weights = _FROM_AUTHORS[recipe.model](state, num_persons=num_persons)
        checkpoint = Checkpoint(passport, weights, str(path))
        checkpoint.model()  # whether they fit
    except (ValueError, RuntimeError) as error:
        # of several things that do not fit the first one says enough
        reason = next(line for line in reversed(str(error).splitlines()[:2]) if line.strip()).strip()
        raise CheckpointError(
            f"{path} are no weights of {recipe.model} for {reader.address}: {reason}"
        ) from error
    return checkpoint


def _read(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        first_line = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: no plain weights ({first_line}); expected a state dict") from error
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path}: holds no weights by name; expected a state dict")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _length(state: Mapping[str, Tensor], name: str, path: Path) -> int:
    if name not in state:
        raise CheckpointError(
            f"{path}: the weights have no {name!r}, as the published graph models have; they have "
            f"{', '.join(list(state)[:3])}, …"
        )
    return state[name].numel()


def _num_persons(
    state: Mapping[str, Tensor], recipe: GraphRecipe, num_channels: int, num_joints: int, path: Path
) -> int:
    """Return M: the input's BatchNorm has a number for each person, joint and channel."""
    length = _length(state, "data_bn.bias", path)
    # MixFormer embeds channels before it normalises
    channels = num_channels if recipe.model == "ctrgcn" else _length(state, "to_joint_embedding.bias", path)
    num_persons, rest = divmod(length, num_joints * channels)
    if rest or not num_persons:
        raise CheckpointError(
            f"{path}: the input's BatchNorm has {length} numbers; expected persons x {num_joints} joints x "
            f"{channels} channels. The network was made for another stream, tap or skeleton"
        )
    return num_persons
