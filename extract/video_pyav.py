"""What a container says of itself, and frames that decord gets wrong; the only file that imports PyAV."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import av.logging
import numpy as np

from extract.errors import VideoError
from extract.interfaces import Frame

av.logging.set_level(av.logging.PANIC)
logger = logging.getLogger(__name__)

_TEXT = "tty"  # FFmpeg draws what is called .txt as characters on a screen


@dataclass(frozen=True, slots=True)
class Probe:
    """What the container says of its first video stream.

    Args:
        has_b_frames: whether frames are stored in another order than they are shown.
        rotation: quarter turns, counterclockwise, that the file asks for (phones film so).
        fps: 0 where it does not say; header_frames likewise.
        width, height: pixels, turned.
    """

    has_b_frames: bool
    rotation: int
    fps: float
    width: int
    height: int
    header_frames: int


def probe(path: Path) -> Probe:
    """Read a file's header.

    Raises:
        VideoError: it is no video.
    """
    try:
        with av.open(str(path)) as container:
            if container.format.name == _TEXT:
                raise VideoError(f"{path}: a text file; expected a video", "decode_error")
            if not container.streams.video:
                raise VideoError(f"{path}: has no video stream; found {_streams(container)}", "decode_error")
            stream = container.streams.video[0]
            context = stream.codec_context
            turns = _quarter_turns(next(_decode(path), None))
            return Probe(
                has_b_frames=bool(context.has_b_frames),
                rotation=turns,
                fps=float(stream.average_rate or stream.guessed_rate or 0),
                width=context.height if turns % 2 else context.width,
                height=context.width if turns % 2 else context.height,
                header_frames=stream.frames,
            )
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: no video that FFmpeg knows ({_reason(error)})", "decode_error") from error


def count_frames(path: Path, on_frame: Callable[[], None]) -> int:
    """Count the frames by decoding them all: containers of such streams miscount; 0 if none can be.

    Args:
        path: the file.
        on_frame: called after each frame.
    """
    num_frames = 0
    for _ in _decode(path):
        num_frames += 1
        on_frame()
    return num_frames


def read_frames(
    path: Path, wanted: Sequence[int], on_frame: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, Frame]]:
    """Yield the wanted frames, ascending; a file that ends early yields fewer.

    Args:
        path: the file.
        wanted: frame numbers.
        on_frame: called after each frame that is passed over.
    """
    remaining = iter(wanted)
    number = next(remaining, None)
    for position, frame in enumerate(_decode(path)):
        if number is None:
            return
        if position == number:
            image = frame.to_ndarray(format="rgb24")
            yield number, np.ascontiguousarray(np.rot90(image, _quarter_turns(frame)))
            number = next(remaining, None)
        else:
            on_frame()


def _decode(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        try:
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    continue  # a damaged packet costs its frames, not the rest of the file
        except av.error.FFmpegError as error:
            logger.info("%s: ends early (%s)", path, _reason(error))


def _quarter_turns(frame: av.VideoFrame | None) -> int:
    return 0 if frame is None else round(frame.rotation / 90) % 4


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _streams(container: av.container.InputContainer) -> str:
    return ", ".join(stream.type for stream in container.streams) or "no stream at all"
