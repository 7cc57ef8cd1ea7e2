"""What is true of a clip: label, boxes, keypoints and what of them is seen; a JSON file beside the video."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.demo_videos.body import BONES, KEYPOINTS, Floats
from scripts.demo_videos.clips import GENERATOR
from scripts.demo_videos.paint import SCALE
from store.durable import write_file

PARTS_PER_PERSON = 20  # person p's bones are the parts 1 + 20 p and on
HIDDEN, VISIBLE = 1, 2  # COCO's flags; 0 is outside the picture
_DIGITS = 2  # of a pixel: finer differences are the machine's

# bones in whose pixels a keypoint counts as seen
_SEEN_ON: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), ("head",)),
    **{
        f"{side}_{joint}": tuple(bone if bone in BONES else f"{side[0]}_{bone}" for bone in bones)
        for side in ("left", "right")
        for joint, bones in {
            "shoulder": ("chest", "upper_arm"),
            "elbow": ("upper_arm", "forearm"),
            "wrist": ("forearm", "hand"),
            "hip": ("pelvis", "thigh", "chest"),
            "knee": ("thigh", "shank"),
            "ankle": ("shank", "foot"),
        }.items()
    },
}  # fmt: skip
# a keypoint on the surface is seen where that faces the camera: bone, direction in its frame, least cosine
_FACING: Mapping[str, tuple[str, tuple[float, float, float], float]] = {
    "nose": ("head", (1, 0, 0), -0.25),
    "left_eye": ("head", (0.94, 0.34, 0), 0.0),
    "right_eye": ("head", (0.94, -0.34, 0), 0.0),
    "left_ear": ("head", (0, 1, 0), -0.1),
    "right_ear": ("head", (0, -1, 0), -0.1),
    "left_shoulder": ("chest", (0, 1, 0), -0.75),
    "right_shoulder": ("chest", (0, -1, 0), -0.75),
    "left_hip": ("pelvis", (0, 1, 0), -0.75),
    "right_hip": ("pelvis", (0, -1, 0), -0.75),
}


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """What is true of a frame.

    Args:
        boxes_xyxy: (P, 4) pixels, around what is seen of each person; all 0 where nothing is.
        keypoints_xy: (P, 17, 2) pixels, COCO's order, also where they are hidden.
        visibility: (P, 17) uint8: 0 outside the picture, 1 hidden, 2 seen.
    """

    boxes_xyxy: Floats
    keypoints_xy: Floats
    visibility: npt.NDArray[np.uint8]


def box_of(parts: npt.NDArray[np.uint8], person: int) -> Floats:
    """Return the box (x0, y0, x1, y1) in pixels around what is seen of a person; zeros for nothing.

    Args:
        parts: (SCALE H, SCALE W), who is seen where.
        person: its number.
    """
    own = (parts - 1) // PARTS_PER_PERSON == person  # uint8: nothing, 0, becomes 255
    rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
    if not len(rows):
        return np.zeros(4)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / SCALE


def visibility_of(
    parts: npt.NDArray[np.uint8],
    person: int,
    keypoints_xy: Floats,
    rotations: Floats,
    to_camera: Floats,
) -> npt.NDArray[np.uint8]:
    """Say which keypoints of a person are seen.

    Args:
        parts: (SCALE H, SCALE W), who is seen where.
        person: its number.
        keypoints_xy: (17, 2) pixels.
        rotations: (15, 3, 3), its bones to the world.
        to_camera: (3,) unit vector in the world from the person to the camera.
    """
    height, width = parts.shape
    flags = np.zeros(len(KEYPOINTS), np.uint8)
    for number, (name, (x, y)) in enumerate(zip(KEYPOINTS, keypoints_xy * SCALE, strict=True)):
        if not (0 <= x < width and 0 <= y < height):
            continue
        near = parts[max(int(y) - 2, 0) : int(y) + 3, max(int(x) - 2, 0) : int(x) + 3]
        num_seen = sum(
            np.count_nonzero(near == 1 + person * PARTS_PER_PERSON + BONES.index(bone))
            for bone in _SEEN_ON[name]
        )
        seen = num_seen >= 0.3 * near.size
        if name in _FACING:
            bone, direction, least = _FACING[name]
            seen &= bool(rotations[BONES.index(bone)] @ np.array(direction) @ to_camera > least)
        flags[number] = VISIBLE if seen else HIDDEN
    return flags


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """What is true of a clip; the persons of the action come first, bystanders after them.

    Args:
        label: the class, as extract/datasets/demo.py names it.
        seed: of the set that the clip is of.
        condition: what makes it hard to see, "normal" for nothing.
        num_actors: persons who act.
        boxes_xyxy: (T, P, 4) pixels.
        keypoints_xy: (T, P, 17, 2) pixels.
        visibility: (T, P, 17) uint8, as in ``FrameTruth``.
    """

    label: str
    seed: int
    condition: str
    num_actors: int
    boxes_xyxy: Floats
    keypoints_xy: Floats
    visibility: npt.NDArray[np.uint8]


def write_truth(path: Path, truth: ClipTruth) -> None:
    """Write a clip's truth."""
    text = json.dumps(
        {
            "label": truth.label,
            "seed": truth.seed,
            "condition": truth.condition,
            "generator": GENERATOR,
            "num_actors": truth.num_actors,
            "keypoint_names": KEYPOINTS,
            "boxes_xyxy": np.round(truth.boxes_xyxy, _DIGITS).tolist(),
            "keypoints_xy": np.round(truth.keypoints_xy, _DIGITS).tolist(),
            "visibility": truth.visibility.tolist(),
        },
        separators=(",", ":"),
    )
    write_file(path, (text + "\n").encode())


def read_truth(path: Path) -> ClipTruth:
    """Read a clip's truth.

    Raises:
        ValueError: the file holds something else.
        OSError: it cannot be read.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["generator"] != GENERATOR:
            raise ValueError(f"version {facts['generator']} of the generator, this is {GENERATOR}")
        return ClipTruth(
            str(facts["label"]),
            int(facts["seed"]),
            str(facts["condition"]),
            int(facts["num_actors"]),
            np.array(facts["boxes_xyxy"], np.float64),
            np.array(facts["keypoints_xy"], np.float64),
            np.array(facts["visibility"], np.uint8),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not the truth of a demo clip of today ({error}); remove it and its video, and "
            "`make videos` draws both again"
        ) from error
