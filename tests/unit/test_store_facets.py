"""Stores that hold less, or other things, than an extraction finds: what they say and what they refuse."""

import dataclasses
import json

import numpy as np
import pytest

from store import open_store
from store.errors import ClipDataError, StoreFormatError, StoreMismatchError
from store.exchange.skeletons import coco_17, ntu_25
from store.facts import parse_store_json
from store.manifest import verify_store
from store.schema import EXTRACTED, Layout, array_specs
from store.writer import StoreWriter
from tests.store_makers import EXECUTION, make_clip, make_entries, make_facts, write_store

FEATURES = Layout(3, 2, 2, {"H2": 3}, (), facets=())
SPACE = Layout("native", 2, 2, {}, (), facets=("frame_positions", "keypoints_3d"))


def facts_of(layout: Layout):
    return dataclasses.replace(make_facts(), layout=layout)


def test_a_layout_names_its_arrays():
    assert [spec.name for spec in array_specs(FEATURES)] == ["pooled/H2", "person_valid"]
    names = {spec.name: spec for spec in array_specs(SPACE)}
    assert list(names) == ["keypoints_3d", "person_valid", "frame_positions"]
    assert names["keypoints_3d"].axes == ("time", "person", "joint", "xyz")
    assert names["keypoints_3d"].shape_tail == (2, 2, 3)
    assert "keypoints_3d" not in EXTRACTED


def test_a_layout_refuses_unknown_facets_and_knows_one_order():
    with pytest.raises(ValueError, match=r"facets are \['depth'\]; expected some of keypoints"):
        dataclasses.replace(FEATURES, facets=("depth",))
    assert SPACE.facets == ("keypoints_3d", "frame_positions")


@pytest.mark.parametrize("layout", [FEATURES, SPACE])
def test_facets_survive_the_json(layout):
    assert parse_store_json(facts_of(layout).to_json().decode(), "s").layout == layout


def test_what_is_extracted_says_nothing_of_facets_so_its_bytes_stay():
    content = json.loads(make_facts().to_json())
    assert "facets" not in content["layout"]
    content["layout"]["facets"] = [*EXTRACTED, "smell"]  # of a later minor version
    assert parse_store_json(json.dumps(content), "s") == make_facts()


@pytest.mark.parametrize("layout", [FEATURES, SPACE])
def test_a_store_without_all_arrays_is_written_read_and_verified(tmp_path, layout):
    clip = make_clip("a", layout, seed=3)
    write_store(tmp_path / "s", facts_of(layout), [clip])

    reader = open_store(str(tmp_path / "s"))
    for name, values in clip.arrays.items():
        np.testing.assert_array_equal(reader.read(name, "a"), values)
    assert list(verify_store(tmp_path / "s")) == []


def test_asking_for_what_is_not_there_says_what_is(tmp_path):
    write_store(tmp_path / "f", facts_of(FEATURES), [make_clip("a", FEATURES)])
    write_store(tmp_path / "s", facts_of(SPACE), [make_clip("a", SPACE)])
    features, space = open_store(str(tmp_path / "f")), open_store(str(tmp_path / "s"))

    with pytest.raises(StoreFormatError, match="no array 'keypoints'; it has pooled/H2, person_valid"):
        features.keypoints("a")
    # metres are never taken for pixels
    with pytest.raises(StoreFormatError, match="no array 'keypoints'; it has keypoints_3d, person_valid"):
        space.keypoints("a")
    assert space.keypoints_3d("a").shape == (3, 2, 2, 3)
    with pytest.raises(StoreFormatError, match="no tap ''; it has none"):
        space.pooled("a")


def test_a_clip_with_an_array_that_the_layout_leaves_out_is_refused(tmp_path):
    whole = make_clip("a", dataclasses.replace(FEATURES, facets=EXTRACTED))
    with (
        StoreWriter(tmp_path / "s", facts_of(FEATURES), make_entries("a"), EXECUTION) as writer,
        pytest.raises(ClipDataError, match=r"unknown: \['boxes', 'frame_positions', 'keypoint_scores'"),
    ):
        writer.put(whole)


def test_other_facets_are_another_store(tmp_path):
    write_store(tmp_path / "s", facts_of(FEATURES), [make_clip("a", FEATURES)])
    other = facts_of(dataclasses.replace(FEATURES, facets=EXTRACTED))

    with pytest.raises(StoreMismatchError, match="Give another STORE"):
        StoreWriter(tmp_path / "s", other, make_entries("a"), EXECUTION)


def test_known_skeletons():
    coco, ntu = coco_17(), ntu_25()
    assert (len(coco.joint_names), len(coco.links), len(coco.bones)) == (17, 18, 17)
    assert ("left_knee", "left_hip") in coco.links
    # every joint but the spine at the shoulders hangs on another one
    assert (len(ntu.joint_names), len(ntu.bones)) == (25, 24)
    assert {child for child, _ in ntu.bones} == set(ntu.joint_names) - {"spine_at_shoulders"}
    parents = dict(ntu.bones)
    assert (parents["head"], parents["left_elbow"], parents["right_thumb"]) == (
        "neck",
        "left_shoulder",
        "right_hand",
    )
