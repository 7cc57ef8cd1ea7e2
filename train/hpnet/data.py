"""HP-Net's data module: a store -> frames, pooled streams, soft labels for Lightning. It knows no model."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor

from store import StoreReader
from train.batches import ClipBatches, RawBatch
from train.clip_data import ClipDataModule
from train.colours import normalise
from train.crops import Crops
from train.hpnet.blend import Blend, Blending, draw_blend, soft_labels
from train.hpnet.clips import SeenClips
from train.hpnet.frames import Variation, vary_frames
from train.mixup import mix
from train.parts import clips_with_data, label_clips
from train.persons import Absence
from train.rows import PersonRows, array_of, num_frames_of, num_persons_of
from train.streams import bone_parents, to_slots, view_of, view_rows

_ANOTHER_DRAW = 1  # reading draws with a batch's seed, finishing with the next one


class RawSeen(RawBatch):
    """What leaves a reading process: ``frames`` (B, m, H, W, 3) uint8; if rows are read, ``RawBatch`` too."""

    frames: Tensor


class SeenBatch(TypedDict):
    """What HP-Net is given.

    ``frames`` (B, m, 3, H, W) normalised; ``streams``: stream -> (B, C, T, V, M), and ``present`` (B, M)
    bool, where streams are read; ``label`` (B,) int64, -1 unknown; ``clip`` (B,) int64. In training
    ``target`` (B, K), each row sums to 1, and ``auxiliary_target`` (B, K), of the graph models' own heads.
    """

    frames: Tensor
    streams: dict[str, Tensor]
    present: NotRequired[Tensor]
    label: Tensor
    clip: Tensor
    target: NotRequired[Tensor]
    auxiliary_target: NotRequired[Tensor]


class HPNetDataModule(ClipDataModule):
    """Batches of frames and pooled streams of one store.

    Args:
        reader: the store.
        streams: names of pooled streams; none: only frames are read.
        train_ids, test_ids, val_ids, class_names, batch_size, group, num_workers, seed: see
            ``ClipDataModule``.
        num_images: m, frames of a clip; size: theirs, width and height in pixels.
        statistics: see ``train.colours.normalise``.
        variation: of training frames.
        blending: of training batches.
        blend_streams: also of streams, by the share of the labels; see ``train.mixup.mix``.
        own_labels: auxiliary targets are not blended.
        smoothing: of the targets.
        tap, num_frames, num_persons, copy_person, absence: see ``StreamDataModule``.

    Raises:
        ValueError: an id twice, a training clip whose label is none of ``class_names``, no training data.
        StoreError: the store lacks a clip, crops, or pooled features.
    """

    def __init__(
        self,
        reader: StoreReader,
        streams: Sequence[str],
        *,
        train_ids: Sequence[str],
        test_ids: Sequence[str],
        val_ids: Sequence[str] = (),
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        num_images: int,
        size: int,
        statistics: str = "imagenet",
        variation: Variation | None = None,
        blending: Blending | None = None,
        blend_streams: bool = False,
        own_labels: bool = False,
        smoothing: float = 0.0,
        tap: str | None = None,
        num_frames: int | None = None,
        num_persons: int | None = None,
        copy_person: bool = False,
        absence: Absence = "hold",
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
        self._views = {stream: view_of(stream) for stream in streams}
        self._array = array_of(reader, "pooled", tap) if streams else None
        self._num_images, self._size, self._statistics = num_images, size, statistics
        self._variation, self._blending = variation or Variation(), blending or Blending()
        self._blends_streams, self._has_own_labels, self._smoothing = blend_streams, own_labels, smoothing
        self._num_frames, self._copies, self._absence = num_frames, copy_person, absence
        self._num_persons = num_persons_of(reader, num_persons, copy_person=copy_person) if streams else 1
        self._parents = bone_parents(reader.facts.skeleton)

    @property
    def num_frames(self) -> int:
        return num_frames_of(self._reader, self._num_frames)

    @property
    def num_persons(self) -> int:
        return self._num_persons

    def find_part(self, part: str, ids: Sequence[str]) -> SeenClips:
        """Find the clips of a part that have crops and, where streams are read, somebody in them."""
        places, without = clips_with_data(ids, self._reader)
        names = [ids[place] for place in places]
        crops, rows = self._crops(names), self._rows(names)
        has = np.array([len(crops.steps(clip)) > 0 for clip in range(len(crops))], bool)
        if rows is not None:
            has &= rows.present.any(1)
        if not has.all():
            without["with nobody to be seen"] = int((~has).sum())
            places = [place for place, is_seen in zip(places, has, strict=True) if is_seen]
            names = [ids[place] for place in places]
            crops, rows = self._crops(names), self._rows(names)
        labels = label_clips(part, ids, places, without, self._reader, self.class_names)
        numbers = np.array(places, np.int64)
        read = None if rows is None else ClipBatches(part, rows, labels, numbers)
        return SeenClips(part, crops, labels, numbers, read, num_images=self._num_images)

    def on_after_batch_transfer(self, batch: RawSeen, dataloader_idx: int = 0) -> SeenBatch:
        """Vary, normalise and blend frames, make streams and targets, where the batch is."""
        frames = batch["frames"].permute(0, 1, 4, 2, 3).float()
        made = SeenBatch(frames=frames, streams={}, label=batch["label"], clip=batch["clip"])
        if self._views and len(frames):
            made["streams"], made["present"] = self._streams(batch), batch["present"]
        if batch["part"] != "train":
            made["frames"] = normalise(frames, self._statistics)
            return made
        draw = torch.Generator().manual_seed(batch["seed"] + _ANOTHER_DRAW)
        made["frames"] = normalise(vary_frames(frames, self._variation, draw), self._statistics)
        size_hw = (frames.shape[-2], frames.shape[-1])
        blend = draw_blend(len(frames), size_hw, self._blending, draw)
        return self._blended(made, blend)

    def _blended(self, made: SeenBatch, blend: Blend | None) -> SeenBatch:
        own = soft_labels(made["label"], len(self.class_names), smoothing=self._smoothing)
        blended = own if blend is None else blend.values(own)
        made["target"] = blended
        made["auxiliary_target"] = own if self._has_own_labels else blended
        if blend is None:
            return made
        made["frames"] = blend.frames(made["frames"])
        if self._blends_streams and "present" in made:
            partners = blend.partners.to(made["present"].device)
            mixed = {
                name: mix(stream, made["present"], share=blend.share, partners=partners)
                for name, stream in made["streams"].items()
            }
            made["streams"] = {name: mixture.stream for name, mixture in mixed.items()}
            made["present"] = next(iter(mixed.values())).present
        return made

    def _streams(self, batch: RawSeen) -> dict[str, Tensor]:
        num_clips, num_persons = batch["present"].shape
        valid = batch["valid"] if self._absence == "hold" else None
        return {
            name: to_slots(
                view_rows(batch["rows"], valid, view, self._parents),
                batch["slots"],
                num_clips=num_clips,
                num_persons=num_persons,
            )
            for name, view in self._views.items()
        }

    def _crops(self, clip_ids: Sequence[str]) -> Crops:
        return Crops(self._reader, "person", clip_ids, size=self._size)

    def _rows(self, clip_ids: Sequence[str]) -> PersonRows | None:
        if self._array is None:
            return None
        return PersonRows(
            self._reader,
            self._array,
            clip_ids,
            num_frames=self._num_frames,
            num_persons=self._num_persons,
            copy_person=self._copies,
            absence=self._absence,
        )
