"""Tiny videos made for a test: frames show their number as bits, and persons as coloured rectangles."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from extract.interfaces import Frame

WIDTH, HEIGHT = 64, 48
BITS = 8  # so many black or white squares of 8x8 pixels along the top edge

Box = tuple[int, int, int, int]
# per kind of file: suffix, codec, pixel format, the codec's options
KINDS: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "mpeg4": (".avi", "mpeg4", "yuv420p", {"bf": "0", "q": "2"}),
    "mpeg4 with B-frames": (".avi", "mpeg4", "yuv420p", {"bf": "2", "q": "2"}),
    "h264 with B-frames": (".mp4", "libx264", "yuv420p", {"bf": "3", "b_strategy": "0", "crf": "10"}),
    "h264": (".mkv", "libx264", "yuv420p", {"bf": "0", "crf": "10"}),
    "hevc": (".mp4", "libx265", "yuv420p", {"crf": "10", "x265-params": "log-level=none"}),
    "vp9": (".webm", "libvpx-vp9", "yuv420p", {"crf": "10", "deadline": "realtime", "cpu-used": "8"}),
    "mjpeg": (".avi", "mjpeg", "yuvj420p", {"q": "2"}),
}


def draw_frame(number: int, persons: Sequence[tuple[int, Box]] = ()) -> Frame:
    """Draw frame ``number``.

    Args:
        number: 0 to 255.
        persons: (who, box): person 0 is a red rectangle, person 1 a blue one; both carry the number as green,
            and the later ones hide the earlier ones.
    """
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        frame[:8, 8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
    for who, (x1, y1, x2, y2) in persons:
        frame[y1:y2, x1:x2] = (255, number % 128, 0) if who == 0 else (0, number % 128, 255)
    return frame


def read_number(frame: Frame) -> int:
    """Read a frame's number out of its picture."""
    return sum(int(frame[4, 8 * bit + 4].mean() > 127) << bit for bit in range(BITS))


def write_video(
    path: Path, frames: Sequence[Frame], *, kind: str, fps: int = 30, times: Sequence[int] | None = None
) -> Path:
    """Encode frames; the path gets the suffix of the kind.

    Args:
        path: the file.
        frames: (H, W, 3), all of one size.
        kind: of ``KINDS``.
        fps: frames per second.
        times: when each frame is shown, in ticks of 1 / fps s; one after the other if None.
    """
    suffix, codec, pixels, options = KINDS[kind]
    path = path.with_suffix(suffix)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=dict(options))
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, fps)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def walking_persons(num_frames: int) -> list[Frame]:
    """Draw one person who walks to the right and back, a pixel per frame."""
    places = [40 - abs(40 - number % 80) for number in range(num_frames)]
    return [draw_frame(number, [(0, (x, 16, x + 16, 44))]) for number, x in enumerate(places)]
