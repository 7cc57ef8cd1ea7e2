"""What can be chosen in training, and what is published: a part of ``make train``'s help. Pure."""

import json
import shlex
from textwrap import fill

from train.config import Recipe
from train.method import RECIPES, make_recipe

_WIDTH = 110


def list_choices() -> str:
    """Return the choices of every kind of recipe with their published values, as a shell takes them."""
    streams: dict[type[Recipe], list[str]] = {}
    for stream, kind in RECIPES.items():
        streams.setdefault(kind, []).append(stream)
    return "\n".join(f"{' '.join(names)}:\n{_choices_of(names[0])}" for names in streams.values())


def _choices_of(stream: str) -> str:
    values = make_recipe({"stream": stream}).to_json()
    words = [shlex.quote(f"{name}={_text(value)}") for name, value in values.items() if name != "stream"]
    indent = "  "
    return fill(
        " ".join(words),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
