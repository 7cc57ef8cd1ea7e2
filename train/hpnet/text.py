"""Class names -> what is said of them -> tokens -> text features, computed once."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

TEMPLATE = "{}"  # the bare name, as published (specs/hpnet.md D.3)


class TextError(ValueError):
    """A class that nothing can be said of; names it, and what was expected."""


def class_texts(
    class_names: Sequence[str], *, template: str = TEMPLATE, descriptions: Mapping[str, str] | None = None
) -> list[str]:
    """Return a text for every class.

    Args:
        class_names: K names.
        template: what is said of a class; ``{}`` stands for its name, or for its description.
        descriptions: class name -> longer text; it may have more classes than are asked for.

    Raises:
        TextError: a class has no description, or an empty one; or the template has no ``{}``.
    """
    if "{}" not in template:
        raise TextError(f"the template {template!r} is the same for all classes; expected {{}} in it")
    said = {name: name for name in class_names} if descriptions is None else descriptions
    if silent := [name for name in class_names if not said.get(name, "").strip()]:
        raise TextError(
            f"{len(silent)} of {len(class_names)} classes have no text: {', '.join(map(repr, silent[:5]))}; "
            "expected one for each name. Add them to the file of descriptions, or leave the file out"
        )
    return [template.replace("{}", said[name]) for name in class_names]


def read_descriptions(path: Path) -> dict[str, str]:
    """Read a file of descriptions: JSON, class name -> text.

    Raises:
        TextError: it is none.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TextError(f"{path}: no JSON ({error}); expected an object, class name -> text") from error
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise TextError(f"{path}: expected an object, class name -> text")
    return content


def token_rows(texts: Sequence[str], tokenize: Callable[[str], list[int]], *, length: int) -> Tensor:
    """Return the token ids of texts.

    Args:
        texts: K of them.
        tokenize: text -> ids from start to end; the end has the largest id.
        length: L, tokens that the text encoder takes.

    Returns:
        (K, L) int64, padded with 0.

    Raises:
        TextError: a text is too long, or two have the same tokens, so that nothing tells their classes apart.
    """
    first: dict[tuple[int, ...], str] = {}
    rows = torch.zeros(len(texts), length, dtype=torch.int64)
    for row, text in zip(rows, texts, strict=True):
        ids = tokenize(text)
        if len(ids) > length:
            raise TextError(
                f"{text!r} has {len(ids)} tokens; the text encoder takes {length}, start and end included. "
                "Shorten it"
            )
        if tuple(ids) in first:
            raise TextError(
                f"the texts {first[tuple(ids)]!r} and {text!r} of two classes have the same tokens; expected "
                "other ones for each class. Describe them in a file of descriptions"
            )
        first[tuple(ids)] = text
        row[: len(ids)] = torch.tensor(ids)
    return rows


def text_features(encoder: nn.Module, rows: Tensor) -> Tensor:
    """Return the features (K, E) of token rows (K, L); the encoder is frozen, so once is enough."""
    with torch.no_grad():
        features: Tensor = encoder(rows)
    return features
