"""What both sides must agree on about joints: names, the links to draw, the bones of the bone streams."""

from collections.abc import Sequence
from dataclasses import dataclass

COCO_17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

# Child -> parent of HP-Net's bone streams (specs/hpnet.md C.1). All 17 joints have a bone, and
# nose -> left shoulder -> right shoulder -> nose is a cycle: that is how it is published.
_COCO_17_PARENTS = {
    "nose": "left_shoulder", "left_eye": "nose", "right_eye": "nose", "left_ear": "left_eye",
    "right_ear": "right_eye", "left_shoulder": "right_shoulder", "right_shoulder": "nose",
    "left_elbow": "left_shoulder", "right_elbow": "right_shoulder", "left_wrist": "left_elbow",
    "right_wrist": "right_elbow", "left_hip": "left_shoulder", "right_hip": "right_shoulder",
    "left_knee": "left_hip", "right_knee": "right_hip", "left_ankle": "left_knee",
    "right_ankle": "right_knee",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The joints of a pose network, as a store keeps them.

    Args:
        joint_names: V names; a joint's index is its place here.
        links: pairs of joint names to draw (the pose network's own list).
        bones: (child, parent) pairs of joint names; a bone stream is child minus parent.

    Raises:
        ValueError: a link or bone names a joint that is not in ``joint_names``.
    """

    joint_names: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    bones: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        unknown = {name for pair in (*self.links, *self.bones) for name in pair} - set(self.joint_names)
        if unknown:
            raise ValueError(
                f"links or bones name {sorted(unknown)}; the joints are {list(self.joint_names)}"
            )

    def link_indices(self) -> list[tuple[int, int]]:
        """Return the links as pairs of places in ``joint_names``."""
        place = {name: index for index, name in enumerate(self.joint_names)}
        return [(place[a], place[b]) for a, b in self.links]


def make_skeleton(joint_names: Sequence[str], links: Sequence[tuple[str, str]]) -> Skeleton:
    """Build a skeleton from a pose network's metadata: the published bones for COCO-17, else derived ones.

    Derived bones walk the links breadth first from the first joint of every connected part, so each joint but
    the first of its part has one parent; joints without links have no bone.
    """
    names = tuple(joint_names)
    pairs = tuple((a, b) for a, b in links)
    if names == COCO_17:
        return Skeleton(names, pairs, tuple((child, _COCO_17_PARENTS[child]) for child in names))
    return Skeleton(names, pairs, tuple(_bones_from_links(names, pairs)))


def _bones_from_links(names: tuple[str, ...], links: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for a, b in links:
        neighbours[a].append(b)
        neighbours[b].append(a)
    bones: list[tuple[str, str]] = []
    reached: set[str] = set()
    for root in names:
        queue = [] if root in reached else [root]
        reached.add(root)
        for parent in queue:
            for child in neighbours[parent]:
                if child not in reached:
                    reached.add(child)
                    bones.append((child, parent))
                    queue.append(child)
    return bones
