"""A person in a picture -> a crop to learn from, never twice the same. Pure, but for reading the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from extract.crop import crop_affine, crop_person
from extract.interfaces import Frame
from scripts.demo_weights.pictures import Person

Floats = npt.NDArray[np.float32]

# left and right change places in a mirror; COCO's order
_MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
_BOX_SHIFT = 0.08  # standard deviation, in shares of the crop: a detector's boxes are not exact
_SCALES = (0.8, 1.25)
_MOST_DEGREES = 20.0
_SHARES = {"turned": 0.6, "mirrored": 0.5, "blurred": 0.15, "compressed": 0.3, "covered": 0.3}


@dataclass(frozen=True, slots=True)
class Crop:
    """A person's crop.

    Args:
        picture: (H, W, 3) uint8 RGB.
        keypoints: (17, 2) pixels of the crop.
        weights: (17,) 1 where a keypoint is in the crop, hidden ones too: where an arm behind the body is can
            be learned; else 0.
        things: (K, 3) objects: place of the name in ``OBJECTS``, x, y; also outside the crop.
    """

    picture: Frame
    keypoints: Floats
    weights: Floats
    things: Floats


def draw_crop(person: Person, dice: np.random.Generator, *, crop_wh: tuple[int, int]) -> Crop:
    """Cut a person out as ``extract/crop.py`` does, changed by lot.

    Raises:
        FileNotFoundError: the picture is gone.
    """
    picture = cv2.imread(str(person.picture))
    if picture is None:
        raise FileNotFoundError(f"{person.picture}: gone or damaged; remove its truth file to draw it again")
    matrix = _changed(crop_affine(person.box_xyxy, crop_wh=crop_wh), dice, crop_wh=crop_wh)
    crop = crop_person(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), matrix, crop_wh=crop_wh)
    # what is true counts from the corner of a pixel, crops from its middle
    keypoints, places = (
        (points - np.float32(0.5)) @ matrix[:, :2].T + matrix[:, 2]
        for points in (person.keypoints_xy, person.things[:, 1:])
    )
    is_known = person.visibility > 0
    if dice.random() < _SHARES["mirrored"]:
        crop, keypoints, is_known = mirror(crop, keypoints, is_known)
        places = places * np.array([-1, 1]) + (crop_wh[0] - 1, 0)
    is_inside = ((keypoints >= 0) & (keypoints < crop_wh)).all(1)
    return Crop(
        _recoloured(_covered(crop, dice), dice),
        keypoints,
        (is_known & is_inside).astype(np.float32),
        np.concatenate([person.things[:, :1], places], axis=1).astype(np.float32),
    )


def mirror(
    crop: Frame, keypoints: npt.NDArray[np.float32], is_known: npt.NDArray[np.bool_]
) -> tuple[Frame, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Exchange left and right in a crop (H, W, 3), keypoints (17, 2) and what is known of them (17,)."""
    mirrored = keypoints[_MIRRORED] * np.array([-1, 1]) + (crop.shape[1] - 1, 0)
    return np.ascontiguousarray(crop[:, ::-1]), mirrored.astype(np.float32), is_known[_MIRRORED]


def _changed(
    matrix: npt.NDArray[np.float32], dice: np.random.Generator, *, crop_wh: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Move, scale and turn the crop's window."""
    is_turned = dice.random() < _SHARES["turned"]
    angle = float(np.clip(dice.normal(0, _MOST_DEGREES / 2), -_MOST_DEGREES, _MOST_DEGREES)) * is_turned
    middle = (crop_wh[0] / 2, crop_wh[1] / 2)
    change = cv2.getRotationMatrix2D(middle, angle, float(dice.uniform(*_SCALES)))
    change[:, 2] += np.clip(dice.normal(0, _BOX_SHIFT, 2), -0.2, 0.2) * crop_wh
    whole = np.vstack([matrix, [0, 0, 1]])
    product: npt.NDArray[np.float32] = (change @ whole).astype(np.float32)
    return product


def _covered(crop: Frame, dice: np.random.Generator) -> Frame:
    """Put patches of one colour, with noise, over parts of the crop."""
    if dice.random() >= _SHARES["covered"]:
        return crop
    height, width, _ = crop.shape
    for _ in range(int(dice.integers(1, 3))):
        w, h = (dice.uniform(0.1, 0.4, 2) * (width, height)).astype(int)
        x, y = int(dice.integers(0, width - w)), int(dice.integers(0, height - h))
        patch = dice.uniform(0, 255, 3) + dice.normal(0, dice.uniform(1, 25), (h, w, 3))
        crop[y : y + h, x : x + w] = np.clip(patch, 0, 255).astype(np.uint8)
    return crop


def _recoloured(crop: Frame, dice: np.random.Generator) -> Frame:
    gains = dice.uniform(0.6, 1.4) * dice.uniform(0.9, 1.1, 3)
    shifted = crop.astype(np.float32) * gains.astype(np.float32) + np.float32(dice.uniform(-20, 20))
    crop = np.clip(shifted, 0, 255).astype(np.uint8)
    if dice.random() < _SHARES["blurred"]:
        crop = cv2.GaussianBlur(crop, (0, 0), float(dice.uniform(0.5, 1.6)))
    if dice.random() < _SHARES["compressed"]:
        _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(25, 90))])
        crop = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return crop
