"""A clip's frames for its second look: kept in memory on a clock, decoded again where every frame is one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from extract.interfaces import Frame, VideoFacts
from extract.stopwatch import Stopwatch


class Video(Protocol):
    """A video that is being decoded, front to back, elsewhere."""

    decoder: str
    sha256: str
    is_short: bool
    header_frames: int

    @property
    def facts(self) -> VideoFacts:
        """Number of frames, rate and size; waits until the file is open."""
        ...

    def is_open(self) -> bool:
        """Tell whether the facts are there already."""
        ...

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Yield the frames that were asked for when the video was opened, ascending, each with its number."""
        ...

    def is_ready(self) -> bool:
        """Tell whether the next frame, or the end, is there already."""
        ...

    def cancel(self) -> None:
        """Nobody wants the rest; its decoder is free for others."""
        ...


class FrameKeeper:
    """Hands out a clip's frames: first all that are looked at, then those of the pose stage.

    Who is in a clip is known only at its end, so the pose stage comes after all detections. On a clock it
    needs at most two frames per sample time, which are kept. On the native clock it needs them all: keeping
    them would make memory grow with the clip, so the video is decoded again.

    Args:
        video: the first decoding.
        pose_frames: frames of the pose stage, ascending.
        decode_again: begins another decoding; None: keep the frames.
        stopwatch: counts the waiting.
    """

    def __init__(
        self,
        video: Video,
        *,
        pose_frames: Sequence[int],
        decode_again: Callable[[], Video] | None,
        stopwatch: Stopwatch,
    ) -> None:
        self._video = self._current = video
        self._pose_frames = frozenset(pose_frames)
        self._decode_again = decode_again
        self._stopwatch = stopwatch
        self._kept: dict[int, Frame] = {}

    def is_ready(self) -> bool:
        """Tell whether the next frame of the decoding under way is there already."""
        return self._current.is_ready()

    def for_detection(self) -> Iterator[tuple[int, Frame]]:
        """Yield every frame that is looked at; once."""
        for number, frame in self._decoded(self._video):
            if self._decode_again is None and number in self._pose_frames:
                self._kept[number] = frame
            yield number, frame

    def for_poses(self) -> Iterator[tuple[int, Frame]]:
        """Return the frames of the pose stage, ascending; where they are decoded again, that begins now."""
        if self._decode_again is None:
            return iter(self._kept.items())
        self._current = self._decode_again()
        return (item for item in self._decoded(self._current) if item[0] in self._pose_frames)

    def _decoded(self, video: Video) -> Iterator[tuple[int, Frame]]:
        frames = video.frames()
        while True:
            with self._stopwatch("wait for decoding"):
                item = next(frames, None)
            if item is None:
                return
            yield item
