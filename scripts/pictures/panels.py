"""The pictures that poses are drawn on: the crops of a store, or plain canvases."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scripts.pictures.clip_data import Clip
from store import StoreReader
from store.errors import StoreDamagedError, StoreFormatError
from store.schema import CROP_WH, Crop


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture to draw poses on: an image of ``box_xyxy`` in source pixels, or a plain canvas of it."""

    box_xyxy: tuple[float, float, float, float]
    size_wh: tuple[int, int]
    image: npt.NDArray[np.uint8] | None  # (height, width, 3) RGB


def read_panel_rows(reader: StoreReader, clip: Clip, steps: Sequence[int]) -> list[tuple[str, list[Panel]]]:
    """Read rows of panels: the clip's and the persons' crops, as far as stored; else plain canvases.

    Returns:
        Pairs of a name and one panel per step; none where there is nothing to draw, no crop and no pose.

    Raises:
        StoreDamagedError: a file of the store is missing or damaged, or a crop is no JPEG.
    """
    rows = []
    crops: tuple[Crop, Crop] = ("clip", "person")
    for crop in crops:
        panels = _crop_panels(reader, clip, crop, steps)
        if panels is not None:
            rows.append((f"{crop} crops", panels))
    if rows or clip.keypoints is None:
        return rows
    if "keypoints_3d" in reader.facts.layout.facets:
        return [("front view,\nno frames\nin this store", [_canvas(clip) for _ in steps])]
    return [("no frames\nin this store", [_canvas(clip) for _ in steps])]


def _crop_panels(reader: StoreReader, clip: Clip, crop: Crop, steps: Sequence[int]) -> list[Panel] | None:
    clip_id = clip.row.entry.id
    try:
        jpegs = reader.jpegs(clip_id, crop)
        boxes = reader.read(f"frames/{crop}_boxes", clip_id)
    except StoreFormatError:
        return None  # made, or copied, without these crops
    panels = []
    for step in steps:
        jpeg = jpegs[step]
        x1, y1, x2, y2 = (float(value) for value in boxes[step])
        if not jpeg or x2 <= x1 or y2 <= y1:
            panels.append(Panel((0.0, 0.0, *clip.image_wh), CROP_WH, None))
            continue
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise StoreDamagedError(
                f"{clip_id}: the {crop} crop of sample time {step} is no JPEG; run `make verify`"
            )
        size_wh = (image.shape[1], image.shape[0])
        panels.append(Panel((x1, y1, x2, y2), size_wh, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
    return panels


def _canvas(clip: Clip) -> Panel:
    width, height = clip.image_wh
    return Panel((0.0, 0.0, width, height), (max(1, round(width)), max(1, round(height))), None)
