"""One clip, all stages in reading order; the only file that knows the order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from extract.boxes_file import BoxSource
from extract.config import ExtractConfig
from extract.crop import clip_crop_box, crop_affine, crop_person, person_crop_box, to_source_pixels
from extract.decode import EarlyEndError
from extract.errors import VideoError
from extract.frame_keeper import FrameKeeper, Video
from extract.interfaces import Detections, Frame, PersonDetector, Persons, PoseEstimator, VideoFacts
from extract.jpeg_rows import JpegRows
from extract.persons import frames_to_detect, round_boxes, select_persons
from extract.schedule import Ask, Network, NetworkName, Row, Stages
from extract.stopwatch import Stopwatch
from store.clock import SampleTimes, blend_valid, nearest_valid, sample_times
from store.schema import pooled_array_name
from store.table import ClipEntry, ClipOutcome, Status

_UNKNOWN_FPS = 30.0  # where a container does not say; it only spaces the looks of the tracker

Arrays = Mapping[str, npt.NDArray[np.generic]]
OpenVideo = Callable[[bool], Video]  # begins to decode; True: count the frames by decoding them


@dataclass(frozen=True, slots=True)
class ExtractedClip:
    """What became of a clip: the outcome, and the arrays of ``store/schema.py`` if the outcome has data."""

    outcome: ClipOutcome
    arrays: Arrays


@dataclass(frozen=True, slots=True)
class PoseRow:
    """One row of a ``PoseBatch``: keypoints (V, 2) in crop pixels, scores (V,), pooled tap -> (V, C)."""

    keypoints: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    pooled: Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Extractor:
    """The parts that turn a video into features.

    Args:
        detector: finds persons; None where ``boxes`` knows them.
        boxes: boxes that are known beforehand; None where ``detector`` looks for them.
        pose: the pose network.
        config: what an extraction may choose.
        two_person_classes: classes in which the policy ``by_label`` looks for two persons.
        needs_label: the policy ``by_label`` refuses a clip without a label; False: it looks for one person
            there, which is what a model can know that predicts.
        stopwatch: counts the time of the stages.
    """

    detector: PersonDetector | None
    boxes: BoxSource | None
    pose: PoseEstimator
    config: ExtractConfig
    two_person_classes: tuple[str, ...] = ()
    needs_label: bool = True
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def frames_wanted(self, facts: VideoFacts) -> list[int]:
        """Return the frames of a video that are looked at, ascending: what its decoder is asked for."""
        times = sample_times(facts.num_frames, self.config.clock)
        return frames_to_detect(
            facts.num_frames, times.frames.tolist(), facts.fps or _UNKNOWN_FPS, self.config.persons
        )

    def networks(self) -> dict[NetworkName, Network]:
        """Return the networks as a scheduler drives them."""
        networks: dict[NetworkName, Network] = {"pose": Network(self.pose.batch_size, self._run_pose)}
        if self.detector is not None:
            networks["detect"] = Network(self.detector.batch_size, self._run_detector)
        return networks

    def stages(self, entry: ClipEntry, open_video: OpenVideo) -> Stages:
        """Extract one clip.

        Returns:
            A generator of what is asked of the networks; it returns an ``ExtractedClip``.

        Raises:
            VideoError: the clip cannot be extracted.
        """
        try:
            return (yield from self._attempt(entry, open_video, count_by_decoding=False))
        except EarlyEndError:
            return (yield from self._attempt(entry, open_video, count_by_decoding=True))

    def _attempt(self, entry: ClipEntry, open_video: OpenVideo, *, count_by_decoding: bool) -> Stages:
        opened: list[Video] = []

        def decode() -> Video:
            opened.append(open_video(count_by_decoding))
            return opened[-1]

        try:
            return (yield from self._stages(entry, decode))
        finally:
            for video in opened:
                video.cancel()  # a clip that fails half-way must not keep a decoder waiting

    def _stages(self, entry: ClipEntry, decode: Callable[[], Video]) -> Stages:
        video = decode()
        yield Ask(None, iter(()), video.is_open)  # other clips go on while this one is opened
        with self.stopwatch("wait for decoding"):
            facts = video.facts
        _check_digest(entry, video)
        if self.config.persons == "by_label" and entry.label is None and self.needs_label:
            raise VideoError(
                f"{entry.path}: has no label, and --persons by_label chooses the persons by it; "
                "give a label, or another --persons",
                "error",
            )
        times = sample_times(facts.num_frames, self.config.clock)
        pose_frames = times.frames.tolist()
        frames = FrameKeeper(
            video,
            pose_frames=pose_frames,
            decode_again=decode if self.config.clock == "native" else None,
            stopwatch=self.stopwatch,
        )

        detections: dict[int, Detections] = yield from self._detect(entry.id, facts, frames)
        if self.config.box_edges == "rounded":
            detections = {number: round_boxes(found) for number, found in detections.items()}
        with self.stopwatch("persons"):
            persons = select_persons(
                detections,
                policy=self.config.persons,
                pose_frames=pose_frames,
                fps=facts.fps or _UNKNOWN_FPS,
                is_two_person_class=entry.label in self.two_person_classes,
            )
        if not persons.valid.any():
            return ExtractedClip(_outcome(entry, video, no_person=f"nobody in {len(detections)} frames"), {})

        person_jpegs = self._person_jpegs(times, persons, facts)
        matrices: list[npt.NDArray[np.float32]] = []
        poses: list[PoseRow] = yield Ask(
            "pose", self._cut(frames.for_poses(), persons, matrices, person_jpegs), frames.is_ready
        )
        keypoints = to_source_pixels(np.stack([pose.keypoints for pose in poses]), np.stack(matrices))

        arrays = self._resample(times, persons, poses, keypoints)
        if person_jpegs is not None:
            arrays |= person_jpegs.arrays("person")
        if "clip" in self.config.crops:
            box = clip_crop_box(keypoints.reshape(-1, 2), image_wh=(facts.width, facts.height))
            clip_jpegs = self._clip_jpegs(times, box)
            yield Ask(None, self._fill(clip_jpegs, frames.for_poses()), frames.is_ready)
            arrays |= clip_jpegs.arrays("clip")
        num_persons = int(persons.valid.any(0).sum())
        return ExtractedClip(
            _outcome(entry, video, num_persons=num_persons, num_steps=len(times.positions)), arrays
        )

    def _detect(self, clip_id: str, facts: VideoFacts, frames: FrameKeeper) -> Stages:
        """Find the persons of every frame that is looked at; returns frame -> ``Detections``."""
        if self.boxes is not None:
            known: dict[int, Detections] = {}
            yield Ask(None, self._look_up(clip_id, facts, frames, known), frames.is_ready)
            return known
        numbers: list[int] = []

        def rows() -> Iterator[Frame]:
            for number, frame in frames.for_detection():
                numbers.append(number)
                yield frame

        found: list[Detections] = yield Ask("detect", rows(), frames.is_ready)
        return dict(zip(numbers, found, strict=True))

    def _look_up(
        self, clip_id: str, facts: VideoFacts, frames: FrameKeeper, known: dict[int, Detections]
    ) -> Iterator[None]:
        """Note what the boxes file says of each frame that is looked at."""
        assert self.boxes is not None
        for number, _ in frames.for_detection():
            known[number] = self.boxes.boxes(clip_id, number, (facts.width, facts.height))
            yield

    def _cut(
        self,
        frames: Iterator[tuple[int, Frame]],
        persons: Persons,
        matrices: list[npt.NDArray[np.float32]],
        jpegs: JpegRows | None,
    ) -> Iterator[Frame]:
        """Yield the pose network's crops, frame by frame and person by person; note their affines."""
        place_of = {number: place for place, number in enumerate(persons.frames.tolist())}
        crop_wh = self.pose.crop_wh
        for number, frame in frames:
            aspect = frame.shape[0] / frame.shape[1] if self.config.pose_aspect == "frame_hw" else None
            place = place_of[number]
            for box in persons.boxes_xyxy[place][persons.valid[place]]:
                with self.stopwatch("crop"):
                    matrix = crop_affine(box, crop_wh=crop_wh, affine=self.pose.affine, aspect=aspect)
                    crop = crop_person(frame, matrix, crop_wh=crop_wh)
                matrices.append(matrix)
                yield crop
            if jpegs is not None:
                with self.stopwatch("jpeg"):
                    jpegs.take(number, frame)

    def _person_jpegs(self, times: SampleTimes, persons: Persons, facts: VideoFacts) -> JpegRows | None:
        if "person" not in self.config.crops:
            return None
        somebody = persons.valid.any(1)
        places = nearest_valid(times, persons.frames, somebody)
        boxes = {
            int(persons.frames[place]): person_crop_box(
                persons.boxes_xyxy[place][persons.valid[place]], image_wh=(facts.width, facts.height)
            )
            for place in np.flatnonzero(somebody)
        }
        numbers = np.where(places >= 0, persons.frames[places], -1)
        return JpegRows(numbers, boxes, quality=self.config.jpeg_quality)

    def _clip_jpegs(self, times: SampleTimes, box: npt.NDArray[np.int32]) -> JpegRows:
        numbers = times.frames
        everywhere = numbers[nearest_valid(times, numbers, np.ones(len(numbers), bool))]
        return JpegRows(everywhere, dict.fromkeys(numbers.tolist(), box), quality=self.config.jpeg_quality)

    def _fill(self, jpegs: JpegRows, frames: Iterator[tuple[int, Frame]]) -> Iterator[None]:
        for number, frame in frames:
            with self.stopwatch("jpeg"):
                jpegs.take(number, frame)
            yield

    def _resample(
        self,
        times: SampleTimes,
        persons: Persons,
        poses: Sequence[PoseRow],
        keypoints: npt.NDArray[np.float32],
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Bring everything that is known per frame and person onto the clock."""
        with self.stopwatch("clock"):
            blend = blend_valid(times, persons.frames, persons.valid, self.config.absence)

            def on_clock(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
                values = np.zeros((*persons.valid.shape, *rows.shape[1:]), np.float32)
                values[persons.valid] = rows
                return blend(values)

            arrays: dict[str, npt.NDArray[np.generic]] = {
                pooled_array_name(tap): _to_float16(
                    tap, on_clock(np.stack([pose.pooled[tap] for pose in poses]))
                )
                for tap in self.pose.taps
            }
            arrays["keypoints"] = on_clock(keypoints)
            arrays["keypoint_scores"] = on_clock(np.stack([pose.scores for pose in poses]))
            arrays["boxes"] = blend(persons.boxes_xyxy)
            arrays["person_valid"] = blend.valid
            arrays["frame_positions"] = times.positions.astype(np.float32)
        return arrays

    def _run_detector(self, frames: Sequence[Row]) -> list[Detections]:
        assert self.detector is not None
        with self.stopwatch("detect"):
            return self.detector(frames)

    def _run_pose(self, crops: Sequence[Row]) -> list[PoseRow]:
        with self.stopwatch("pose and pool"):
            batch = self.pose(torch.from_numpy(np.stack(crops)))
        return [
            PoseRow(
                batch.keypoints[row],
                batch.scores[row],
                {tap: values[row] for tap, values in batch.pooled.items()},
            )
            for row in range(len(crops))
        ]


def _to_float16(tap: str, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    limit = np.finfo(np.float16).max
    if not (np.abs(values) <= limit).all():  # also not a number
        raise VideoError(
            f"tap {tap!r} has values up to {np.abs(values).max():g}; a store keeps float16, up to {limit:g}. "
            "Tap behind a normalisation, or look at the checkpoint",
            "error",
        )
    return values.astype(np.float16)


def _check_digest(entry: ClipEntry, video: Video) -> None:
    if entry.sha256 and entry.sha256.lower() != video.sha256:
        raise VideoError(
            f"{entry.path}: the file's sha256 is {video.sha256[:12]}…, the dataset says "
            f"{entry.sha256[:12]}…; fetch the file again, or correct the table",
            "error",
        )


def _outcome(
    entry: ClipEntry,
    video: Video,
    *,
    no_person: str | None = None,
    num_persons: int = 0,
    num_steps: int | None = None,
) -> ClipOutcome:
    facts = video.facts
    status: Status = "ok"
    reason = no_person
    if no_person:
        status = "no_person"
    elif missing := _missing_frames(entry, video):
        status, reason = "short", missing
    return ClipOutcome(
        status=status,
        reason=reason,
        num_frames=facts.num_frames,
        fps=facts.fps,
        width=facts.width,
        height=facts.height,
        source_sha256=video.sha256,
        decoder=video.decoder,
        num_persons=num_persons,
        num_steps=num_steps,
    )


def _missing_frames(entry: ClipEntry, video: Video) -> str | None:
    """Say what is missing; what the dataset expects goes before what the file's header claims."""
    found = video.facts.num_frames
    if entry.interval is not None:
        first, end = entry.interval
        if end is not None and found < end - first:
            return f"frames {first} to {end} are the clip, the video has {first + found}: cut there"
    if entry.num_frames is not None:
        return (
            None if found >= entry.num_frames else f"has {found} frames, the dataset says {entry.num_frames}"
        )
    return f"has {found} frames, its header says {video.header_frames}" if video.is_short else None
