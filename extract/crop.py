"""Boxes to crops: the pose network's input with its affine, and the JPEG crops that a store keeps. Pure."""

import cv2
import numpy as np
import numpy.typing as npt

from extract.interfaces import Affine, Frame

Matrix = npt.NDArray[np.float32]  # (2, 3), source pixels -> crop pixels

BOX_ENLARGEMENT = 1.25  # of the box, so that hands and feet are inside (specs/hpnet.md A.3)
CLIP_BOX_PADDING = 0.25  # of the union box of a clip (specs/epam.md A.4)
CLIP_BOX_MIN_RANGE = (
    10.0  # pixels; a smaller union is no person, the whole image is taken (specs/epam.md A.4)
)


def crop_affine(
    box_xyxy: npt.NDArray[np.float32],
    *,
    crop_wh: tuple[int, int],
    affine: Affine = "standard",
    aspect: float | None = None,
) -> Matrix:
    """Map a person's box onto the pose network's input.

    The box is widened or heightened to the crop's aspect, enlarged by 1.25 and centred; no rotation.

    Args:
        box_xyxy: (4,) source pixels.
        crop_wh: (width, height) of the crop in pixels.
        affine: "standard": one scale, width to width. "udp": the centres of the outermost pixels meet the
            window's border, for networks that were trained so.
        aspect: width / height that a tall box is widened to; None: the crop's. The release takes the frame's
            height / width by mistake, which in 16:9 cuts 3 % of the box off at top and bottom. The crop
            keeps its own aspect all the same.

    Returns:
        (2, 3) affine from source pixels to crop pixels.

    Source: specs/hpnet.md A.3; UDP: Huang et al., CVPR 2020.
    """
    x1, y1, x2, y2 = (float(value) for value in box_xyxy)
    width, height = crop_wh
    widened = (y2 - y1) * width / height if aspect is None else (y2 - y1) * aspect
    source_width = BOX_ENLARGEMENT * max(x2 - x1, widened)
    source_height = source_width * height / width
    last = 1 if affine == "udp" else 0
    scale_x, scale_y = (width - last) / source_width, (height - last) / source_height
    centre_x, centre_y = x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2
    return np.array(
        [
            [scale_x, 0, (width - last) / 2 - scale_x * centre_x],
            [0, scale_y, (height - last) / 2 - scale_y * centre_y],
        ],
        np.float32,
    )


def crop_person(frame: Frame, matrix: Matrix, *, crop_wh: tuple[int, int]) -> Frame:
    """Cut a person out of a frame: (H, W, 3) uint8, bilinear, black outside the frame."""
    crop: Frame = cv2.warpAffine(
        frame, matrix, crop_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return crop


def to_source_pixels(
    keypoints: npt.NDArray[np.float32], matrices: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Take keypoints back from crops to the source.

    Args:
        keypoints: (N, V, 2) crop pixels.
        matrices: (N, 2, 3) from ``crop_affine``: no rotation.

    Returns:
        (N, V, 2) source pixels.
    """
    scales = matrices[:, [0, 1], [0, 1]]
    source: npt.NDArray[np.float32] = (keypoints - matrices[:, None, :, 2]) / scales[:, None]
    return source


def person_crop_box(
    boxes_xyxy: npt.NDArray[np.float32], *, image_wh: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Return the box of a frame's ``person`` crop: the union of its persons' boxes, rounded, in the image.

    Args:
        boxes_xyxy: (N, 4) the boxes of the persons who are there, N > 0.
        image_wh: (width, height) of the frame.

    Returns:
        (4,) at least one pixel wide and high.

    Source: specs/hpnet.md A.1 (rounded half to even) and B.1.
    """
    union = np.concatenate([boxes_xyxy[:, :2].min(0), boxes_xyxy[:, 2:].max(0)])
    return _inside(np.rint(union), image_wh)


def clip_crop_box(keypoints: npt.NDArray[np.float32], *, image_wh: tuple[int, int]) -> npt.NDArray[np.int32]:
    """Return the one box of a clip's ``clip`` crops: a padded square around all keypoints, cut at the border.

    Args:
        keypoints: (N, 2) source pixels, of every person who is there in every frame; N may be 0.
        image_wh: (width, height) of the frames.

    Source: specs/epam.md A.4, the clamped variant; absence is known here and need not be read from zeros.
    """
    width, height = image_wh
    whole = np.array([0, 0, width, height], np.int32)
    if len(keypoints) == 0:
        return whole
    low, high = keypoints.min(0).astype(np.float64), keypoints.max(0).astype(np.float64)
    if (high - low < CLIP_BOX_MIN_RANGE).any():
        return whole
    centre = (low + high) / 2
    half = float((high - low).max()) / 2 * (1 + CLIP_BOX_PADDING)
    box = np.concatenate([np.maximum(centre - half, 0), np.minimum(centre + half, (width, height))])
    return _inside(np.trunc(box), image_wh)


def crop_jpeg(
    frame: Frame, box_xyxy: npt.NDArray[np.int32], *, crop_wh: tuple[int, int], quality: int
) -> npt.NDArray[np.uint8]:
    """Cut a box out of a frame, stretch it to ``crop_wh`` and encode it.

    Returns:
        (n,) uint8, a JPEG with 4:2:0 chroma.

    Source: specs/hpnet.md B.1 (bilinear, quality 95, aspect not kept).
    """
    x1, y1, x2, y2 = (int(value) for value in box_xyxy)
    crop = cv2.resize(frame[y1:y2, x1:x2], crop_wh, interpolation=cv2.INTER_LINEAR)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.reshape(-1).astype(np.uint8)


def _inside(
    box: npt.NDArray[np.float32] | npt.NDArray[np.float64], image_wh: tuple[int, int]
) -> npt.NDArray[np.int32]:
    width, height = image_wh
    x1, y1 = np.clip(box[:2], 0, (width - 1, height - 1))
    x2, y2 = np.clip(box[2:], (x1 + 1, y1 + 1), (width, height))
    return np.array([x1, y1, x2, y2], np.int32)
