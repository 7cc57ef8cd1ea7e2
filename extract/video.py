"""A video file to RGB frames, front to back; which decoder may be trusted with it."""

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extract import video_decord, video_pyav
from extract.errors import VideoError
from extract.interfaces import Frame, VideoFacts

# A stream that was cut in front of its key frame loses up to two frames that no decoder can show, and says so
# nowhere; only what is missing beyond that makes a file "short".
HEADER_SLACK_FRAMES = 2
# decord decodes on into memory while its frames are not taken (its issue 208), bounded by the file alone.
_DECORD_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class OpenVideo:
    """A video that was looked at.

    Args:
        path: the file.
        decoder: who decodes it.
        facts: frame count, rate and size.
        header_frames: frames that the container claims, 0 if it claims nothing.
    """

    path: Path
    decoder: Literal["decord", "pyav"]
    facts: VideoFacts
    header_frames: int

    @property
    def is_short(self) -> bool:
        """Whether the file holds fewer frames than its header says."""
        return self.facts.num_frames < self.header_frames - HEADER_SLACK_FRAMES

    def frames(
        self, wanted: Sequence[int], on_frame: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[int, Frame]]:
        """Decode from the first frame on and yield the wanted ones, ascending.

        Yields fewer than asked for if the file ends early. ``on_frame`` is called after each frame that is
        passed over: of a long video few are wanted.
        """
        read = video_decord.read_frames if self.decoder == "decord" else video_pyav.read_frames
        return read(self.path, wanted, on_frame)


def open_video(
    path: Path, *, use_pyav: bool = False, on_frame: Callable[[], None] = lambda: None
) -> OpenVideo:
    """Look at a video and choose its decoder.

    decord is the default. In streams with B-frames its sequential frames are wrong (in MPEG-4 AVIs it repeats
    about ten frames of a clip and leaves others out), and turned by 90 degrees they are torn, so PyAV reads
    those, and videos too long for decord's appetite for memory. Where both are right their pixels are equal.

    Args:
        path: the file.
        use_pyav: decord found fewer frames than it had counted; PyAV counts by decoding.
        on_frame: called after each frame that is counted by decoding, which takes minutes for a long video.

    Raises:
        VideoError: it is missing, empty, or no video.
    """
    try:
        size = path.stat()
    except OSError as error:
        raise VideoError(f"{path}: {error.strerror}; expected a video file there", "decode_error") from error
    if stat.S_ISREG(size.st_mode) and size.st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy it again", "decode_error")
    probe = video_pyav.probe(path)
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
