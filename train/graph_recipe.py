"""The recipe of a graph model on one stream; CTR-GCN's is the default, as HP-Net trains it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from train.config import Recipe, RecipeError, check_not_negative, check_share


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRecipe(Recipe):
    """What is trained, and how. The defaults are CTR-GCN's, as HP-Net trains it (specs/ctrgcn.md 6).

    Args:
        stream: a name of ``train.streams.STREAMS``; model: one of ``train.models.MODELS``.
        tap: of the pooled streams; None: the store's first.
        momentum: Nesterov's, of SGD; all parameters decay.
        schedule: "steps": a tenth after each of ``steps`` epochs; "cosine": to 0, step by step.
        width: channels of the model's first blocks, None: as published (tcn: 32); graph, dropout: see
            ``build_model``.
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
        face_others: of poses in bodies, see ``train.poses.facing_others``.
        mixup: clips are mixed in pairs, with a share from Beta(mixup, mixup); 0: not.

    Raises:
        RecipeError: a value is outside its range, or poses are varied that have no middle.
    """

    stream: str = "hpj"
    model: str = "ctrgcn"
    tap: str | None = None
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
    face_others: bool = False
    mixup: float = 0.0

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() does not know a class with slots
        check_not_negative(self, "mixup")
        check_share(self, "momentum", "dropout")
        if self.num_frames is not None and self.num_frames < 1:
            raise RecipeError(f"num_frames is {self.num_frames}; expected 1 or more, or none")
        if self.pose_unit == "pixels" and (
            self.mirror or self.turn or self.scale or self.mirror_test or self.face_others
        ):
            raise RecipeError(
                "mirror, turn, scale, mirror_test or face_others with pose_unit pixels; expected pose_unit "
                "body: they are done about the middle of the persons"
            )
        if self.pose_unit == "body" and self.absence != "hold":
            raise RecipeError(
                f"pose_unit is body and absence {self.absence}; expected hold: zeros are no body"
            )
        if list(self.steps) != sorted(set(self.steps)):
            raise RecipeError(f"steps are {list(self.steps)}; expected epochs in rising order")

    @classmethod
    def published(cls, model: str | None) -> Self:
        """Return the published recipe of a model."""
        return replace(cls(), **PUBLISHED.get(model or "ctrgcn", {}))  # type: ignore[arg-type]

    def counted_in_epochs(self, share: float) -> dict[str, object]:
        """Return what moves in proportion where a recipe has another number of epochs."""
        steps = tuple(sorted({max(1, round(step * share)) for step in self.steps}))
        return Recipe.counted_in_epochs(self, share) | {"steps": steps}

    def of_the_test(self) -> tuple[str, ...]:
        """Return which choices a test may make otherwise than the training."""
        return ("mirror_test",)


# What differs from the defaults above. Sources: specs/mixformer.md 6 (NTU), specs/baselines.md (80 passes)
PUBLISHED: Mapping[str, Mapping[str, object]] = {
    "ctrgcn": {},
    "mixformer": {"epochs": 100, "steps": (35, 55, 75), "batch_size": 128, "weight_decay": 5e-4},
    "stgcnpp": {
        "epochs": 80, "schedule": "cosine", "steps": (), "warmup_epochs": 0, "batch_size": 128,
        "weight_decay": 5e-4,
    },
}  # fmt: skip
