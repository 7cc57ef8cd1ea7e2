"""Boxes that the user has: a file of boxes per clip and frame, or the whole frame."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from extract.errors import VideoError
from extract.interfaces import Detections

EXPECTED = (
    'a JSON object {"clip id": [boxes of frame 0, boxes of frame 1, …]}, where the boxes of a frame are one '
    "box [x1, y1, x2, y2] or a list of boxes, in source pixels with x1 < x2 and y1 < y2, each with or "
    "without a score from 0 to 1 as fifth number"
)

_MAX_SHOWN = 120  # characters of a wrong value in a message


class BoxSource(Protocol):
    """Where boxes come from when no network looks for them."""

    meaning: Mapping[str, object]

    def boxes(self, clip_id: str, frame: int, image_wh: tuple[int, int]) -> Detections:
        """Return the boxes of one frame; none if nobody is there."""
        ...


class WholeFrame:
    """One person who fills the frame: ``DETECTOR=none``."""

    meaning: Mapping[str, object] = {"boxes": "whole frame"}

    def boxes(self, clip_id: str, frame: int, image_wh: tuple[int, int]) -> Detections:
        """Return the frame's border."""
        width, height = image_wh
        return Detections(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))


class BoxesFile:
    """Boxes from a JSON file.

    Raises:
        ValueError: the file is not what ``EXPECTED`` says.
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        try:
            content = json.loads(data)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; expected {EXPECTED}") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path}: found a JSON {type(content).__name__}; expected {EXPECTED}")
        self._path = path
        self._clips: dict[str, list[Any]] = content
        self.meaning: Mapping[str, object] = {"boxes_sha256": hashlib.sha256(data).hexdigest()}

    def boxes(self, clip_id: str, frame: int, image_wh: tuple[int, int]) -> Detections:
        """Return the boxes of one frame, most confident first; a box without a score counts as sure.

        Raises:
            VideoError: the file does not speak of this clip or frame, or a box is none.
        """
        rows = self._clips.get(clip_id)
        if not isinstance(rows, list | None):
            raise VideoError(f"{self._path}: {clip_id!r} is {_short(rows)}; expected {EXPECTED}", "error")
        if rows is None:
            raise VideoError(
                f"{self._path} has no boxes of clip {clip_id!r}; add it, or leave the clip out", "error"
            )
        if frame >= len(rows):
            raise VideoError(
                f"{self._path} has boxes of {len(rows)} frames of {clip_id!r}, the video has more; "
                "give one entry per frame, [] where nobody is there",
                "error",
            )
        try:
            values = _parse(rows[frame])
        except (TypeError, ValueError) as error:
            found = _short(rows[frame])
            raise VideoError(
                f"{self._path}: {clip_id!r} frame {frame} is {found}; expected {EXPECTED}", "error"
            ) from error
        order = np.argsort(-values[:, 4], kind="stable")
        return Detections(values[order, :4], values[order, 4])


def _parse(frame: object) -> npt.NDArray[np.float32]:
    """Return a frame's boxes as rows of x1, y1, x2, y2, score.

    Raises:
        TypeError, ValueError: they are none.
    """
    if not isinstance(frame, list):
        raise TypeError("a frame has a list of boxes")
    boxes = frame if not frame or isinstance(frame[0], list) else [frame]
    if any(len(box) not in (4, 5) for box in boxes):
        raise ValueError("a box has 4 numbers, or 5")
    values = np.array([[*box, 1][:5] for box in boxes], np.float32).reshape(-1, 5)
    x1, y1, x2, y2, scores = values.T
    if not (np.isfinite(values).all() and (x1 < x2).all() and (y1 < y2).all()):
        raise ValueError("a box is empty")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("a score is not between 0 and 1")
    return values


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
