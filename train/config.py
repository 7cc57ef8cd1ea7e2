"""The recipe of a training: every choice that changes its numbers. Published ones are the defaults."""

import contextlib
import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

SelectOn = Literal["none", "validation", "test"]
Precision = Literal["fp32", "bf16", "fp16"]

DEFAULT_SEED = 1

R = TypeVar("R", bound="Recipe")


class RecipeError(ValueError):
    """A recipe that means nothing; says which choice, what was found and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is trained, and how: the choices that all recipes have. Defaults are those of each kind.

    Args:
        stream: what is read of a store; it names the kind of recipe (``train.method``).
        model: the network; its values are the kind's.
        seed: decides the first weights, the order of clips and whatever else is drawn.
        epochs: passes over the training clips.
        batch_size: clips of a step, on all devices together.
        at_once: clips that go through the network together, on one device, where a batch is more than its
            memory holds; gradients are added up. None: a device's share of the batch.
        lr: learning rate; weight_decay: of the parameters that decay.
        warmup_epochs: epochs in which the rate grows linearly.
        label_smoothing: of the cross-entropy.
        clip_norm: gradients that are longer, all together, are shortened to this; None: not.
        precision: bf16 and fp16 are mixed with fp32; results are always scored in fp32.
        select_on: which epoch is the result: the last one ("none"), or the best one on clips held out of the
            training, or on the test clips, as is often published.
        hold_out: share of the training subjects that is held out, where a protocol has no validation clips.

    Raises:
        RecipeError: a value is outside its range.
    """

    stream: str
    model: str
    seed: int = DEFAULT_SEED
    epochs: int
    batch_size: int
    at_once: int | None = None
    lr: float
    weight_decay: float
    warmup_epochs: int
    label_smoothing: float
    clip_norm: float | None = None
    precision: Precision = "fp32"
    select_on: SelectOn = "none"
    hold_out: float = 0.2

    def __post_init__(self) -> None:
        check_more_than_zero(self, "epochs", "batch_size", "lr")
        check_not_negative(self, "seed", "warmup_epochs", "weight_decay")
        check_share(self, "label_smoothing")
        if self.at_once is not None and self.at_once < 1:
            raise RecipeError(f"at_once is {self.at_once}; expected 1 or more, or none")
        if self.clip_norm is not None:
            check_more_than_zero(self, "clip_norm")
        if not 0 < self.hold_out < 1:
            raise RecipeError(f"hold_out is {self.hold_out}; expected a share between 0 and 1")

    @classmethod
    def published(cls, model: str | None) -> Self:
        """Return the published recipe of a model; None: of the kind's first one."""
        raise NotImplementedError

    def counted_in_epochs(self, share: float) -> dict[str, object]:
        """Return what moves in proportion where a recipe has another number of epochs."""
        return {"warmup_epochs": round(self.warmup_epochs * share)}

    def stages(self) -> "tuple[Recipe, ...]":
        """Return what is trained first, with whose weights this training begins (``train.stages``)."""
        return ()

    def files(self) -> Mapping[str, Path]:
        """Return the small files that choices name: what they say is chosen, too."""
        return {}

    def of_the_test(self) -> tuple[str, ...]:
        """Return which choices a test may make otherwise than the training."""
        return ()

    def to_json(self) -> dict[str, object]:
        """Return every choice by name."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def check_more_than_zero(recipe: Recipe, *names: str) -> None:
    """Refuse choices that are not."""
    for name in names:
        if not getattr(recipe, name) > 0:
            raise RecipeError(f"{name} is {getattr(recipe, name)}; expected more than 0")


def check_not_negative(recipe: Recipe, *names: str) -> None:
    """Refuse choices below 0."""
    for name in names:
        if not getattr(recipe, name) >= 0:
            raise RecipeError(f"{name} is {getattr(recipe, name)}; expected 0 or more")


def check_share(recipe: Recipe, *names: str) -> None:
    """Refuse choices that are no share."""
    for name in names:
        if not 0 <= getattr(recipe, name) < 1:
            raise RecipeError(f"{name} is {getattr(recipe, name)}; expected a share in [0, 1)")


def complete_recipe(kind: type[R], choices: Mapping[str, object]) -> R:
    """Complete some choices with the published recipe of their model.

    With another number of epochs the published steps and warm-up move in proportion, unless they are chosen.

    Args:
        kind: of recipe.
        choices: field of ``kind`` -> value; texts are read as values.

    Raises:
        RecipeError: there is no such choice, or its value is of another kind.
    """
    hints = get_type_hints(kind)
    chosen: dict[str, object] = {}
    for name, value in choices.items():
        if name not in hints:
            raise RecipeError(f"{name!r} is no choice of a recipe; choose from {', '.join(hints)}")
        chosen[name] = _fitting(name, value, hints[name])
    published = kind.published(str(chosen["model"]) if "model" in chosen else None)
    share = dataclasses.replace(published, **chosen).epochs / published.epochs  # type: ignore[arg-type]
    return dataclasses.replace(published, **(published.counted_in_epochs(share) | chosen))  # type: ignore[arg-type]


def parse_choices(words: Iterable[str]) -> dict[str, object]:
    """Read ``name=value`` words.

    Raises:
        RecipeError: a word has no such form.
    """
    choices: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise RecipeError(f"{word!r} is no choice; expected name=value, such as lr=0.05")
        choices[name] = value
    return choices


def parse_recipe(text: str, where: str) -> dict[str, object]:
    """Read the choices of a recipe file: JSON, name -> value.

    Raises:
        RecipeError: it is none.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"{where}: no JSON ({error}); expected an object, name -> value") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{where}: {type(content).__name__}; expected an object, name -> value")
    return content


def _fitting(name: str, value: object, hint: object) -> object:
    """Return the value as what the hint says, read from a text where it is one."""
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if type(None) in kinds and (value is None or value in ("none", "null", "")):
        return None
    kind = kinds[0]
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise RecipeError(f"{name} is {value!r}; expected one of {', '.join(get_args(kind))}")
    if kind is str and isinstance(value, str):
        return value
    if get_origin(kind) is tuple and isinstance(value, str):
        value = f"[{value.strip('[]()')}]"
    if isinstance(value, str):
        with contextlib.suppress(ValueError):  # what is wrong is said below
            value = json.loads(value.lower())
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        if all(type(part) is int for part in value):
            return tuple(value)
    elif kind is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    elif type(value) is kind:
        return value
    expected = "whole numbers with commas between" if get_origin(kind) is tuple else _IN_WORDS[kind]
    raise RecipeError(f"{name} is {value!r}; expected {expected}{' or none' if len(kinds) > 1 else ''}")


_IN_WORDS: Mapping[object, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text"
}  # fmt: skip
