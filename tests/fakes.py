"""Networks that are easy to foresee, behind the Protocols of ``extract/interfaces.py``.

They read the pictures of ``tests/made_videos.py``: what they answer comes out of the pixels, so a wrong
frame, a wrong crop or a wrong place in a batch gives a wrong answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

from extract.config import ExtractConfig
from extract.errors import VideoError
from extract.interfaces import Affine, Detections, Frame, PoseBatch, VideoFacts
from extract.persons import PersonPolicy
from extract.pipeline import ExtractedClip, Extractor
from extract.pool import pool_at_joints
from extract.schedule import Scheduler, Stages
from store.clock import Clock
from store.schema import Crop
from store.skeleton import Skeleton
from store.table import ClipEntry
from tests.made_videos import HEIGHT, WIDTH

FPS = 30.0
RAMP_HW = (5, 7)  # of the fake feature map


class FakeDetector:
    """Finds red and blue rectangles; the one further left is the more confident."""

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.meaning: Mapping[str, object] = {"weights_sha256": "fake"}
        self.num_calls = 0

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        assert len(frames) == self.batch_size
        self.num_calls += 1
        return [find_rectangles(frame) for frame in frames]


def find_rectangles(frame: Frame) -> Detections:
    red, blue = frame[..., 0] > 127, frame[..., 2] > 127
    masks = [red & ~blue, blue & ~red]  # the bits along the top are white
    boxes = sorted(_outline(mask) for mask in masks if mask.any())
    scores = np.array([0.75, 0.5][: len(boxes)], np.float32)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores)


def _outline(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


class FakePose:
    """Three joints at fixed places of the crop, and two taps.

    Tap ``ramp``: a feature map whose cells hold their own (column, row), pooled as the real one.
    Tap ``colour``: red, green and blue in the middle of the crop; green is the number of the frame.
    The score of each joint is a fifth of its place plus the red share in the middle, so that it tells
    persons apart.
    """

    crop_wh = (24, 32)
    affine: Affine = "standard"
    skeleton = Skeleton(("head", "hand", "foot"), (("head", "hand"),), (("hand", "head"), ("foot", "head")))
    taps: Mapping[str, int] = {"ramp": 2, "colour": 3}
    # the middle of the crop (and so of the box), its corner, and a place between
    joints = np.array([[12, 16], [0, 0], [18, 24]], np.float32)

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.meaning: Mapping[str, object] = {"checkpoint_sha256": "fake"}
        self.num_calls = 0

    def __call__(self, crops: torch.Tensor) -> PoseBatch:
        width, height = self.crop_wh
        assert crops.shape == (self.batch_size, height, width, 3)
        self.num_calls += 1
        number = len(crops)
        keypoints = np.tile(self.joints, (number, 1, 1))
        colour = crops[:, height // 2, width // 2].float()
        h, w = RAMP_HW
        ramp = torch.stack(torch.meshgrid(torch.arange(float(w)), torch.arange(float(h)), indexing="xy"))
        pooled = pool_at_joints(
            ramp.expand(number, -1, -1, -1), torch.from_numpy(keypoints), crop_wh=self.crop_wh
        )
        scores = np.array([0, 0.2, 0.4], np.float32) + colour[:, :1].numpy() / 510
        everywhere = colour[:, None].expand(-1, 3, -1)
        return PoseBatch(
            keypoints, scores.astype(np.float32), {"ramp": pooled.numpy(), "colour": everywhere.numpy()}
        )


class FakeVideo:
    """A video in memory, behind the Protocol of ``extract/frame_keeper.py``.

    Args:
        frames: all of them.
        wanted: which ones somebody asked for; None: all.
        error: raised after the last frame.
    """

    decoder = "fake"
    is_short = False

    def __init__(
        self,
        frames: Sequence[Frame],
        wanted: Iterable[int] | None = None,
        *,
        error: VideoError | None = None,
        fps: float = FPS,
        sha256: str = "0" * 64,
    ) -> None:
        height, width = frames[0].shape[:2] if len(frames) else (HEIGHT, WIDTH)
        self.facts = VideoFacts(len(frames), fps, width, height)
        self.sha256 = sha256
        self.header_frames = len(frames)
        self.was_cancelled = False
        self._frames = frames
        self._wanted = range(len(frames)) if wanted is None else wanted
        self._error = error

    def frames(self) -> Iterator[tuple[int, Frame]]:
        for number in self._wanted:
            yield number, self._frames[number]
        if self._error is not None:
            raise self._error

    def is_open(self):
        return True

    def is_ready(self) -> bool:
        return True

    def cancel(self) -> None:
        self.was_cancelled = True


def fake_extractor(
    *,
    clock: Clock = 64,
    persons: PersonPolicy = "tracked",
    crops: tuple[Crop, ...] = ("person", "clip"),
    detect_batch: int = 4,
    pose_batch: int = 4,
    two_person_classes: tuple[str, ...] = (),
    needs_label: bool = True,
    **switches: str,
) -> Extractor:
    return Extractor(
        detector=FakeDetector(detect_batch),
        boxes=None,
        pose=FakePose(pose_batch),
        config=ExtractConfig(clock=clock, persons=persons, crops=crops, **switches),
        two_person_classes=two_person_classes,
        needs_label=needs_label,
    )


def stages_of(
    extractor: Extractor, frames: Sequence[Frame], clip_id: str = "clip", label: str | None = None
) -> Callable[[], Stages]:
    """Begin a clip whose video is in memory and gives only what the extractor asks for, as a decoder does."""
    wanted = extractor.frames_wanted(FakeVideo(frames).facts)
    entry = ClipEntry(clip_id, f"{clip_id}.avi", label)
    return lambda: extractor.stages(entry, lambda _: FakeVideo(frames, wanted))


def extract_clips(
    extractor: Extractor,
    clips: Mapping[str, Sequence[Frame]],
    *,
    max_active: int = 2,
    label: str | None = None,
) -> dict[str, ExtractedClip]:
    """Extract clips in memory together."""
    scheduler = Scheduler(extractor.networks(), max_active=max_active)
    clips_begun = ((key, stages_of(extractor, frames, key, label)) for key, frames in clips.items())
    return dict(scheduler.run(clips_begun))


def extract_one(extractor: Extractor, frames: Sequence[Frame], label: str | None = None) -> ExtractedClip:
    return extract_clips(extractor, {"clip": frames}, label=label)["clip"]
