"""The recipe of HP-Net; the published one is the default, but for what its docstring names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from train.config import Recipe, RecipeError, check_more_than_zero, check_not_negative, check_share
from train.hpnet.blend import Blending
from train.hpnet.frames import Variation

_MODELS = ("ctrgcn", "mixformer", "stgcnpp")  # those that have features of each joint
PUBLISHED_ENCODER = "microsoft/xclip-base-patch16-kinetics-600"


@dataclass(frozen=True, slots=True, kw_only=True)
class HPNetRecipe(Recipe):
    """What is trained, and how; published: 4 clips at once on each of 4 devices, 64 for a step.

    Defaults that differ from the published training (specs/hpnet.md A.2, B, D.7):
    precision: fp32; published: mixed, by apex (O1), to which fp16 on a GPU comes closest.
    copy_person, mask_absent, num_persons: persons are counted, and absent ones masked; published: two, the
    second one a copy of the first where nobody else is (copy_person=true mask_absent=false num_persons=2).
    absence: where a person is not there, its features are those of the nearest time at which it is;
    published: zeros (absence=zeros).
    frames: drawn from those of the store, on its clock of 64 at 64 sample times; published: from all of the
    video, which a store has that was extracted with --clock native.
    batch_statistics: tests are normalised by what training learned; published: by each batch.
    select_on: the last epoch; published: the one that is best on the test clips (select_on=test).

    Args:
        model: the graph model of each pooled stream, ctrgcn, mixformer or stgcnpp.
        lr: of the video encoder; the other parts' is ``message_rate``, ``integration_rate``, ``fusion_rate``
            times as high: messages between frames, their integration over time, graph models and fusion.
        min_lr: of all parts, where the cosine ends; warm-up begins at 0.
        beta1, beta2, eps: of AdamW; weights of layers decay, but no biases, norms and positions.
        encoder: of videos and texts, pre-trained: a name on the hub, a local folder of the same files, or the
            authors' own file (k600_16_8.pth), which has no vocabulary; none: of random weights.
        tokenizer: folder or name of a vocabulary, or "letters", one token per letter; none: the encoder's
            own, without one letters.
        image_size, patch_size, video_width, video_layers, embed_dim, mit_layers, text_width, text_layers,
            context_length: of an encoder of random weights, see ``train.hpnet.xclip.Sizes``; a pre-trained
            one has its own.
        images: frames of a clip, of an encoder of random weights.
        scale: factor of the cosines; none: the encoder's. It does not learn.
        freeze_video: the video encoder does not learn.
        template: what is said of a class, its name being ``{}``; descriptions: a JSON file, class name ->
            longer text.
        statistics: which colours are zero and one, "imagenet" (published) or "clip".
        flip, jitter, brightness, contrast, saturation, hue, jitter_per, gray: of training frames, see
            ``train.hpnet.frames.Variation``.
        blend, cutmix, mixup_alpha, cutmix_alpha: of training batches, see ``train.hpnet.blend.Blending``;
            blend: its probability.
        blend_streams: pooled streams are blended as frames are; published: only the frames.
        auxiliary_labels: of the graph models' own heads: "blended" (published, also of streams that are not)
            or "own".
        auxiliary: weight of each of these heads in the loss.
        fusion: how pooled streams change the texts, see ``train.hpnet.modulation``; none: they do not, and
            are not read.
        streams: "release": joint, motion and bone, but the joint's graph model sees the motion too, as in the
            release; "paper": each its own; "joint": the joint alone.
        batch_statistics: graph models normalise tests by the batch, as the release does: scores then depend
            on the other clips. Batches are of four, as published, and of three where their number is no
            multiple of four (of five clips or fewer also of two, or one). A test may choose it anew.
        tap, num_frames, num_persons, copy_person, mask_absent, absence, width, graph, dropout: of the pooled
            streams and their graph models, see ``train.graph_recipe.GraphRecipe``.

    Raises:
        RecipeError: a value is outside its range.
    """

    stream: Literal["hpnet"] = "hpnet"
    model: str = "ctrgcn"
    epochs: int = 30
    batch_size: int = 64
    at_once: int | None = 4
    lr: float = 8e-6
    message_rate: float = 10.0
    integration_rate: float = 10.0
    fusion_rate: float = 10_000.0
    min_lr: float = 8e-8
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-3
    weight_decay: float = 1e-3
    warmup_epochs: int = 5
    label_smoothing: float = 0.1
    encoder: str | None = PUBLISHED_ENCODER
    tokenizer: str | None = None
    image_size: int = 224
    patch_size: int = 16
    images: int = 8
    video_width: int = 768
    video_layers: int = 12
    embed_dim: int = 512
    mit_layers: int = 1
    text_width: int = 512
    text_layers: int = 12
    context_length: int = 77
    scale: float | None = None
    freeze_video: bool = False
    template: str = "{}"
    descriptions: str | None = None
    statistics: Literal["imagenet", "clip"] = "imagenet"
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    jitter_per: Literal["frame", "clip"] = "frame"
    gray: float = 0.2
    blend: float = 1.0
    cutmix: float = 0.5
    mixup_alpha: float = 0.8
    cutmix_alpha: float = 1.0
    blend_streams: bool = False
    auxiliary_labels: Literal["blended", "own"] = "blended"
    auxiliary: float = 1.0
    fusion: Literal["trmm", "trmm_paper", "film", "cross_attention", "none"] = "trmm"
    streams: Literal["release", "paper", "joint"] = "release"
    batch_statistics: bool = False
    tap: str | None = None
    num_frames: int | None = None
    num_persons: int | None = None
    copy_person: bool = False
    mask_absent: bool = True
    absence: Literal["hold", "zeros"] = "hold"
    width: int | None = None
    graph: Literal["published", "tree"] = "published"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() does not know a class with slots
        if self.model not in _MODELS:
            raise RecipeError(
                f"model is {self.model!r}; expected one of {', '.join(_MODELS)}, which have features of "
                "each joint"
            )
        check_more_than_zero(self, "message_rate", "integration_rate", "fusion_rate", "eps")
        check_more_than_zero(self, "images", "image_size", "patch_size", "context_length")
        check_more_than_zero(self, "video_width", "embed_dim", "text_width")
        check_not_negative(self, "min_lr", "auxiliary", "video_layers", "mit_layers", "text_layers")
        check_share(self, "beta1", "beta2", "dropout")
        if self.scale is not None:
            check_more_than_zero(self, "scale")
        if self.min_lr > self.lr:
            raise RecipeError(f"min_lr is {self.min_lr}; expected at most lr, {self.lr}")
        if self.freeze_video and self.fusion == "none":
            raise RecipeError("freeze_video with fusion none: nothing would learn; expected one of the two")
        if self.num_frames is not None and self.num_frames < 1:
            raise RecipeError(f"num_frames is {self.num_frames}; expected 1 or more, or none")
        for part in ("variation", "blending"):
            try:
                getattr(self, part)
            except ValueError as error:
                raise RecipeError(f"{part} of training clips: {error}") from error

    @property
    def variation(self) -> Variation:
        """How training frames vary."""
        return Variation(
            flip=self.flip,
            jitter=self.jitter,
            brightness=self.brightness,
            contrast=self.contrast,
            saturation=self.saturation,
            hue=self.hue,
            jitter_per=self.jitter_per,
            gray=self.gray,
        )

    @property
    def blending(self) -> Blending:
        """How training batches are blended."""
        return Blending(
            probability=self.blend,
            cutmix=self.cutmix,
            mixup_alpha=self.mixup_alpha,
            cutmix_alpha=self.cutmix_alpha,
        )

    @classmethod
    def published(cls, model: str | None) -> Self:
        """Return the published recipe."""
        return cls()

    def files(self) -> Mapping[str, Path]:
        """Return the file of descriptions."""
        return {"descriptions": Path(self.descriptions)} if self.descriptions else {}

    def of_the_test(self) -> tuple[str, ...]:
        """Return which choices may be others in a test than in training."""
        return ("batch_statistics",)
