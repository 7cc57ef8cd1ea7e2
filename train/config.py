"""The recipe of a training: every choice that changes its numbers. Published recipes are the defaults."""

import contextlib
import dataclasses
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Union, get_args, get_origin, get_type_hints

SelectOn = Literal["none", "validation", "test"]
Precision = Literal["fp32", "bf16", "fp16"]

DEFAULT_SEED = 1


class RecipeError(ValueError):
    """A recipe that means nothing; says which choice, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained, and how. The defaults are CTR-GCN's, as HP-Net trains it (specs/ctrgcn.md 6).

    Args:
        stream: a name of ``train.streams.STREAMS``; model: one of ``train.models.MODELS``.
        tap: of the pooled streams; None: the store's first.
        seed: decides the first weights, the order of clips and whatever else is drawn.
        epochs: passes over the training clips.
        batch_size: clips of a step, on all devices together.
        lr: learning rate; momentum (Nesterov's) and weight_decay, of all parameters: of SGD.
        schedule: "steps": a tenth after each of ``steps`` epochs; "cosine": to 0, step by step.
        warmup_epochs: epochs in which the rate grows linearly.
        label_smoothing: of the cross-entropy.
        width: channels of the model's first blocks, None: as published (tcn: 32); graph, dropout: see
            ``build_model``.
        precision: bf16 and fp16 are mixed with fp32; results are always scored in fp32.
        select_on: which epoch is the result: the last one ("none"), or the best one on clips held out of the
            training, or on the test clips, as is often published.
        hold_out: share of the training subjects that is held out, where a protocol has no validation clips.
        num_persons: M; None: as many as the store needs.
        copy_person: the release's way: person 0 is copied into empty slots.
        mask_absent: absent persons are left out of the mean over persons.
        absence: what a person's row holds at times when it is not there, "hold" or "zeros".
        crop, jitter, joint_dropout, channel_dropout, person_dropout, exchange: of training clips, see
            ``train.augment.Augment``.
        num_frames: T, sample times of the stream; None: the store's clock, 64 for a native store.
        pose_unit: of the pose streams: "pixels", or "body", which takes place and size of the persons out.
        mirror, turn, scale: of training poses in bodies, see ``train.augment.Augment``; of pooled features,
            which allow no such thing, nothing.
        mirror_test: poses in bodies are tested in a mirror too, and the two logits averaged.
        mixup: clips are mixed in pairs, with a share from Beta(mixup, mixup); 0: not.

    Raises:
        RecipeError: a value is outside its range, or poses are varied that have no middle.
    """

    stream: str = "hpj"
    model: str = "ctrgcn"
    tap: str | None = None
    seed: int = DEFAULT_SEED
    epochs: int = 65
    batch_size: int = 64
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 4e-4
    schedule: Literal["steps", "cosine"] = "steps"
    steps: tuple[int, ...] = (35, 55)
    warmup_epochs: int = 5
    label_smoothing: float = 0.0
    width: int | None = None
    graph: Literal["published", "tree"] = "published"
    dropout: float = 0.0
    precision: Precision = "fp32"
    select_on: SelectOn = "none"
    hold_out: float = 0.2
    num_persons: int | None = None
    copy_person: bool = False
    mask_absent: bool = True
    absence: Literal["hold", "zeros"] = "hold"
    crop: float = 1.0
    jitter: float = 0.0
    joint_dropout: float = 0.0
    channel_dropout: float = 0.0
    person_dropout: float = 0.0
    exchange: float = 0.0
    num_frames: int | None = None
    pose_unit: Literal["pixels", "body"] = "pixels"
    mirror: float = 0.0
    turn: float = 0.0
    scale: float = 0.0
    mirror_test: bool = False
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "lr"):
            if not getattr(self, name) > 0:
                raise RecipeError(f"{name} is {getattr(self, name)}; expected more than 0")
        for name in ("seed", "warmup_epochs", "weight_decay", "mixup"):
            if not getattr(self, name) >= 0:
                raise RecipeError(f"{name} is {getattr(self, name)}; expected 0 or more")
        for name in ("momentum", "label_smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; expected a share in [0, 1)")
        if not 0 < self.hold_out < 1:
            raise RecipeError(f"hold_out is {self.hold_out}; expected a share between 0 and 1")
        if self.num_frames is not None and self.num_frames < 1:
            raise RecipeError(f"num_frames is {self.num_frames}; expected 1 or more, or none")
        if self.pose_unit == "pixels" and (self.mirror or self.turn or self.scale or self.mirror_test):
            raise RecipeError(
                "mirror, turn, scale or mirror_test with pose_unit pixels; expected pose_unit body: they are "
                "done about the middle of the persons"
            )
        if self.pose_unit == "body" and self.absence != "hold":
            raise RecipeError(
                f"pose_unit is body and absence {self.absence}; expected hold: zeros are no body"
            )
        if list(self.steps) != sorted(set(self.steps)):
            raise RecipeError(f"steps are {list(self.steps)}; expected epochs in rising order")

    def to_json(self) -> dict[str, object]:
        """Return every choice by name."""
        return dataclasses.asdict(self) | {"steps": list(self.steps)}


# What differs from the defaults above. Sources: specs/mixformer.md 6 (NTU), specs/baselines.md (80 passes)
PUBLISHED: Mapping[str, Mapping[str, object]] = {
    "ctrgcn": {},
    "mixformer": {"epochs": 100, "steps": [35, 55, 75], "batch_size": 128, "weight_decay": 5e-4},
    "stgcnpp": {
        "epochs": 80, "schedule": "cosine", "steps": [], "warmup_epochs": 0, "batch_size": 128,
        "weight_decay": 5e-4,
    },
}  # fmt: skip


def make_recipe(choices: Mapping[str, object]) -> Recipe:
    """Complete some choices with the published recipe of their model.

    With another number of epochs the published steps and warm-up move in proportion, unless they are chosen.

    Args:
        choices: field of ``Recipe`` -> value; texts are read as values.

    Raises:
        RecipeError: there is no such choice, or its value is of another kind.
    """
    hints = get_type_hints(Recipe)
    chosen: dict[str, object] = {}
    for name, value in choices.items():
        if name not in hints:
            raise RecipeError(f"{name!r} is no choice of a recipe; choose from {', '.join(hints)}")
        chosen[name] = _fitting(name, value, hints[name])
    of_model = PUBLISHED.get(str(chosen.get("model", "ctrgcn")), {})
    published = dataclasses.replace(Recipe(), **_typed(of_model, hints))  # type: ignore[arg-type]
    share = dataclasses.replace(published, **chosen).epochs / published.epochs  # type: ignore[arg-type]
    scaled = {
        "steps": tuple(sorted({max(1, round(step * share)) for step in published.steps})),
        "warmup_epochs": round(published.warmup_epochs * share),
    }
    return dataclasses.replace(published, **(scaled | chosen))  # type: ignore[arg-type]


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


def _typed(choices: Mapping[str, object], hints: Mapping[str, object]) -> dict[str, object]:
    return {name: _fitting(name, value, hints[name]) for name, value in choices.items()}


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
