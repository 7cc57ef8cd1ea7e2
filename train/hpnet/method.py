"""HP-Net as a method of the trainer: ``STREAM=hpnet``."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from store import StoreReader
from train.clip_data import InMemory, tell_unkept
from train.crops import check_crops
from train.hpnet.data import HPNetDataModule
from train.hpnet.encoders import encoder_sizes, find_tokenizer, first_encoders
from train.hpnet.loss import hpnet_loss
from train.hpnet.model import HPNet, Scores
from train.hpnet.optimisation import parameter_groups, step_rates
from train.hpnet.recipe import HPNetRecipe
from train.hpnet.smclm import JOINT, SMCLM, SMCLM_STREAMS
from train.hpnet.text import class_texts, read_descriptions, text_features, token_rows
from train.hpnet.xclip import Encoders, Sizes, empty_encoders
from train.models import build_model
from train.passport import Passport, Source
from train.rows import array_of, tap_of
from train.settings import Part

logger = logging.getLogger(__name__)

_TEST_BATCH = 16  # clips of 8 frames
_STATISTICS_BATCH = 4  # published: where scores depend on the batch, its size counts (specs/hpnet.md D.7)


class HPNetMethod:
    """Frames and pooled streams to similarities with texts; see ``train.method.Method``.

    Args:
        recipe: what is trained.
    """

    def __init__(self, recipe: HPNetRecipe) -> None:
        self.recipe = recipe
        self.test_batch = _STATISTICS_BATCH if recipe.batch_statistics else _TEST_BATCH
        everything = SMCLM_STREAMS if recipe.streams != "joint" else (JOINT,)
        self.streams = () if recipe.fusion == "none" else everything
        self.reads: frozenset[Part] = frozenset({"person", "pooled"} if self.streams else {"person"})

    def source(self, reader: StoreReader, tap: str | None = None) -> Source:
        crops = check_crops(reader, "person")
        if not self.streams:
            return Source(crops, None, 3)
        array = array_of(reader, "pooled", tap or self.recipe.tap)
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
    ) -> HPNetDataModule:
        recipe = self.recipe
        tell_unkept(in_memory)
        sizes = encoder_sizes(recipe) if passport is None else sizes_in(passport)
        return HPNetDataModule(
            reader,
            self.streams,
            train_ids=train_ids,
            val_ids=val_ids,
            test_ids=test_ids,
            class_names=class_names,
            batch_size=batch_size,
            group=group,
            num_workers=num_workers,
            seed=recipe.seed,
            num_images=sizes.num_frames,
            size=sizes.image_size,
            statistics=recipe.statistics,
            variation=recipe.variation,
            blending=recipe.blending,
            blend_streams=recipe.blend_streams,
            own_labels=recipe.auxiliary_labels == "own",
            smoothing=recipe.label_smoothing,
            tap=passport.tap if passport else recipe.tap,
            num_frames=passport.num_frames if passport else recipe.num_frames,
            num_persons=passport.num_persons if passport else recipe.num_persons,
            copy_person=recipe.copy_person,
            absence=recipe.absence,
        )

    def facts(self, reader: StoreReader, class_names: Sequence[str]) -> Mapping[str, object]:
        """Return the sizes of the encoders, and what is said of the classes."""
        return {"sizes": asdict(encoder_sizes(self.recipe)), "texts": self._texts(class_names)}

    def first_model(self, passport: Passport, folder: Path) -> HPNet:
        """Return the network with pre-trained encoders, or random ones; the texts are encoded here, once."""
        sizes, texts = sizes_in(passport), cast(Sequence[str], passport.facts["texts"])
        tokenize = find_tokenizer(self.recipe, vocab_size=sizes.vocab_size)
        rows = token_rows(texts, tokenize, length=sizes.context_length)
        encoders = first_encoders(self.recipe)
        text = text_features(encoders.text, rows)
        if self.recipe.scale is not None:
            encoders = replace(encoders, scale=torch.tensor(self.recipe.scale))
        return self._build(passport, encoders, text)

    def model(self, passport: Passport) -> HPNet:
        sizes = sizes_in(passport)
        # the text encoder is not needed any more: a small one is built sooner
        encoders = empty_encoders(replace(sizes, vocab_size=3, text_layers=1))
        return self._build(passport, encoders, torch.zeros(len(passport.class_names), sizes.embed_dim))

    def compile(self, model: nn.Module, device: torch.device) -> None:
        """Compile nothing: the encoders are large matrix products already."""
        logger.info("torch.compile is for graph models alone; %s is trained without it", self.recipe.stream)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        recipe = self.recipe
        groups = parameter_groups(model, recipe)
        return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps)

    def rates(self, *, step: int, steps_per_epoch: int) -> list[float]:
        return step_rates(self.recipe, step=step, steps_per_epoch=steps_per_epoch)

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        return hpnet_loss(
            self._scores(model, batch),
            batch["target"],
            auxiliary_targets=batch["auxiliary_target"],
            weight=self.recipe.auxiliary,
        )

    def logits(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        return self._scores(model, batch).logits

    def _scores(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Scores:
        streams = cast(Mapping[str, Tensor], batch["streams"])
        present = batch.get("present") if self.recipe.mask_absent else None
        scores: Scores = model(batch["frames"], streams, present)
        return scores

    def _build(self, passport: Passport, encoders: Encoders, text: Tensor) -> HPNet:
        recipe = self.recipe
        graphs = {
            stream: build_model(
                recipe.model,
                in_channels=passport.in_channels,
                num_frames=passport.num_frames,
                num_persons=passport.num_persons,
                skeleton=passport.skeleton,
                num_classes=len(passport.class_names),
                width=recipe.width,
                graph=recipe.graph,
                dropout=recipe.dropout,
            )
            for stream in self.streams
        }
        skeleton = None
        if graphs:
            skeleton = SMCLM(
                graphs,
                uses_motion_for_joint=recipe.streams == "release",
                has_batch_statistics=recipe.batch_statistics,
            )
        model = HPNet(encoders.video, text, encoders.scale, skeleton=skeleton, fusion=recipe.fusion)
        model.video.requires_grad_(not recipe.freeze_video)
        return model

    def _texts(self, class_names: Sequence[str]) -> list[str]:
        said = self.recipe.descriptions
        return class_texts(
            class_names,
            template=self.recipe.template,
            descriptions=read_descriptions(Path(said)) if said else None,
        )


def sizes_in(passport: Passport) -> Sizes:
    """Return the sizes of a passport's encoders."""
    return Sizes(**cast(Mapping[str, int], passport.facts["sizes"]))
