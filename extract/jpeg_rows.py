"""The JPEG crops of a clip, collected as frames pass by, as the arrays of a store."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from extract.crop import crop_jpeg
from extract.interfaces import Frame
from store.schema import CROP_WH, Crop


class JpegRows:
    """Crops for S sample times.

    Args:
        frames: (S,) int64, the frame that each sample time's crop comes from, -1 for none.
        boxes_xyxy: frame -> (4,) int32, the box to crop.
        quality: JPEG quality.
    """

    def __init__(
        self, frames: npt.NDArray[np.int64], boxes_xyxy: Mapping[int, npt.NDArray[np.int32]], *, quality: int
    ) -> None:
        self._frames = frames
        self._boxes = boxes_xyxy
        self._quality = quality
        self._wanted = frozenset(frames.tolist())
        self._jpegs: dict[int, npt.NDArray[np.uint8]] = {}

    def take(self, number: int, frame: Frame) -> None:
        """Look at a frame, and crop it if a sample time wants it."""
        if number in self._wanted:
            self._jpegs[number] = crop_jpeg(
                frame, self._boxes[number], crop_wh=CROP_WH, quality=self._quality
            )

    def arrays(self, crop: Crop) -> dict[str, npt.NDArray[np.generic]]:
        """Return the crop's arrays of ``store/schema.py``; all wanted frames must have passed."""
        rows = [self._jpegs.get(number, np.empty(0, np.uint8)) for number in self._frames.tolist()]
        lengths = np.array([len(row) for row in rows], np.int32)
        data = np.zeros((len(rows), int(lengths.max(initial=1))), np.uint8)
        for row, target in zip(rows, data, strict=True):
            target[: len(row)] = row
        nowhere = np.zeros(4, np.int32)
        boxes = np.stack(
            [self._boxes[number] if number >= 0 else nowhere for number in self._frames.tolist()]
        )
        return {
            f"frames/{crop}": data,
            f"frames/{crop}_lengths": lengths,
            f"frames/{crop}_boxes": boxes.astype(np.int32),
            f"frames/{crop}_indices": self._frames.astype(np.int32),
        }
