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
    'a JSON object {"clip id": [boxes of frame 0, boxes of frame 1, …]}, where the boxes of a frame are one box '
    "[x1, y1, x2, y2] or a list of boxes, each with or without a score as fifth number, in source pixels"
)


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
        if rows is None:
            raise VideoError(f"{self._path} has no boxes of clip {clip_id!r}; add it, or leave the clip out", "error")
        if frame >= len(rows):
            raise VideoError(
                f"{self._path} has boxes of {len(rows)} frames of {clip_id!r}, the video has more; "
                "give one entry per frame, [] where nobody is there",
                "error",
            )
        row = rows[frame]
        if row and not isinstance(row[0], list):
            row = [row]
        try:
            values = np.array([[*box, 1.0][:5] for box in row], np.float32).reshape(-1, 5)
        except (TypeError, ValueError) as error:
            raise VideoError(f"{self._path}: {clip_id!r} frame {frame} is {row}; expected {EXPECTED}", "error") from error
        self._check(values, clip_id, frame)
        order = np.argsort(-values[:, 4], kind="stable")
        return Detections(values[order, :4], values[order, 4])

    def _check(self, values: npt.NDArray[np.float32], clip_id: str, frame: int) -> None:
        wrong = (values[:, 2] <= values[:, 0]) | (values[:, 3] <= values[:, 1]) | ~np.isfinite(values).all(1)
        if wrong.any():
            raise VideoError(
                f"{self._path}: {clip_id!r} frame {frame} has the box {values[wrong][0, :4].tolist()}; "
                "expected x1 < x2 and y1 < y2",
                "error",
            )
