"""Frames by decord; the only file that imports it."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# decord writes FFmpeg's complaints to stderr by the page; what is wrong with a file is said by our own errors
os.environ.setdefault("DECORD_LOG_LEVEL", "quiet")
import decord

from extract.interfaces import Frame

logger = logging.getLogger(__name__)
decord.logging.set_level(decord.logging.QUIET)

_THREADS = 1  # clips are decoded side by side, so threads within one only add work


def count_frames(path: Path) -> int | None:
    """Return the number of frames, None where decord cannot read the file."""
    try:
        return len(decord.VideoReader(str(path), num_threads=_THREADS))
    except (RuntimeError, decord.DECORDError, UnicodeEncodeError) as error:  # it takes names in UTF-8 only
        logger.info("%s: decord cannot open it (%s)", path, str(error).splitlines()[0])
        return None


def read_frames(
    path: Path, wanted: Sequence[int], on_frame: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, Frame]]:
    """Yield the wanted frames, ascending; a file that ends early yields fewer.

    Frames in between are decoded but not converted to RGB. Never by index: decord's random access is wrong in
    many files (specs/ecosystem.md D1).

    Args:
        path: the file.
        wanted: frame numbers.
        on_frame: called after each frame that is passed over.
    """
    reader = decord.VideoReader(str(path), num_threads=_THREADS)
    num_frames = len(reader)
    position = 0
    for number in wanted:
        if number >= num_frames:
            return
        for _ in range(position, number):
            reader.skip_frames(1)
            on_frame()
        try:
            frame = reader.next().asnumpy()
        except (StopIteration, RuntimeError, decord.DECORDError):
            return
        position = number + 1
        yield number, frame
