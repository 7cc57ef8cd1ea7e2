"""The encoders that a recipe names: of the hub, a folder, the authors' file, or random; and their tokens."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from torch import Tensor

from train.hpnet.author_weights import sizes_from_authors, text_from_authors, video_from_authors
from train.hpnet.hub import PretrainedError
from train.hpnet.recipe import HPNetRecipe
from train.hpnet.xclip import (
    Encoders,
    Sizes,
    Tokenizer,
    letter_tokenizer,
    load_encoders,
    load_tokenizer,
    make_encoders,
    num_tokens,
    sizes_of,
)
from train.plain_file import load_plain

_LETTERS = "letters"
_FILES = (".pth", ".pt")


def encoder_sizes(recipe: HPNetRecipe) -> Sizes:
    """Return the sizes of a recipe's encoders.

    Raises:
        PretrainedError: they cannot be had.
    """
    if recipe.encoder is None:
        return Sizes(
            image_size=recipe.image_size,
            patch_size=recipe.patch_size,
            num_frames=recipe.images,
            video_width=recipe.video_width,
            video_layers=recipe.video_layers,
            embed_dim=recipe.embed_dim,
            mit_layers=recipe.mit_layers,
            vocab_size=num_tokens(_find_tokenizer(recipe)),
            context_length=recipe.context_length,
            text_width=recipe.text_width,
            text_layers=recipe.text_layers,
        )
    if not _is_file(recipe.encoder):
        return sizes_of(recipe.encoder)
    with _fitting(recipe.encoder):
        return sizes_from_authors(_read(recipe.encoder))


def first_encoders(recipe: HPNetRecipe) -> Encoders:
    """Return encoders with the weights at the beginning of a training.

    Raises:
        PretrainedError: they cannot be had.
    """
    if recipe.encoder is None:
        return make_encoders(encoder_sizes(recipe))
    if not _is_file(recipe.encoder):
        return load_encoders(recipe.encoder)
    with _fitting(recipe.encoder):
        state = _read(recipe.encoder)
        # their fp32 is what half precision is copied into
        encoders = make_encoders(sizes_from_authors(state))
        encoders.video.load_state_dict(video_from_authors(state))
        encoders.text.load_state_dict(text_from_authors(state))
        return Encoders(encoders.video, encoders.text, state["logit_scale"].float().exp())


def find_tokenizer(recipe: HPNetRecipe, *, vocab_size: int) -> Tokenizer:
    """Return what turns texts into tokens for a recipe's text encoder.

    Args:
        recipe: which vocabulary.
        vocab_size: tokens that the text encoder knows.

    Raises:
        PretrainedError: there is no vocabulary; says which files to put where. Or it is not the encoder's, to
            which its tokens would mean nothing.
    """
    tokenize = _find_tokenizer(recipe)
    if num_tokens(tokenize) != vocab_size:
        raise PretrainedError(
            f"{_vocabulary(recipe)}: the text encoder knows {vocab_size} tokens, the vocabulary has "
            f"{num_tokens(tokenize)}; name the one that it was trained with: tokenizer=FOLDER"
        )
    return tokenize


def _find_tokenizer(recipe: HPNetRecipe) -> Tokenizer:
    if recipe.tokenizer is None and recipe.encoder is not None and _is_file(recipe.encoder):
        raise PretrainedError(
            f"{recipe.encoder}: such a file has no vocabulary; put vocab.json and merges.txt of CLIP (of "
            "huggingface.co/openai/clip-vit-base-patch16) into a folder, and name it: tokenizer=FOLDER"
        )
    name = _vocabulary(recipe)
    return letter_tokenizer() if name == _LETTERS else load_tokenizer(name)


def _vocabulary(recipe: HPNetRecipe) -> str:
    return recipe.tokenizer or recipe.encoder or _LETTERS


def _is_file(name: str) -> bool:
    return Path(name).suffix in _FILES


@contextmanager
def _fitting(name: str) -> Iterator[None]:
    """Say of weights that are those of another network which file they are in."""
    try:
        yield
    except PretrainedError:
        raise
    except (ValueError, RuntimeError) as error:
        # of several tensors that do not fit the first one says enough; torch begins with a headline
        reason = str(error).splitlines()[:2][-1].strip()
        raise PretrainedError(
            f"{name}: {reason}; expected weights of X-CLIP, such as k600_16_8.pth of its authors (a CLIP "
            "model for images does not do)"
        ) from error


def _read(name: str) -> Mapping[str, Tensor]:
    """Look into the authors' own file of weights, as ``k600_16_8.pth`` is; nothing in it is executed."""
    try:
        content = load_plain(Path(name), is_mapped=True)
    except OSError as error:
        raise PretrainedError(
            f"{name}: {error.strerror}; expected weights of X-CLIP, such as k600_16_8.pth of its authors. "
            "Put them there, or choose others: encoder=FILE, a folder, or a name on the hub"
        ) from error
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        first_line = str(error).partition("\n")[0]
        raise PretrainedError(
            f"{name}: no plain weights ({first_line}); expected a state dict of X-CLIP"
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else None
    parts = state.items() if isinstance(state, dict) else ()
    named = {str(key).removeprefix("module."): value for key, value in parts}
    if "logit_scale" not in named:
        raise PretrainedError(
            f"{name}: no weights of X-CLIP by name; expected those of its authors, such as k600_16_8.pth"
        )
    return cast(Mapping[str, Tensor], named)
