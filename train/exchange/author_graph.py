"""The graph models of a stream, as their authors' trainers save them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from store import StoreReader
from train.checkpoint import CheckpointError
from train.exchange.author_state import Theirs, check_classes, fitting, length_of, persons_of, read_state
from train.graph_method import GraphMethod
from train.graph_recipe import GraphRecipe
from train.models.author_weights import ctrgcn_from_authors, mixformer_from_authors
from train.rows import num_frames_of

_FROM_AUTHORS: Mapping[str, Callable[..., dict[str, Tensor]]] = {
    "ctrgcn": ctrgcn_from_authors,
    "mixformer": mixformer_from_authors,
}
_WHAT = "the published graph models"


def graph_of_authors(
    path: Path, reader: StoreReader, recipe: GraphRecipe, class_names: Sequence[str]
) -> Theirs:
    """Read a graph model; the number of persons is that of its input's BatchNorm.

    Raises:
        CheckpointError: the file is none, or of another network, or does not fit the store.
        StoreError: the store lacks the array.
    """
    if recipe.model not in _FROM_AUTHORS:
        raise CheckpointError(
            f"{path}: the names in the authors' weights of {recipe.model} are not known here; those of "
            f"{', '.join(_FROM_AUTHORS)} are"
        )
    state = read_state(path)
    check_classes(length_of(state, "fc.bias", path, _WHAT), class_names, reader, path)
    method = GraphMethod(recipe)
    channels = method.source(reader).in_channels
    length = length_of(state, "data_bn.bias", path, _WHAT)
    if recipe.model != "ctrgcn":  # MixFormer embeds channels before it normalises
        channels = length_of(state, "to_joint_embedding.bias", path, _WHAT)
    joints = len(reader.facts.skeleton.joint_names)
    num_persons = persons_of(length, joints=joints, channels=channels, path=path)
    with fitting(path, recipe.model, reader):
        weights = _FROM_AUTHORS[recipe.model](state, num_persons=num_persons)
    return Theirs(
        dataclasses.replace(
            recipe, num_persons=num_persons, copy_person=recipe.copy_person and num_persons > 1
        ),
        num_frames_of(reader, recipe.num_frames),
        num_persons,
        weights,
        method.facts(reader, class_names),
    )
