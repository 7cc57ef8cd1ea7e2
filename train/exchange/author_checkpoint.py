"""Weights of the published networks, as their authors' trainers save them -> checkpoints of ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from store import StoreReader
from train.checkpoint import Checkpoint, CheckpointError
from train.config import Recipe
from train.epam.recipe import EpamRecipe
from train.exchange.author_state import Theirs, fitting
from train.graph_recipe import GraphRecipe
from train.hpnet.recipe import HPNetRecipe
from train.method import make_recipe, method_of
from train.passport import make_passport
from train.splits import class_names_of

# Of pooled features: the first person copied into empty slots, zeros as data, and the mean over all slots.
# Source: specs/hpnet.md A.2, specs/ctrgcn.md 1.
_OF_PERSONS: Mapping[str, object] = {"copy_person": True, "mask_absent": False, "absence": "zeros"}
# What the authors' trainers show their networks. EPAM-Net's heatmaps show the box of the poses that are
# looked at, its frames that of all poses (specs/epam.md A.4).
_AS_PUBLISHED: Mapping[type[Recipe], Mapping[str, object]] = {
    GraphRecipe: _OF_PERSONS,
    HPNetRecipe: _OF_PERSONS,
    EpamRecipe: {"box": "published"},
}


def recipe_as_published(choices: Mapping[str, object]) -> Recipe:
    """Complete some choices with what the authors' trainer shows the network that they name.

    Raises:
        RecipeError: there is no such stream or choice, or a value is of another kind.
    """
    kind = type(make_recipe(choices))
    return make_recipe({**_AS_PUBLISHED.get(kind, {}), **choices})


def import_checkpoint(path: Path, reader: StoreReader, recipe: Recipe, *, protocol: str) -> Checkpoint:
    """Read the authors' weights of a network that was made for what a store holds.

    Args:
        path: a state dict, alone or in a trainer's checkpoint; nothing in it is executed.
        reader: the store: classes, joints, and what the stream reads.
        recipe: stream and model, and what the network was shown (``recipe_as_published``); what can be read
            off the weights is.
        protocol: of the store, whose training clips the network has seen.

    Raises:
        CheckpointError: the file is none, or of another network, or does not fit the store.
        StoreError: the store lacks what the stream reads.
        ValueError: the texts of the classes cannot be had.
    """
    if protocol not in reader.facts.dataset.protocols:
        known = ", ".join(reader.facts.dataset.protocols) or "none"
        raise CheckpointError(f"{reader.address} has no protocol {protocol!r}; expected one of {known}")
    class_names = class_names_of(reader, protocol)
    theirs = _read(path, reader, recipe, class_names)
    passport = make_passport(
        reader,
        theirs.recipe,
        method_of(theirs.recipe).source(reader),
        protocol=protocol,
        fold=protocol,
        class_names=class_names,
        num_frames=theirs.num_frames,
        num_persons=theirs.num_persons,
        train_ids=None,
        facts=theirs.facts,
        epoch=0,
        chosen_by=f"imported from {path.name}",
    )
    checkpoint = Checkpoint(passport, theirs.weights, str(path))
    with fitting(path, recipe.model if isinstance(recipe, GraphRecipe) else recipe.stream, reader):
        checkpoint.model()
    return checkpoint


def _read(path: Path, reader: StoreReader, recipe: Recipe, class_names: Sequence[str]) -> Theirs:
    """Read the authors' file of what a recipe trains; what that imports is imported now."""
    if isinstance(recipe, GraphRecipe):
        from train.exchange.author_graph import graph_of_authors

        return graph_of_authors(path, reader, recipe, class_names)
    if isinstance(recipe, HPNetRecipe):
        from train.exchange.author_hpnet import hpnet_of_authors

        return hpnet_of_authors(path, reader, recipe, class_names)
    if isinstance(recipe, EpamRecipe):
        from train.exchange.author_epam import epam_of_authors

        return epam_of_authors(path, reader, recipe, class_names)
    raise CheckpointError(
        f"{path}: the names in the authors' weights of {recipe.stream} alone are not known here; those of "
        "STREAM=epam, hpnet and the streams of graph models are"
    )
