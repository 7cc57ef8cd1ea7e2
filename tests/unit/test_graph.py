"""Graphs of skeletons: worked out by hand, and specs/ctrgcn.md 13 and specs/mixformer.md 10."""

import numpy as np
import pytest

from store.exchange.skeletons import NTU_25, coco_17, ntu_25
from store.skeleton import COCO_17, make_skeleton
from train.graph import graph_links, graph_subsets


def test_a_hand_of_four_joints():
    # palm - thumb, palm - finger - tip: bones are walked from the first joint
    skeleton = make_skeleton(
        ("palm", "thumb", "finger", "tip"), [("palm", "thumb"), ("palm", "finger"), ("finger", "tip")]
    )

    itself, inward, outward = graph_subsets(skeleton)

    np.testing.assert_array_equal(itself, np.eye(4))
    # the palm receives from thumb and finger, each of which has one parent
    np.testing.assert_array_equal(inward, [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    # the palm shares itself out among two children
    np.testing.assert_array_equal(outward, [[0, 0, 0, 0], [0.5, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 1, 0]])


def test_ntu_is_a_tree_whose_root_receives_from_four():
    _, inward, outward = graph_subsets(ntu_25())
    root = NTU_25.index("spine_at_shoulders")

    others = np.arange(25) != root
    np.testing.assert_array_equal(inward.sum(axis=0), others)
    assert inward[root].sum() == 4
    has_children = inward.sum(axis=1) > 0
    np.testing.assert_allclose(outward.sum(axis=0), has_children)
    assert outward[NTU_25.index("neck"), root] == 0.25
    assert outward[NTU_25.index("left_hip"), NTU_25.index("base_of_spine")] == 0.5


def test_the_published_list_of_coco_has_its_oddities():
    _, inward, outward = graph_subsets(coco_17(), "published")

    ears, right_hip = [3, 4], 12
    assert not inward[:, ears].any()
    assert not inward[ears].any()
    assert not outward[:, ears].any()
    np.testing.assert_array_equal(np.flatnonzero(inward[:, right_hip]), [6, 11])
    assert inward[6, right_hip] == inward[11, right_hip] == 0.5
    assert len(graph_links(coco_17())) == 16


def test_the_tree_of_coco_is_one():
    links = graph_links(coco_17(), "tree")
    parents = dict(links)

    assert len(links) == len(parents) == 16
    for joint in range(17):
        steps = 0
        while joint in parents:
            joint, steps = parents[joint], steps + 1
            assert steps < 17
        assert COCO_17[joint] == "nose"


def test_mixformers_ntu_root_turns_one_link_and_has_no_eighth_ancestor():
    # specs/mixformer.md 2: rooted at joint 2 the chains are up to 7 long, so S^8 = 0 and P = I
    as_published, turned = graph_subsets(ntu_25()), graph_subsets(ntu_25(), root="middle_of_spine")

    different = np.argwhere((as_published[1] > 0) != (turned[1] > 0))
    np.testing.assert_array_equal(different, [[1, 20], [20, 1]])  # 2 -> 21 instead of 21 -> 2
    ancestors = (turned[2] > 0).astype(int)
    assert np.linalg.matrix_power(ancestors, 7).any()
    assert not np.linalg.matrix_power(ancestors, 8).any()


def test_joints_that_the_root_does_not_reach_keep_their_links():
    skeleton = make_skeleton(("a", "b", "c", "d"), [("a", "b"), ("c", "d")])

    _, inward, _ = graph_subsets(skeleton, root="b")

    np.testing.assert_array_equal(np.argwhere(inward), [[1, 0], [2, 3]])


def test_what_is_not_known_is_said():
    with pytest.raises(ValueError, match=r"'forest' is not known; choose one of \['published', 'tree'\]"):
        graph_subsets(coco_17(), "forest")
    with pytest.raises(ValueError, match=r"root 'tail' is none of the joints \['nose'"):
        graph_subsets(coco_17(), root="tail")
