"""What a container says of itself, and frames that decord gets wrong; the only file that imports PyAV."""

import bisect
import itertools
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

# Decoders that show one frame per packet (VP8 has packets that are never shown), and containers that find a
# key frame (a transport stream lands behind it).
_FRAME_PER_PACKET = {"h264", "hevc", "vp9", "mpeg4", "mjpeg"}
_FINDS_KEYS = {"avi", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"}
_LOOK_FRAMES = (
    16  # decoded to see whether the packets' times are right: more than any codec stores out of order
)

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
        wanted: numbers, ascending.
        on_frame: called after each frame, also those that nobody wants.
    """
    return _pick(enumerate(_decode(path)), wanted, on_frame)


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """When a video's frames are shown, in the stream's units of time.

    Args:
        times: of all frames, ascending; frame n is shown at ``times[n]``.
        keys: of those that need no other frame, ascending.
    """

    times: Sequence[int]
    keys: Sequence[int]


def index_frames(path: Path, on_packet: Callable[[], None]) -> FrameIndex | None:
    """Find the frames of a video without decoding it, for ``read_indexed``.

    Args:
        path: the file.
        on_packet: called after each packet.

    Returns:
        None where that cannot be trusted: times are missing, not unique, or not those of the frames (AVI
        stores none), a packet may hold several frames or none, or the container finds no key frames.
    """
    times, keys = [], []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.codec_context.name not in _FRAME_PER_PACKET or container.format.name not in _FINDS_KEYS:
                return None
            for packet in container.demux(stream):
                on_packet()
                if packet.is_discard or (packet.size == 0 and packet.dts is None):
                    continue  # decoded but never shown; the last one, which is empty
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
    except av.error.FFmpegError as error:
        logger.info("%s: ends early (%s)", path, _reason(error))
    if None in times or len(set(times)) < len(times):
        return None
    times.sort()
    shown = [frame.pts for frame in itertools.islice(_decode(path), _LOOK_FRAMES)]
    # a stream that was cut in front of its key frame begins with frames that no decoder can show
    first = times.index(shown[0]) if shown and shown[0] in times else 0
    times = times[first:]
    if times[:_LOOK_FRAMES] != shown:
        return None
    return FrameIndex(times, sorted(key for key in keys if key >= times[0]))


def read_indexed(
    path: Path, index: FrameIndex, wanted: Sequence[int], on_frame: Callable[[], None]
) -> Iterator[tuple[int, Frame]]:
    """Yield the wanted frames as ``read_frames`` does, from the key frame before the first of them on."""
    if not wanted:
        return iter(())
    place = bisect.bisect_right(index.keys, index.times[wanted[0]]) - 1
    key = index.keys[place] if place > 0 else None  # the first one is where a file begins anyhow
    return _pick(_numbered(path, index, key), wanted, on_frame)


def _numbered(path: Path, index: FrameIndex, key: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode from a key frame on, None: from the front; end where frames are not those of the index."""
    upcoming = 0 if key is None else bisect.bisect_left(index.times, key)
    for frame in _decode(path) if key is None else _decode(path, key):
        if key is not None and frame.pts is not None and frame.pts < key:
            continue  # of an earlier key frame, or not whole without one
        if upcoming == len(index.times) or frame.pts != index.times[upcoming]:
            logger.info("%s: frame %d is not the one that its packets tell of", path, upcoming)
            return
        yield upcoming, frame
        upcoming += 1


def _pick(
    frames: Iterator[tuple[int, av.VideoFrame]], wanted: Sequence[int], on_frame: Callable[[], None]
) -> Iterator[tuple[int, Frame]]:
    """Yield the wanted ones of numbered frames as upright pictures."""
    remaining = iter(wanted)
    number = next(remaining, None)
    for position, frame in frames:
        if number is None:
            return
        on_frame()
        if position == number:
            image = frame.to_ndarray(format="rgb24")
            yield number, np.ascontiguousarray(np.rot90(image, _quarter_turns(frame)))
            number = next(remaining, None)


def _decode(path: Path, key: int | None = None) -> Iterator[av.VideoFrame]:
    """Decode the frames in the order in which they are shown.

    Args:
        path: the file.
        key: time of the key frame to begin with, or with one before it; None: the front.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if key is not None:
            container.seek(key, stream=stream)
        is_begun = key is None
        try:
            for packet in container.demux(stream):
                is_begun = is_begun or (packet.is_keyframe and packet.pts is not None and packet.pts <= key)
                if not is_begun:
                    continue
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
