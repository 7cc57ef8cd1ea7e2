"""Videos into a store that is made as the models' own was, through what `make extract` does."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch

from extract.as_before import read_settings, recognise_detector, recognise_pose
from extract.build import build_extractor, store_facts
from extract.clips import ClipList
from extract.networks import find_detector, find_pose, record_loaded
from extract.run import run_extraction
from extract.worker import Job, load
from scripts.logs import log_to_file
from scripts.prediction.members import Members
from store import open_store
from store.schema import CROPS
from store.writer import StoreWriter
from train.checkpoint import CheckpointError, check_fits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a user may say of it; everything else the checkpoints say.

    Args:
        detector, pose, pose_checkpoint: networks, as ``make extract`` takes them; None: the presets that the
            checkpoints name by their digests.
        weights_folder: of the presets.
        accept: settings that may differ from the checkpoints'.
        device: "cpu", "cuda:0", … or "auto".
        threads: CPU threads of the networks; None: all.
        detect_batch, pose_batch: rows per call.
        decode_limit_seconds: a decoder that is silent for so long is killed.
    """

    detector: str | None
    pose: str | None
    pose_checkpoint: Path | None
    weights_folder: Path
    accept: Sequence[str]
    device: str
    threads: int | None
    detect_batch: int
    pose_batch: int
    decode_limit_seconds: float


def extract_videos(clips: ClipList, members: Members, store: Path, how: Extraction) -> bool:
    """Extract the videos that the store still lacks, and those that failed before.

    Returns:
        False: it was stopped before the end; the same call goes on.

    Raises:
        CheckpointError: the store would not fit the models, naming every setting that differs.
        ValueError: the settings or networks cannot be known, or a video has changed.
    """
    first = next(iter(members.values()))
    meaning, folder = first.passport.meaning, how.weights_folder
    settings = read_settings(meaning, first.where)
    seen = {crop for member in members.values() for crop in member.method.reads if crop in CROPS}
    crops = tuple(crop for crop in CROPS if crop in {*settings.extract.crops, *seen})
    if settings.extract.persons == "by_label":
        logger.warning(
            "%s was trained on clips whose label said how many persons to look for, as published; of a video "
            "without a label one person is looked for",
            first.where,
        )
    detector = how.detector or recognise_detector(meaning, first.where, folder)
    pose = how.pose or recognise_pose(meaning, first.where, folder)
    files = find_pose(pose, checkpoint=how.pose_checkpoint, taps=",".join(settings.taps), folder=folder)
    job = Job(
        build=partial(
            build_extractor,
            detector=find_detector(detector, folder=folder),
            detector_config=settings.detector,
            pose=files.config,
            pose_checkpoint=files.checkpoint,
            taps=files.taps,
            config=replace(settings.extract, crops=crops),
            detect_batch=how.detect_batch,
            pose_batch=how.pose_batch,
            batch_norm=settings.batch_norm,
            precision=settings.precision,
            two_person_classes=settings.two_person_classes,
            needs_label=False,
        ),
        describe=partial(store_facts, clips.facts),
        videos=clips.root.resolve(),
        device=how.device,
        threads=how.threads,
        detect_batch=how.detect_batch,
        pose_batch=how.pose_batch,
        num_decoders=min(2, len(clips.entries)),
        decode_limit_seconds=how.decode_limit_seconds,
    )
    if job.threads:
        torch.set_num_threads(job.threads)
    workers, facts = load(job, job.device)
    with workers, StoreWriter(store, facts, clips.entries, workers.execution) as writer:
        _check_fits(members, store, how.accept)
        _check_same_videos(writer, clips)
        record_loaded(detector, pose, checkpoint=how.pose_checkpoint, folder=folder, meaning=facts.meaning)
        log_to_file(writer.work / "run.log")
        # a video that failed may be whole by now
        summary = run_extraction(clips.entries, workers=workers, writer=writer, retry_failed=True)
    return not summary.was_stopped


def _check_fits(members: Members, store: Path, accept: Sequence[str]) -> None:
    """Refuse, before anything is extracted, what the models would refuse afterwards."""
    reader = open_store(str(store))
    for member in members.values():
        try:
            check_fits(member, reader, accept=accept)
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}\nThe settings are those of the first checkpoint; DETECTOR= and POSE= name networks"
            ) from error


def _check_same_videos(writer: StoreWriter, clips: ClipList) -> None:
    """Refuse to tell of a video what was found in another one that had its name."""
    digest_of = cache(_sha256)  # a table may have a thousand parts of one video
    for entry in clips.entries:
        known, path = writer.outcome(entry.id).source_sha256, clips.root / entry.path
        if known is not None and path.is_file() and digest_of(path) != known:
            raise ValueError(
                f"{path} is not the file that was extracted into {writer.root} under this name; remove "
                'that folder, or give another one (ARGS="--out FOLDER")'
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
