"""RGB crops of clips: which steps of a store have one, and the pixels of those that are wanted."""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from store import StoreReader
from store.errors import StoreDamagedError, StoreFormatError
from store.schema import CROP_WH, Crop

Steps = npt.NDArray[np.int64]


def check_crops(reader: StoreReader, crop: Crop) -> str:
    """Return the name of the array of crops.

    Raises:
        StoreFormatError: the store has none of this kind, which says how to get them, or is a copy without.
    """
    crops = reader.facts.layout.crops
    if crop not in crops:
        raise StoreFormatError(
            f"{reader.address} was made without {crop!r} crops, which the RGB network sees; it has "
            f"{' and '.join(map(repr, crops)) or 'no crops'}. Extract the videos with crops into another "
            f'STORE (ARGS="--crops {",".join(sorted({*crops, crop}))}"), or choose a stream of '
            "features or poses"
        )
    for clip_id in reader.clip_ids[:1]:
        reader.jpegs(clip_id, crop)  # a copy without frames is found out now, not when they are needed
    return f"frames/{crop}"


class Crops:
    """The crops of some clips. It can be sent to another process.

    Args:
        reader: the store.
        crop: which crops.
        clip_ids: clips with data.
        size: width and height in pixels that is wanted; the store's is 224.

    Raises:
        StoreFormatError: the store has no such crops.
    """

    def __init__(self, reader: StoreReader, crop: Crop, clip_ids: Sequence[str], *, size: int) -> None:
        self._array = check_crops(reader, crop)
        self._reader, self._clip_ids, self.size = reader, tuple(clip_ids), size
        self._lengths = reader.read_small(f"{self._array}_lengths", self._clip_ids)

    def __len__(self) -> int:
        return len(self._clip_ids)

    def steps(self, clip: int) -> Steps:
        """Return the steps (n,) at which a clip has a crop, ascending."""
        return np.flatnonzero(self._lengths[clip])

    def read(self, clip: int, steps: Steps) -> npt.NDArray[np.uint8]:
        """Read crops of a clip.

        Args:
            clip: place in the clip ids.
            steps: (n,), in any order, also one more than once.

        Returns:
            (n, size, size, 3) RGB.

        Raises:
            StoreDamagedError: a crop cannot be read.
        """
        lengths = cast(npt.NDArray[np.int32], self._lengths[clip])
        wanted, place = np.unique(steps, return_inverse=True)
        rows = self._reader.read(self._array, self._clip_ids[clip], width=int(lengths[wanted].max()))
        found = [decode_crop(rows[step, : lengths[step]].tobytes(), self.size) for step in wanted]
        for step, pixels in zip(wanted, found, strict=True):
            if pixels is None:
                raise StoreDamagedError(
                    f"{self._reader.address}: the crop of {self._clip_ids[clip]} at step {step} is no "
                    "JPEG; run `make verify`"
                )
        return np.stack(cast(list[npt.NDArray[np.uint8]], found))[place]


def decode_crop(jpeg: bytes, size: int) -> npt.NDArray[np.uint8] | None:
    """Return (size, size, 3) RGB; None: it is no JPEG."""
    # at half the size or less most of the work of decoding is left out
    flag = cv2.IMREAD_COLOR if 2 * size > CROP_WH[0] else cv2.IMREAD_REDUCED_COLOR_2
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flag) if jpeg else None
    if bgr is None:
        return None
    if bgr.shape[:2] != (size, size):
        bgr = cv2.resize(bgr, (size, size), interpolation=cv2.INTER_AREA)
    rgb: npt.NDArray[np.uint8] = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return rgb
