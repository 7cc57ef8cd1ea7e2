"""The graph that a model works on: a skeleton's links as three normalised adjacency matrices. Pure."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from store.exchange.skeletons import NTU_25
from store.skeleton import COCO_17, Skeleton

GraphName = Literal["published", "tree"]

# (child, parent), from 1 as published (specs/hpnet.md C.2): the ears hang nowhere, nose and shoulders form a
# cycle, and the right hip (13) has two parents. Not HP-Net's bone list, which store/skeleton.py has.
_COCO_17_PUBLISHED = (
    (1, 6), (2, 1), (3, 1), (6, 7), (7, 1), (8, 6), (9, 7), (10, 8), (11, 9), (12, 6), (13, 7), (14, 12),
    (15, 13), (16, 14), (17, 15), (13, 12),
)  # fmt: skip

# (child, parent), from 0, rooted at the nose: PYSKL's COCO tree (specs/baselines.md)
_COCO_17_TREE = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8), (8, 6), (5, 0), (6, 0),
    (1, 0), (3, 1), (2, 0), (4, 2),
)  # fmt: skip


def graph_subsets(
    skeleton: Skeleton, graph: GraphName = "published", *, root: str | None = None
) -> npt.NDArray[np.float32]:
    """Return the three subsets of a skeleton's graph.

    Args:
        skeleton: the store's joints and bones.
        graph: "published": HP-Net's list for COCO-17; "tree": a tree over all 17 joints instead. Any other
            skeleton has one graph, that of its bones (for NTU-25 they are the published list).
        root: turn the links so that they lead to this joint; see ``published_root``.

    Returns:
        (3, V, V) float32: the joints themselves, child to parent, parent to child. Row = receiver, column =
        source; each column of the last two sums to 1, or to 0 where its joint has no such link
        (specs/ctrgcn.md 2).

    Raises:
        ValueError: there is no such graph, or no such joint.
    """
    num_joints = len(skeleton.joint_names)
    links = graph_links(skeleton, graph)
    if root is not None:
        links = _rooted(links, _place(skeleton, root), num_joints)
    inward = np.zeros((num_joints, num_joints), np.float32)
    for child, parent in links:
        inward[parent, child] = 1
    return np.stack([np.eye(num_joints, dtype=np.float32), _shared_out(inward), _shared_out(inward.T)])


def graph_links(skeleton: Skeleton, graph: GraphName = "published") -> list[tuple[int, int]]:
    """Return the (child, parent) pairs of joints, as places in ``joint_names``.

    Raises:
        ValueError: there is no such graph.
    """
    if graph not in get_args(GraphName):
        raise ValueError(f"graph {graph!r} is not known; choose one of {list(get_args(GraphName))}")
    if skeleton.joint_names != COCO_17:
        place = {name: index for index, name in enumerate(skeleton.joint_names)}
        return [(place[child], place[parent]) for child, parent in skeleton.bones]
    if graph == "published":
        return [(child - 1, parent - 1) for child, parent in _COCO_17_PUBLISHED]
    return list(_COCO_17_TREE)


def published_root(model: str, skeleton: Skeleton) -> str | None:
    """Return the joint that a model's published links lead to; None: that of the bones.

    Source: specs/mixformer.md 2.
    """
    return "middle_of_spine" if model == "mixformer" and skeleton.joint_names == NTU_25 else None


def _shared_out(adjacency: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Divide each column by its sum: a source shares itself out among its receivers."""
    sums = adjacency.sum(axis=0)
    return adjacency / np.where(sums == 0, 1, sums).astype(np.float32)


def _place(skeleton: Skeleton, joint: str) -> int:
    if joint not in skeleton.joint_names:
        raise ValueError(f"root {joint!r} is none of the joints {list(skeleton.joint_names)}")
    return skeleton.joint_names.index(joint)


def _rooted(links: list[tuple[int, int]], root: int, num_joints: int) -> list[tuple[int, int]]:
    """Turn the links breadth first; parts that the root does not reach get their lowest joint as root."""
    turned: list[tuple[int, int]] = []
    reached: set[int] = set()
    for start in (root, *range(num_joints)):
        queue = [] if start in reached else [start]
        reached.update(queue)
        for parent in queue:
            for child in sorted({sum(link) - parent for link in links if parent in link} - reached):
                turned.append((child, parent))
                reached.add(child)
                queue.append(child)
    return turned
