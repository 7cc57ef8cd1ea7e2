"""Skeletons of the formats that do not name their joints: COCO-17, NTU-25, or a user's own from a file."""

import json
from pathlib import Path

from store.exchange.errors import ExchangeError
from store.facts import parse_skeleton
from store.skeleton import COCO_17, Skeleton, make_skeleton

# specs/hpnet.md A.7, overlay edges
_COCO_17_LINKS = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7),
    (6, 8), (7, 9), (8, 10), (0, 1), (0, 2), (1, 3), (2, 4), (0, 6), (0, 5),
)  # fmt: skip

# the order of NTU RGB+D's files, which is the Kinect's
NTU_25 = (
    "base_of_spine", "middle_of_spine", "neck", "head", "left_shoulder", "left_elbow", "left_wrist",
    "left_hand", "right_shoulder", "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee",
    "left_ankle", "left_foot", "right_hip", "right_knee", "right_ankle", "right_foot", "spine_at_shoulders",
    "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb",
)  # fmt: skip

# child, parent, counted from 1; the root is the spine at the shoulders (specs/ctrgcn.md 2)
_NTU_25_BONES = (
    (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9), (11, 10), (12, 11),
    (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19), (22, 23), (23, 8),
    (24, 25), (25, 12),
)  # fmt: skip


def coco_17() -> Skeleton:
    """Return the 17 joints of COCO with the bones of HP-Net."""
    return make_skeleton(COCO_17, [(COCO_17[a], COCO_17[b]) for a, b in _COCO_17_LINKS])


def ntu_25() -> Skeleton:
    """Return the 25 joints of the Kinect; its links are its bones."""
    bones = tuple((NTU_25[child - 1], NTU_25[parent - 1]) for child, parent in _NTU_25_BONES)
    return Skeleton(NTU_25, bones, bones)


def choose_skeleton(
    num_joints: int, given: Skeleton | None, where: Path, *, in_space: bool = False
) -> Skeleton:
    """Return the skeleton of files with so many joints: the given one, else the one that is known.

    In space 17 joints are no sign of COCO: Human3.6M has as many.

    Raises:
        ExchangeError: there is none, or the given one has other joints.
    """
    if given is None:
        known = {25: ntu_25} if in_space else {17: coco_17, 25: ntu_25}
        if num_joints not in known:
            raise ExchangeError(
                f"{where}: {num_joints} joints, whose names are unknown (17: COCO, 25: NTU); name them with "
                '--skeleton FILE, a JSON file {"joint_names": [...], "links": [["head", "neck"], ...]}'
            )
        return known[num_joints]()
    if len(given.joint_names) != num_joints:
        raise ExchangeError(
            f"{where}: {num_joints} joints; the skeleton given for them has {len(given.joint_names)}"
        )
    return given


def assumption(skeleton: Skeleton, given: Skeleton | None) -> list[str]:
    """Return what a user must hear of joints that were recognised by their number alone."""
    if given is not None:
        return []
    names = ", ".join(skeleton.joint_names[:3])
    number = len(skeleton.joint_names)
    return [f"{number} joints: taken for {names}, …; --skeleton FILE names them if they are others"]


def read_skeleton(path: Path) -> Skeleton:
    """Read a JSON file of joint names and links; bones are derived from the links unless it has some.

    Raises:
        ExchangeError: it is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content = content.get("skeleton", content)  # a store.json will do
        if "bones" in content:
            return parse_skeleton(content)
        return make_skeleton(content["joint_names"], [(a, b) for a, b in content["links"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExchangeError(
            f"{path}: not a skeleton ({error!r}); expected a JSON file "
            '{"joint_names": [...], "links": [["head", "neck"], ...]}'
        ) from error
