"""EPAM-Net, as its authors' trainer saves it (specs/epam.md H.1)."""

from collections.abc import Sequence
from pathlib import Path

from store import StoreReader
from train.epam.author_weights import epam_from_authors
from train.epam.recipe import EpamRecipe
from train.exchange.author_state import Theirs, check_classes, fitting, length_of, read_state


def epam_of_authors(
    path: Path, reader: StoreReader, recipe: EpamRecipe, class_names: Sequence[str]
) -> Theirs:
    """Read both streams and the attention.

    Raises:
        CheckpointError: the file is none, or of another network, or does not fit the store.
    """
    state = read_state(path)
    num_classes = length_of(state, "rgb_cls_head.fc_cls.bias", path, "EPAM-Net's")
    check_classes(num_classes, class_names, reader, path)
    with fitting(path, "EPAM-Net", reader):
        weights = epam_from_authors(state)
    return Theirs(recipe, recipe.pose_steps, reader.facts.layout.max_persons, weights)
