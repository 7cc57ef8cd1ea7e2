"""A graph model on one stream of a store: ``STREAM=hpj`` and the others of ``train.streams.STREAMS``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from store import StoreReader
from train.augment import Augment
from train.clip_data import InMemory
from train.data import StreamDataModule
from train.graph import published_root
from train.graph_recipe import GraphRecipe
from train.mixup import draw_mixture
from train.models import GraphModel, build_model
from train.models.compiled import compile_backbone
from train.passport import Passport, Source
from train.rows import array_of, tap_of
from train.schedule import learning_rate
from train.settings import Part
from train.streams import view_of


class GraphMethod:
    """Streams (B, C, T, V, M) to logits; see ``train.method.Method``.

    Args:
        recipe: what is trained.
    """

    test_batch = 64

    def __init__(self, recipe: GraphRecipe) -> None:
        self.recipe = recipe
        self.reads: frozenset[Part] = frozenset({view_of(recipe.stream).source})

    def source(self, reader: StoreReader, tap: str | None = None) -> Source:
        array = array_of(reader, view_of(self.recipe.stream).source, tap or self.recipe.tap)
        return Source(array, tap_of(reader, array), int(reader.spec(array).shape_tail[-1]))

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
    ) -> StreamDataModule:
        recipe = self.recipe
        return StreamDataModule(
            reader,
            recipe.stream,
            train_ids=train_ids,
            val_ids=val_ids,
            test_ids=test_ids,
            class_names=class_names,
            batch_size=batch_size,
            group=group,
            num_workers=num_workers,
            num_persons=passport.num_persons if passport else recipe.num_persons,
            copy_person=recipe.copy_person,
            absence=recipe.absence,
            tap=passport.tap if passport else recipe.tap,
            in_memory=in_memory,
            seed=recipe.seed,
            augment=self._augment(),
            num_frames=passport.num_frames if passport else recipe.num_frames,
            pose_unit=recipe.pose_unit,
            # in training a mirror would cost more than it says
            mirror_test=recipe.mirror_test and not train_ids,
            face_others=recipe.face_others,
        )

    def facts(self, reader: StoreReader, class_names: Sequence[str]) -> Mapping[str, object]:
        """Return the graph's root where it is not that of the bones; a checkpoint without one keeps these."""
        root = published_root(self.recipe.model, reader.facts.skeleton)
        return {"root": root} if root is not None and self.recipe.graph == "published" else {}

    def first_model(self, passport: Passport, folder: Path) -> GraphModel:
        return self.model(passport)

    def model(self, passport: Passport) -> GraphModel:
        return build_model(
            self.recipe.model,
            in_channels=passport.in_channels,
            num_frames=passport.num_frames,
            num_persons=passport.num_persons,
            skeleton=passport.skeleton,
            num_classes=len(passport.class_names),
            width=self.recipe.width,
            graph=self.recipe.graph,
            root=cast(str | None, passport.facts.get("root")),
            dropout=self.recipe.dropout,
        )

    def compile(self, model: nn.Module, device: torch.device) -> None:
        assert isinstance(model, GraphModel)
        compile_backbone(model, device)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            model.parameters(),
            lr=self.recipe.lr,
            momentum=self.recipe.momentum,
            nesterov=self.recipe.momentum > 0,
            weight_decay=self.recipe.weight_decay,
        )

    def rates(self, *, step: int, steps_per_epoch: int) -> list[float]:
        return [learning_rate(self.recipe, step=step, steps_per_epoch=steps_per_epoch)]

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        labels, smoothing = batch["label"], self.recipe.label_smoothing
        if not self.recipe.mixup:
            return F.cross_entropy(self.logits(model, batch), labels, label_smoothing=smoothing)
        mixed = draw_mixture(batch["stream"], batch["present"], strength=self.recipe.mixup)
        logits = self.logits(model, {"stream": mixed.stream, "present": mixed.present})
        own, other = (
            F.cross_entropy(logits, wanted, label_smoothing=smoothing)
            for wanted in (labels, labels[mixed.partners])
        )
        return mixed.share * own + (1 - mixed.share) * other

    def logits(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean of all looks at the clips: the stream, and its mirror where there is one."""
        present = batch.get("present") if self.recipe.mask_absent else None
        looks = [model(batch[view], present) for view in ("stream", "mirrored") if view in batch]
        return looks[0] if len(looks) == 1 else torch.stack(looks).mean(0)

    def _augment(self) -> Augment | None:
        recipe = self.recipe
        augment = Augment(
            crop=recipe.crop,
            jitter=recipe.jitter,
            joint_dropout=recipe.joint_dropout,
            channel_dropout=recipe.channel_dropout,
            person_dropout=recipe.person_dropout,
            exchange=recipe.exchange,
            mirror=recipe.mirror,
            turn=recipe.turn,
            scale=recipe.scale,
        )
        return None if augment == Augment() else augment
