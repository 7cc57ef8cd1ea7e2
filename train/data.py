"""The data module: a store and a stream -> batches for Lightning. It knows no model."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from store import StoreReader
from store.skeleton import Skeleton
from train.augment import Augment, drop_joints_and_channels, drop_persons, exchange_persons, vary_time
from train.batches import ClipBatches, RawBatch
from train.clip_data import ClipDataModule, InMemory
from train.memory import Place, choose_place
from train.parts import find_rows
from train.persons import Absence
from train.poses import PoseUnit, facing_others, in_bodies, mirror_partners, mirrored, vary_poses
from train.rows import PersonRows, array_of, num_frames_of, num_persons_of
from train.streams import bone_parents, to_slots, view_of, view_rows

logger = logging.getLogger(__name__)

_PLACES: Mapping[bool | str, Place] = {True: "ram", False: "store", "device": "device"}


class Batch(TypedDict):
    """What a model is given.

    ``stream`` (B, C, T, V, M) float32; ``present`` (B, M) bool, which persons are in the clip at some time;
    ``label`` (B,) int64, place of the class, -1 unknown; ``clip`` (B,) int64, place among the part's ids.
    ``mirrored``: the stream of a test in a mirror, where that is asked for.
    """

    stream: Tensor
    mirrored: NotRequired[Tensor]
    present: Tensor
    label: Tensor
    clip: Tensor


class StreamDataModule(ClipDataModule):
    """Batches of one stream of one store.

    Args:
        store, train_ids, test_ids, val_ids, class_names, batch_size, group: see ``ClipDataModule``.
        stream: a name of ``train.streams.STREAMS``.
        num_workers: processes that read ahead, where rows are read from the store.
        num_persons: M; None: 1 for a store without a second person anywhere in it, else the store's own.
        copy_person: the release's way: the first person who is there is copied into empty slots (M >= 2).
        in_memory: True: all rows in RAM; "device": on the model's device; False: read anew in each epoch;
            "auto": the fastest of them that has room.
        seed: decides, with the epoch, the order of training clips and what ``augment`` draws.
        augment: how training batches are varied; None: not at all.
        tap: of the pooled streams; None: the store's first.
        absence: what the stream shows at times at which a person of a clip is absent, see ``train.persons``.
        num_frames: T; None: the store's clock, 64 for a native store.
        pose_unit: of the pose streams, see ``train.poses``.
        mirror_test: of a pose stream in bodies, show what is not trained on in a mirror too.
        face_others: of a pose stream in bodies, mirror persons, see ``train.poses.facing_others``.

    Raises:
        ValueError: an id twice, a training clip whose label is none of ``class_names``, no training data, or
            poses in bodies where absence is read as data.
        StoreError: the store lacks a clip, or the array that the stream reads.
    """

    def __init__(
        self,
        store: StoreReader | str,
        stream: str,
        *,
        train_ids: Sequence[str],
        test_ids: Sequence[str],
        class_names: Sequence[str],
        batch_size: int,
        group: int = 1,
        num_workers: int = 0,
        num_persons: int | None = None,
        copy_person: bool = False,
        in_memory: InMemory = "auto",
        seed: int = 0,
        augment: Augment | None = None,
        val_ids: Sequence[str] = (),
        tap: str | None = None,
        absence: Absence = "hold",
        num_frames: int | None = None,
        pose_unit: PoseUnit = "pixels",
        mirror_test: bool = False,
        face_others: bool = False,
    ) -> None:
        super().__init__(
            store,
            train_ids=train_ids,
            val_ids=val_ids,
            test_ids=test_ids,
            class_names=class_names,
            batch_size=batch_size,
            group=group,
            num_workers=num_workers,
            seed=seed,
        )
        self._view = view_of(stream)
        self._array = array_of(self._reader, self._view.source, tap)
        self.stream = stream
        self._num_persons, self._copies, self._absence = num_persons, copy_person, absence
        self._num_frames, self._in_memory, self._augment = num_frames, in_memory, augment
        if pose_unit == "body" and absence != "hold":
            raise ValueError(
                f"pose_unit is 'body' and absence {absence!r}; expected 'hold': zeros are no body"
            )
        self._is_in_bodies = pose_unit == "body" and self._view.source == "pose"
        self._mirrors_test = mirror_test and self._is_in_bodies
        self._faces_others = face_others and self._is_in_bodies
        self._parents = bone_parents(self.skeleton)
        self._partners = mirror_partners(self.skeleton.joint_names)

    @property
    def skeleton(self) -> Skeleton:
        return self._reader.facts.skeleton

    @property
    def in_channels(self) -> int:
        return int(self._reader.spec(self._array).shape_tail[-1])

    @property
    def num_frames(self) -> int:
        return num_frames_of(self._reader, self._num_frames)

    @cached_property
    def num_persons(self) -> int:
        """M, which for None in the arguments needs a look at who is there in all clips."""
        return num_persons_of(self._reader, self._num_persons, copy_person=self._copies)

    @property
    def num_readers(self) -> int:
        # rows in memory are handed out faster than another process could send them
        return self._num_workers if self._place == "store" else 0

    def setup(self, stage: str | None = None) -> None:
        """Find out who is there, and read what is kept in memory; None: of all parts."""
        for part in self.parts_of(stage):
            clips = self._rows_of(part)
            if len(clips) and self._place != "store":
                clips.keep(on_device=self._place == "device")

    def find_part(self, part: str, ids: Sequence[str]) -> ClipBatches:
        return find_rows(part, ids, self._reader, self.class_names, self._person_rows)

    def on_after_batch_transfer(self, batch: RawBatch, dataloader_idx: int = 0) -> Batch:
        """Make the stream, where the batch is."""
        num_clips, num_persons = batch["present"].shape
        slots, present = batch["slots"], batch["present"]
        valid = batch["valid"] if self._absence == "hold" else None
        rows = batch["rows"] if "rows" in batch else self._rows_of(batch["part"]).kept_rows(batch["kept"])
        clip_of_row = slots // num_persons
        varied = self._augment if batch["part"] == "train" else None
        draw = torch.Generator().manual_seed(batch["seed"])
        if varied:
            rows, valid = vary_time(rows, valid, clip_of_row, num_clips, varied, draw)
        if self._is_in_bodies and valid is not None:
            rows = in_bodies(rows, valid, clip_of_row, num_clips)
            if varied:
                rows = vary_poses(rows, self._partners, clip_of_row, num_clips, varied, draw)
        mirrored_rows = None
        if self._mirrors_test and batch["part"] != "train":
            mirrored_rows = mirrored(rows, self._partners)
        if self._faces_others and valid is not None:
            rows = facing_others(rows, valid, self._partners, clip_of_row, num_clips)
            if mirrored_rows is not None:
                mirrored_rows = facing_others(mirrored_rows, valid, self._partners, clip_of_row, num_clips)
        rows = view_rows(rows, valid, self._view, self._parents)
        if varied:
            rows = drop_joints_and_channels(rows, clip_of_row, num_clips, varied, draw)
            present = drop_persons(present, varied, draw)
            if varied.person_dropout:
                rows = rows * present.flatten()[slots, None, None, None]
        stream = to_slots(rows, slots, num_clips=num_clips, num_persons=num_persons)
        if varied:
            stream, present = exchange_persons(stream, present, varied, draw)
        made = Batch(stream=stream, present=present, label=batch["label"], clip=batch["clip"])
        if mirrored_rows is not None:
            mirrored_rows = view_rows(mirrored_rows, valid, self._view, self._parents)
            made["mirrored"] = to_slots(mirrored_rows, slots, num_clips=num_clips, num_persons=num_persons)
        return made

    @cached_property
    def _place(self) -> Place:
        num_bytes = sum(self._rows_of(part).rows.num_bytes for part in self._ids)
        device = self.trainer.strategy.root_device if self.trainer is not None else None
        num_processes = self.trainer.num_devices if self.trainer is not None else 1
        if self._in_memory == "auto":
            place, reason = choose_place(num_bytes, device=device, num_processes=num_processes)
        else:
            place = _PLACES[self._in_memory]
            reason = f"in_memory={self._in_memory!r}"
        where = {"device": "on the device", "ram": "in RAM", "store": "in the store, and read in each epoch"}
        logger.info(
            "%s: %.1f MB of rows are kept %s (%s)", self.stream, num_bytes / 1e6, where[place], reason
        )
        return place

    def _rows_of(self, part: str) -> ClipBatches:
        clips = self.part(part)
        assert isinstance(clips, ClipBatches)
        return clips

    def _person_rows(self, clip_ids: Sequence[str]) -> PersonRows:
        return PersonRows(
            self._reader,
            self._array,
            clip_ids,
            num_frames=self._num_frames,
            num_persons=self.num_persons,
            copy_person=self._copies,
            absence=self._absence,
        )
