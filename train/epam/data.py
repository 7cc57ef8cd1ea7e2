"""EPAM-Net's data module: a store -> RGB frames and heatmaps for Lightning. It knows no model."""

import logging
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
from torch import Tensor

from store import StoreReader
from store.errors import StoreFormatError
from store.skeleton import COCO_17
from train.clip_data import ClipDataModule
from train.crops import check_crops
from train.epam.boxes import mirrored_joints
from train.epam.clips import check_poses, crop_box
from train.epam.drawn import Drawing, draw_views
from train.epam.views import ClipViews, Look, RawViews
from train.parts import clips_with_data, label_clips

logger = logging.getLogger(__name__)


class Views(TypedDict):
    """What a model is given of B clips, W views each, a clip's views one after another.

    ``frames`` (B * W, M, 3, H, W) normalised RGB; ``heatmaps`` (B * W, N, V, H, W); ``label`` (B,) int64,
    place of the class, -1 unknown; ``clip`` (B,) int64, place among the part's ids.
    """

    frames: NotRequired[Tensor]
    heatmaps: NotRequired[Tensor]
    label: Tensor
    clip: Tensor


class EpamDataModule(ClipDataModule):
    """Batches of views of the clips of one store.

    Loaders hand out poses and crops, which become heatmaps and frames on the device.

    Args:
        reader: the store.
        look: what is shown of a clip.
        drawing: how.
        train_ids, test_ids, val_ids, class_names, batch_size, group, num_workers, seed: see
            ``ClipDataModule``.

    Raises:
        ValueError: an id twice, a training clip whose label is none of ``class_names``, no training data, or
            a skeleton that cannot be mirrored where that is asked for.
        StoreError: the store lacks a clip, or what is looked at.
    """

    def __init__(
        self,
        reader: StoreReader,
        look: Look,
        drawing: Drawing,
        *,
        train_ids: Sequence[str],
        test_ids: Sequence[str],
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        val_ids: Sequence[str] = (),
    ) -> None:
        super().__init__(
            reader,
            train_ids=train_ids,
            val_ids=val_ids,
            test_ids=test_ids,
            class_names=class_names,
            batch_size=batch_size,
            group=group,
            num_workers=num_workers,
            seed=seed,
        )
        check_shows(reader, look)
        self._look, self._drawing = look, drawing
        if look.pose_steps and look.box_rule == "store":
            _tell_boxes(reader)
        joints = reader.facts.skeleton.joint_names
        if drawing.limbs and tuple(joints) != COCO_17:
            raise StoreFormatError(
                f"{reader.address} has the joints {', '.join(joints)}; limbs are those of COCO-17. Choose "
                "heatmaps=joints, or a store of COCO-17 poses"
            )
        is_mirrored = look.pose_steps and (drawing.flip or drawing.in_mirror)
        self._swap = mirrored_joints(joints) if is_mirrored else list(range(len(joints)))

    @property
    def num_frames(self) -> int:
        return self._look.pose_steps or self._look.rgb_steps

    @property
    def num_persons(self) -> int:
        return self._reader.facts.layout.max_persons

    def find_part(self, part: str, ids: Sequence[str]) -> ClipViews:
        places, without = clips_with_data(ids, self._reader)
        labels = label_clips(part, ids, places, without, self._reader, self.class_names)
        clip_ids = [ids[place] for place in places]
        return ClipViews(part, self._reader, clip_ids, labels, np.array(places, np.int64), self._look)

    def on_after_batch_transfer(self, batch: RawViews, dataloader_idx: int = 0) -> Views:
        """Draw heatmaps and normalise frames, where the batch is."""
        made = Views(label=batch["label"], clip=batch["clip"])
        if not len(batch["label"]):  # a process without a clip
            return made
        frames, heatmaps = draw_views(batch, self._drawing, self._swap)
        if frames is not None:
            made["frames"] = frames
        if heatmaps is not None:
            made["heatmaps"] = heatmaps
        return made


def check_shows(reader: StoreReader, look: Look) -> None:
    """Refuse a store that lacks what is looked at.

    Raises:
        StoreFormatError: naming what it lacks and how to get it.
    """
    if look.rgb_steps:
        check_crops(reader, "clip")
    if look.pose_steps:
        check_poses(reader)


def _tell_boxes(reader: StoreReader) -> None:
    """Say where boxes are others than those of a store with crops, by a pixel or some."""
    if any(crop_box(reader, clip_id) is None for clip_id in reader.clip_ids[:1]):
        logger.info(
            "%s has no 'clip' crops, so heatmaps show the box around all poses of a clip", reader.address
        )
