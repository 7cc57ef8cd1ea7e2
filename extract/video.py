"""A video file, or a part of it, to RGB frames; which decoder may be trusted with it."""

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extract import video_decord, video_pyav
from extract.errors import VideoError
from extract.interfaces import Frame, Interval, VideoFacts

# A stream that was cut in front of its key frame loses up to two frames that no decoder can show, and says so
# nowhere; only what is missing beyond that makes a file "short".
HEADER_SLACK_FRAMES = 2
# decord decodes on into memory while its frames are not taken (its issue 208), bounded by the file alone.
_DECORD_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class OpenVideo:
    """A clip whose video was looked at: all of it, or a part.

    Args:
        path: the file.
        decoder: who decodes it.
        facts: frame count, rate and size of the clip.
        header_frames: frames that the container claims, 0 if it claims nothing, or the clip is a part.
        first_frame: the video's frame that is the clip's frame 0.
        index: where the video's frames are, if it need not be decoded from the front.
    """

    path: Path
    decoder: Literal["decord", "pyav"]
    facts: VideoFacts
    header_frames: int
    first_frame: int = 0
    index: video_pyav.FrameIndex | None = None

    @property
    def is_short(self) -> bool:
        """Whether the file holds fewer frames than its header says."""
        return self.facts.num_frames < self.header_frames - HEADER_SLACK_FRAMES

    def frames(
        self, wanted: Sequence[int], on_frame: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[int, Frame]]:
        """Decode the clip from its first frame on and yield the wanted ones, ascending, numbered from 0.

        Yields fewer than asked for if the file ends early.

        Args:
            wanted: numbers, ascending.
            on_frame: called now and then while frames are decoded that nobody wants.
        """
        if self.decoder == "decord":
            yield from video_decord.read_frames(self.path, wanted, on_frame)
            return
        numbers = [self.first_frame + number for number in wanted]
        if self.index is None:
            frames = video_pyav.read_frames(self.path, numbers, on_frame)
        else:
            frames = video_pyav.read_indexed(self.path, self.index, numbers, on_frame)
        for number, frame in frames:
            yield number - self.first_frame, frame


def open_video(
    path: Path,
    *,
    use_pyav: bool = False,
    interval: Interval | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> OpenVideo:
    """Look at a video and choose its decoder.

    decord is the default. In streams with B-frames its sequential frames are wrong (in MPEG-4 AVIs it repeats
    about ten frames of a clip and leaves others out), and turned by 90 degrees they are torn, so PyAV reads
    those, and videos too long for decord's appetite for memory. Where both are right their pixels are equal.

    Args:
        path: the file.
        use_pyav: fewer frames were found than had been counted; PyAV counts by decoding.
        interval: the part that is wanted; None: all of it. PyAV reads parts, from the key frame before.
        on_frame: called after each frame that is counted, which takes minutes for a long video.

    Raises:
        VideoError: it is missing, empty, or no video, or it has no frame of the interval.
    """
    try:
        size = path.stat()
    except OSError as error:
        raise VideoError(f"{path}: {error.strerror}; expected a video file there", "decode_error") from error
    if stat.S_ISREG(size.st_mode) and size.st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy it again", "decode_error")
    probe = video_pyav.probe(path)
    if interval is not None:
        index = None if use_pyav else video_pyav.index_frames(path, on_frame)
        total = len(index.times) if index else video_pyav.count_frames(path, on_frame)
        facts = VideoFacts(_length(path, interval, total), probe.fps, probe.width, probe.height)
        return OpenVideo(path, "pyav", facts, header_frames=0, first_frame=interval[0], index=index)
    decoder: Literal["decord", "pyav"] = "decord"
    needs_pyav = use_pyav or probe.has_b_frames or probe.rotation
    num_frames = None if needs_pyav else video_decord.count_frames(path)
    if num_frames is None:
        decoder, num_frames = "pyav", video_pyav.count_frames(path, on_frame)
    elif num_frames * probe.width * probe.height * 3 > _DECORD_MOST_BYTES:
        decoder = "pyav"
    if num_frames == 0:
        raise VideoError(f"{path}: opens, but not one frame can be decoded; copy it again", "decode_error")
    return OpenVideo(
        path, decoder, VideoFacts(num_frames, probe.fps, probe.width, probe.height), probe.header_frames
    )


def _length(path: Path, interval: Interval, num_frames: int) -> int:
    """Return how many frames of an interval a video has."""
    first, end = interval
    if not 0 <= first < num_frames or (end is not None and end <= first):
        wanted = f"frames {first} to {'the end' if end is None else f'{end} (not included)'}"
        raise VideoError(
            f"{path}: {wanted} of a video of {num_frames} frames are none; correct the clip's first and end "
            "frame, which count from 0",
            "error",
        )
    return min(num_frames, num_frames if end is None else end) - first
