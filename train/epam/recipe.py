"""The recipes of EPAM-Net: of each stream alone, and of both together.

Defaults are published or, where nothing is, PoseConv3D's, whose data these are (specs/epam.md D.3, D.4).
"""

from dataclasses import dataclass, fields
from typing import Literal, Self

from train.config import Recipe, RecipeError, check_more_than_zero, check_not_negative, check_share
from train.epam.sampling import NUM_POSE_STEPS, NUM_RGB_STEPS, rgb_stride

RGB_PER_HEATMAP = 4  # pixels: so both networks end on the same grid
_WIDTHS = {"slowonly": 32}  # published, where it is not the default


@dataclass(frozen=True, slots=True, kw_only=True)
class XShiftRecipe(Recipe):
    """What both streams have in common. Rates are for batches of 24 clips; give others one in proportion.

    Args:
        momentum: of SGD, not Nesterov's; all parameters decay; the rate falls as a cosine, step by step.
        width: channels of the first stages; published: 24, slowonly: 32. dropout: before the classifiers.
        pose_steps: N; rgb_steps: M; phase: which of N / M neighbours has an RGB frame.
        model: of the pose alone, one of ``train.epam.networks``; "slowonly": PoseConv3D's 3-D network, beside
            which EPAM-Net is measured.
        heatmaps: of joints, as published, or of the limbs of COCO-17.
        size: width and height of heatmaps; RGB frames are four times as large.
        sigma: of the heatmaps' Gaussians, in their pixels.
        box: what is cut out of the frames, see ``train.epam.clips.BoxRule``.
        crop: where the pose is trained alone, its heatmaps show random parts of the box.
        flip: probability that a training clip is mirrored, poses and RGB alike.
        exact_mirror: poses are mirrored as pixels are, as always in tests; published: half a pixel beside.
        num_views: of a clip in a test, whose probabilities are averaged; mirror_test: each in a mirror too.
    """

    stream: str = "xshift_pose"
    model: str = "xshift"
    epochs: int = 240
    batch_size: int = 24
    lr: float = 0.0375  # PoseConv3D's: 0.4 for 256 clips
    momentum: float = 0.9
    weight_decay: float = 3e-4
    warmup_epochs: int = 0
    label_smoothing: float = 0.0
    clip_norm: float | None = 40.0
    width: int = 24
    dropout: float = 0.5
    pose_steps: int = NUM_POSE_STEPS
    rgb_steps: int = NUM_RGB_STEPS
    phase: int = 0
    heatmaps: Literal["joints", "limbs"] = "joints"
    size: int = 56
    sigma: float = 0.6
    box: Literal["store", "published"] = "store"
    crop: bool = True
    flip: float = 0.5
    exact_mirror: bool = False
    num_views: int = 1
    mirror_test: bool = False

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() does not know a class with slots
        check_more_than_zero(self, "width", "pose_steps", "rgb_steps", "size", "sigma", "num_views")
        check_not_negative(self, "phase")
        check_share(self, "momentum", "dropout")
        if self.model != "xshift":
            _check_network(self.model, self.stream)
        if not 0 <= self.flip <= 1:
            raise RecipeError(f"flip is {self.flip}; expected a probability in [0, 1]")

    @classmethod
    def published(cls, model: str | None) -> Self:
        """Return the published recipe of the stream, with a network's own width."""
        return cls(width=_WIDTHS[model]) if model in _WIDTHS else cls()

    def of_the_test(self) -> tuple[str, ...]:
        """Return which choices may be others in a test than in training."""
        return ("num_views", "mirror_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseRecipe(XShiftRecipe):
    """X-ShiftNet-Pose alone: STREAM=xshift_pose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RgbRecipe(XShiftRecipe):
    """X-ShiftNet-RGB alone: STREAM=xshift_rgb."""

    stream: str = "xshift_rgb"
    epochs: int = 180
    weight_decay: float = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class EpamRecipe(XShiftRecipe):
    """EPAM-Net: STREAM=epam. Both streams are trained alone first, and then together.

    Args:
        pose_epochs, pose_lr, pose_weight_decay: of the pose alone; 0 epochs: it begins untrained.
        rgb_epochs, rgb_lr, rgb_weight_decay: of RGB alone, likewise.
        attention, detach: see ``train.epam.model.EPAMNet``.
        fusion, rgb_share: see ``train.epam.model.fuse``.
    """

    stream: str = "epam"
    epochs: int = 10
    lr: float = 0.0015
    pose_epochs: int = 240
    pose_lr: float = 0.0375
    pose_weight_decay: float = 3e-4
    rgb_epochs: int = 180
    rgb_lr: float = 0.0375
    rgb_weight_decay: float = 1e-4
    attention: Literal["nested", "none"] = "nested"
    detach: bool = False
    fusion: Literal["logit_sum", "softmax_mean"] = "logit_sum"
    rgb_share: float = 0.5

    def __post_init__(self) -> None:
        XShiftRecipe.__post_init__(self)
        check_not_negative(self, "pose_epochs", "rgb_epochs", "pose_weight_decay", "rgb_weight_decay")
        check_more_than_zero(self, "pose_lr", "rgb_lr")
        if not 0 <= self.rgb_share <= 1:
            raise RecipeError(f"rgb_share is {self.rgb_share}; expected a share in [0, 1]")
        try:
            stride = rgb_stride(self.pose_steps, self.rgb_steps)
        except ValueError as error:
            raise RecipeError(str(error)) from error
        if self.phase >= stride:
            raise RecipeError(
                f"phase is {self.phase}; expected 0 to {stride - 1}, below pose_steps / rgb_steps"
            )

    def stages(self) -> tuple[Recipe, ...]:
        """Return the recipes of the streams, which are trained first."""
        names = {field.name for field in fields(XShiftRecipe)} - {"stream", "epochs", "lr", "weight_decay"}
        shared = {name: getattr(self, name) for name in names}
        shared |= {"num_views": 1, "mirror_test": False}  # of the joint test only
        pose = PoseRecipe(
            **shared,
            epochs=max(self.pose_epochs, 1),
            lr=self.pose_lr,
            weight_decay=self.pose_weight_decay,
        )
        rgb = RgbRecipe(
            **shared, epochs=max(self.rgb_epochs, 1), lr=self.rgb_lr, weight_decay=self.rgb_weight_decay
        )
        return (*([pose] if self.pose_epochs else []), *([rgb] if self.rgb_epochs else []))

    def of_the_test(self) -> tuple[str, ...]:
        """Return which choices may be others in a test than in training."""
        return (*XShiftRecipe.of_the_test(self), "fusion", "rgb_share")


def _check_network(model: str, stream: str) -> None:
    """Refuse a network that there is not, or that does not see what the stream shows."""
    from train.epam.networks import HEATMAP_NETWORKS  # it imports torch, which recipes do without

    if model not in HEATMAP_NETWORKS:
        raise RecipeError(f"model is {model!r}; expected one of {', '.join(HEATMAP_NETWORKS)}")
    if stream != "xshift_pose":
        raise RecipeError(
            f"model is {model} and stream {stream}; expected stream xshift_pose, for it sees heatmaps alone"
        )
