"""The ways in which the release may have extracted its features, and extraction in each of them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from extract.boxes_file import BoxSource
from extract.config import BatchNorm, PoseAspect
from extract.errors import VideoError
from extract.interfaces import Frame, PoseEstimator
from extract.pipeline import ExtractedClip, Extractor
from extract.profiles import REFERENCE
from extract.schedule import Scheduler
from extract.video import open_video
from store.clock import sample_times
from store.schema import pooled_array_name
from store.table import ClipEntry

PRE_FUSION, STAGE_OUTPUT = TAPS = ("backbone.stage4.0.branches.1", "backbone.stage4.1[1]")

_ONE, _TWO = "one person", "two persons"


@dataclass(frozen=True, slots=True)
class Way:
    """One answer to each of the three open questions (specs/hpnet.md 0.1 to 0.3)."""

    batch_norm: BatchNorm
    pose_aspect: PoseAspect
    tap: str

    def __str__(self) -> str:
        return f"{self.batch_norm}, {self.pose_aspect}, {self.tap}"


WAYS = tuple(Way(*choice) for choice in itertools.product(get_args(BatchNorm), get_args(PoseAspect), TAPS))


class KeptVideo:
    """The frames of a video that a clock needs, decoded once and kept: at most two per sample time."""

    sha256 = ""
    is_short = False

    def __init__(self, path: Path, *, clock: int) -> None:
        video = open_video(path)
        self.path, self.facts = path, video.facts
        self.decoder: str = video.decoder
        self.header_frames = video.header_frames
        wanted = sample_times(self.facts.num_frames, clock).frames.tolist()
        self._kept = [(number, frame.copy()) for number, frame in video.frames(wanted)]

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Yield the kept frames with their numbers."""
        yield from self._kept

    def is_open(self) -> bool:
        return True

    def is_ready(self) -> bool:
        return True

    def cancel(self) -> None:
        """Nothing is under way."""


def extract_ways(
    clip_id: str,
    video: KeptVideo,
    *,
    boxes: BoxSource,
    estimators: Sequence[tuple[BatchNorm, PoseEstimator]],
    clock: int,
    num_persons: int,
) -> Mapping[Way, npt.NDArray[np.float32]]:
    """Extract one clip in every way.

    Args:
        clip_id: what the boxes call it.
        video: its frames.
        boxes: its persons.
        estimators: the pose network with each BatchNorm; both pool ``TAPS``.
        clock: number of sample times.
        num_persons: 1: slot 1 stays empty; 2: the class is one of two persons.

    Returns:
        Way -> (T, M, V, C).

    Raises:
        VideoError: the boxes are missing or wrong, or there is nobody in it.
    """
    found = {}
    entry = ClipEntry(clip_id, str(video.path), label=_TWO if num_persons == 2 else _ONE)
    for (batch_norm, pose), pose_aspect in itertools.product(estimators, get_args(PoseAspect)):
        config = replace(REFERENCE.extract, clock=clock, pose_aspect=pose_aspect, crops=())
        extractor = Extractor(None, boxes, pose, config, two_person_classes=(_TWO,))
        clip = _extract(extractor, entry, video)
        if clip.outcome.status == "no_person":
            raise VideoError(f"{clip.outcome.reason}; look at its boxes", "error")
        for tap in TAPS:
            values = clip.arrays[pooled_array_name(tap)]
            found[Way(batch_norm, pose_aspect, tap)] = values.astype(np.float32)
    return found


def _extract(extractor: Extractor, entry: ClipEntry, video: KeptVideo) -> ExtractedClip:
    scheduler = Scheduler(extractor.networks(), max_active=1)
    [(_, result)] = scheduler.run([(entry.id, lambda: extractor.stages(entry, lambda _: video))])
    if isinstance(result, Exception):
        raise result
    assert isinstance(result, ExtractedClip)
    return result
