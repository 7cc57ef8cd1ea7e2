"""EPAM-Net and its streams as a method of the trainer: ``STREAM=epam``, ``xshift_pose``, ``xshift_rgb``."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from store import StoreReader
from train.clip_data import InMemory, tell_unkept
from train.epam.data import EpamDataModule, check_shows
from train.epam.drawn import Drawing
from train.epam.heatmaps import COCO_17_LIMBS
from train.epam.model import (
    EPAMLogits,
    EPAMNet,
    build_epam,
    epam_loss,
    mean_of_views,
    stream_scores,
)
from train.epam.networks import HEATMAP_NETWORKS
from train.epam.recipe import RGB_PER_HEATMAP, EpamRecipe, XShiftRecipe
from train.epam.views import Look
from train.passport import Passport, Source
from train.schedule import cosine_rate
from train.settings import Part
from train.stages import load_stage

logger = logging.getLogger(__name__)

_TEST_VIEWS = 16  # scored together; RGB of more would take gigabytes
_READS: Mapping[str, frozenset[Part]] = {
    "xshift_pose": frozenset({"pose"}),
    "xshift_rgb": frozenset({"clip"}),
    "epam": frozenset({"pose", "clip"}),
}


class EpamMethod:
    """Views of clips to scores; see ``train.method.Method``.

    Args:
        recipe: what is trained.
    """

    def __init__(self, recipe: XShiftRecipe) -> None:
        self.recipe = recipe
        self.reads = _READS[recipe.stream]
        self.test_batch = max(1, _TEST_VIEWS // (recipe.num_views * (2 if recipe.mirror_test else 1)))

    def source(self, reader: StoreReader, tap: str | None = None) -> Source:
        look = self._look()
        check_shows(reader, look)
        array = "frames/clip" if look.rgb_steps else "keypoints"
        return Source(array, None, 3 if look.rgb_steps else 2)

    def data(
        self,
        reader: StoreReader,
        *,
        train_ids: Sequence[str] = (),
        val_ids: Sequence[str] = (),
        test_ids: Sequence[str] = (),
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        in_memory: InMemory = "auto",
        passport: Passport | None = None,
    ) -> EpamDataModule:
        tell_unkept(in_memory)
        # more views are for tests: in training they would cost more than they say
        is_training = bool(train_ids)
        return EpamDataModule(
            reader,
            self._look(is_training=is_training),
            self._drawing(is_training=is_training),
            train_ids=train_ids,
            val_ids=val_ids,
            test_ids=test_ids,
            class_names=class_names,
            batch_size=batch_size,
            group=group,
            num_workers=num_workers,
            seed=self.recipe.seed,
        )

    def facts(self, reader: StoreReader, class_names: Sequence[str]) -> Mapping[str, object]:
        return {}

    def first_model(self, passport: Passport, folder: Path) -> nn.Module:
        model = self.model(passport)
        for stage in self.recipe.stages():
            assert isinstance(model, EPAMNet)
            part = model.pose if stage.stream == "xshift_pose" else model.rgb
            load_stage(part, folder, stage)
        return model

    def model(self, passport: Passport) -> nn.Module:
        recipe, num_classes = self.recipe, len(passport.class_names)
        num_channels = len(COCO_17_LIMBS) if recipe.heatmaps == "limbs" else len(passport.joint_names)
        if recipe.stream == "xshift_pose":
            build_alone = HEATMAP_NETWORKS[recipe.model]
            return build_alone(
                num_classes, in_channels=num_channels, width=recipe.width, dropout=recipe.dropout
            )
        build = partial(
            build_epam,
            cast(Literal["epam", "xshift_rgb"], recipe.stream),
            num_classes=num_classes,
            num_joints=num_channels,
            width=recipe.width,
            dropout=recipe.dropout,
        )
        if isinstance(recipe, EpamRecipe):
            return build(attention=recipe.attention, detach=recipe.detach, phase=recipe.phase)
        return build()

    def compile(self, model: nn.Module, device: torch.device) -> None:
        """Do nothing: it was not tried on a GPU yet."""
        logger.info("torch.compile is for graph models; %s is trained without it", self.recipe.stream)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            model.parameters(),
            lr=self.recipe.lr,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
        )

    def rates(self, *, step: int, steps_per_epoch: int) -> list[float]:
        return [cosine_rate(self.recipe, step=step, steps_per_epoch=steps_per_epoch)]

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        found, labels, smoothing = self._ask(model, batch), batch["label"], self.recipe.label_smoothing
        if isinstance(found, EPAMLogits):
            return epam_loss(found, labels, label_smoothing=smoothing)
        return F.cross_entropy(found, labels, label_smoothing=smoothing)

    def logits(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the scores of clips: of both streams, and of all views, together."""
        recipe, found, num_clips = self.recipe, self._ask(model, batch), len(batch["label"])
        if isinstance(found, EPAMLogits):
            assert isinstance(recipe, EpamRecipe)
            found = stream_scores(found, recipe.fusion, rgb_share=recipe.rgb_share)
        return mean_of_views(found, num_clips)

    def _ask(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor | EPAMLogits:
        """Return the logits of all views: of one stream, or of both."""
        inputs = [batch[name] for name in ("frames", "heatmaps") if name in batch]
        found: Tensor | EPAMLogits = model(*inputs)
        return found

    def _look(self, *, is_training: bool = True) -> Look:
        recipe = self.recipe
        return Look(
            pose_steps=0 if recipe.stream == "xshift_rgb" else recipe.pose_steps,
            rgb_steps=0 if recipe.stream == "xshift_pose" else recipe.rgb_steps,
            phase=recipe.phase if recipe.stream == "epam" else 0,
            rgb_size=RGB_PER_HEATMAP * recipe.size,
            box_rule=recipe.box,
            is_clamped=recipe.stream != "xshift_pose",
            num_views=1 if is_training else recipe.num_views,
        )

    def _drawing(self, *, is_training: bool) -> Drawing:
        recipe = self.recipe
        return Drawing(
            size=recipe.size,
            sigma=recipe.sigma,
            limbs=COCO_17_LIMBS if recipe.heatmaps == "limbs" else (),
            flip=recipe.flip if is_training else 0.0,
            has_crops=recipe.crop and recipe.stream == "xshift_pose",
            exact_mirror=recipe.exact_mirror,
            in_mirror=recipe.mirror_test and not is_training,
        )
