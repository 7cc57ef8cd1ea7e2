"""HP-Net, as its authors' trainer saves it (specs/hpnet.md D): with its text encoder, but no vocabulary."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from store import StoreReader
from train.checkpoint import CheckpointError
from train.exchange.author_state import (
    State,
    Theirs,
    check_classes,
    fitting,
    length_of,
    persons_of,
    read_state,
)
from train.hpnet.author_weights import (
    graph_width_from_authors,
    hpnet_from_authors,
    sizes_from_authors,
    text_from_authors,
)
from train.hpnet.encoders import find_tokenizer
from train.hpnet.method import HPNetMethod
from train.hpnet.recipe import HPNetRecipe
from train.hpnet.text import class_texts, read_descriptions, text_features, token_rows
from train.hpnet.xclip import Sizes, make_encoders
from train.rows import num_frames_of

_WHAT = "HP-Net's"


def hpnet_of_authors(
    path: Path, reader: StoreReader, recipe: HPNetRecipe, class_names: Sequence[str]
) -> Theirs:
    """Read an HP-Net of three streams and "trmm", and encode the classes with its text encoder.

    Args:
        path: of the authors' weights; sizes, width and the number of persons are read off them.
        reader: the store.
        recipe: which vocabulary, what is said of the classes, and how streams are read.
        class_names: K names.

    Raises:
        CheckpointError: the file is none, or of another network, or does not fit the store.
        PretrainedError: there is no vocabulary, or not that of the weights; says which files to put where.
        TextError: nothing can be said of a class.
        StoreError: the store lacks crops or the array.
    """
    if recipe.fusion != "trmm" or recipe.streams == "joint" or recipe.model != "ctrgcn":
        raise CheckpointError(
            f"{path}: fusion={recipe.fusion} streams={recipe.streams} model={recipe.model}; expected what "
            "the authors' weights are of: fusion=trmm streams=release model=ctrgcn (streams=paper: each of "
            "the three models gets its own stream)"
        )
    state = read_state(path)
    check_classes(length_of(state, "ske_fc1.bias", path, _WHAT), class_names, reader, path)
    num_persons = persons_of(
        length_of(state, "GCN1.data_bn.bias", path, _WHAT),
        joints=len(reader.facts.skeleton.joint_names),
        channels=HPNetMethod(recipe).source(reader).in_channels,
        path=path,
    )
    said = read_descriptions(Path(recipe.descriptions)) if recipe.descriptions else None
    texts = class_texts(class_names, template=recipe.template, descriptions=said)
    with fitting(path, "HP-Net", reader):
        sizes, width = sizes_from_authors(state), graph_width_from_authors(state)
    tokenize = find_tokenizer(recipe, vocab_size=sizes.vocab_size)
    rows = token_rows(texts, tokenize, length=sizes.context_length)
    with fitting(path, "HP-Net", reader):
        weights = hpnet_from_authors(state, _encoded(state, sizes, rows), num_persons=num_persons)
    return Theirs(
        dataclasses.replace(
            recipe,
            num_persons=num_persons,
            copy_person=recipe.copy_person and num_persons > 1,
            width=width,
        ),
        num_frames_of(reader, recipe.num_frames),
        num_persons,
        weights,
        {"sizes": dataclasses.asdict(sizes), "texts": texts},
    )


def _encoded(state: State, sizes: Sizes, rows: Tensor) -> Tensor:
    """Return the features (K, E) of token rows by the authors' text encoder."""
    # the video encoder is not asked: a small one is built sooner
    encoder = make_encoders(dataclasses.replace(sizes, video_layers=1)).text
    encoder.load_state_dict(text_from_authors(state))
    return text_features(encoder, rows)
