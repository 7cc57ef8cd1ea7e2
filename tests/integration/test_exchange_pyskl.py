"""pyskl pickles through the doors: round trips, broken annotations, splits and names."""

import json

import numpy as np
import pytest

from scripts import show_info
from store import open_store
from tests.exchange_doors import (
    NTU,
    assert_same_annotations,
    assert_same_arrays,
    contents,
    outcomes,
    run_export,
    run_import,
)
from tests.exchange_makers import annotation, read_pickle, write_pickle
from tests.store_makers import (
    make_clip,
    make_facts,
    make_failure,
    make_layout,
    write_store,
)


def test_a_pickle_comes_back_as_it_was(tmp_path, flat):
    assert run_import("pyskl", flat, tmp_path / "s") == 0
    assert run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl") == 0

    before, after = read_pickle(flat), read_pickle(tmp_path / "out.pkl")
    assert_same_annotations(after["annotations"], before["annotations"])
    # lists of ids are sets to the loaders; they come back in the order of the annotations
    assert {name: set(ids) for name, ids in after["split"].items()} == {
        name: set(ids) for name, ids in before["split"].items()
    }
    assert after["heatpool"]["skeleton"]["joint_names"][:2] == ["nose", "left_eye"]
    # numpy 1, which the users of these pickles have, knows no numpy._core
    assert b"numpy._core" not in (tmp_path / "out.pkl").read_bytes()


def test_poses_in_space_without_scores_come_back(tmp_path):
    annotations = [annotation("a", 1, persons=2, axes=3), annotation("b", None, axes=3)]
    path = write_pickle(
        tmp_path / "3d.pkl", {"split": {"train": ["a"], "test": ["b"]}, "annotations": annotations}
    )

    assert run_import("pyskl", path, tmp_path / "s") == 0
    assert run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl") == 0

    after = read_pickle(tmp_path / "out.pkl")
    assert_same_annotations(after["annotations"], annotations)
    assert after["split"] == {"train": ["a"], "test": ["b"]}
    reader = open_store(str(tmp_path / "s"))
    assert reader.facts.layout.facets == ("keypoints_3d", "frame_positions")
    assert "spine_at_shoulders" in reader.facts.skeleton.joint_names


def test_a_store_comes_back_from_its_pickle(tmp_path, flat):
    run_import("pyskl", flat, tmp_path / "one", "--dataset", "ntu60")
    run_export("pyskl", tmp_path / "one", tmp_path / "out.pkl")

    assert run_import("pyskl", tmp_path / "out.pkl", tmp_path / "two") == 0

    assert_same_arrays(tmp_path / "one", tmp_path / "two")
    one, two = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "two"))
    assert two.facts.dataset == one.facts.dataset
    assert two.facts.skeleton == one.facts.skeleton
    assert [row.entry for row in two.rows] == [row.entry for row in one.rows]


def test_what_was_extracted_comes_back_without_what_a_pickle_cannot_hold(tmp_path):
    layout = make_layout("native")
    clips = [make_clip("day1/a", layout, steps=3, seed=1), make_clip("b", layout, steps=70, seed=2)]
    for clip in clips:
        valid = clip.arrays["person_valid"]
        for name in ("keypoints", "keypoint_scores"):
            clip.arrays[name][~valid] = 0
    write_store(tmp_path / "one", make_facts("native"), [*clips, make_failure("c")])
    run_export("pyskl", tmp_path / "one", tmp_path / "out.pkl")

    assert run_import("pyskl", tmp_path / "out.pkl", tmp_path / "two") == 0

    two = contents(tmp_path / "two")
    assert list(two) == ["day1/a", "b"]
    for clip in clips:
        assert two[clip.id].keys() == {"keypoints", "keypoint_scores", "person_valid", "frame_positions"}
        for name in ("keypoints", "keypoint_scores", "person_valid"):
            np.testing.assert_array_equal(two[clip.id][name], clip.arrays[name])
    reader = open_store(str(tmp_path / "two"))
    assert reader.facts.dataset == make_facts().dataset
    assert reader.facts.skeleton == make_facts().skeleton
    assert reader.row("b").entry.label == "stand"
    assert reader.row("b").entry.splits == {"p1": "test"}
    assert (reader.row("b").outcome.width, reader.row("b").outcome.height) == (64, 48)


def test_a_bare_list_gets_one_split_of_everything(tmp_path):
    annotations = [annotation("a"), annotation("b", 3)]
    run_import("pyskl", write_pickle(tmp_path / "bare.pkl", annotations), tmp_path / "s")
    run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl")

    after = read_pickle(tmp_path / "out.pkl")
    assert_same_annotations(after["annotations"], annotations)
    assert after["split"] == {"all": ["a", "b"]}
    # which is no protocol when it comes back
    assert run_import("pyskl", tmp_path / "out.pkl", tmp_path / "two") == 0
    assert open_store(str(tmp_path / "two")).facts.dataset.protocols == {}
    assert open_store(str(tmp_path / "two")).facts.dataset.class_names == ("0", "1", "2", "3")


def test_what_the_store_says_of_a_pickle(tmp_path, flat):
    run_import("pyskl", flat, tmp_path / "s", "--dataset", "ntu60")

    reader = open_store(str(tmp_path / "s"))
    row = reader.row(NTU.format(2, 2))
    assert row.entry.label == "eat meal"
    assert (row.entry.subject, row.entry.camera) == ("1", "2")
    assert row.entry.splits == {"xsub": "train", "xview": "train"}
    assert reader.row(NTU.format(1, 3)).entry.splits == {"xsub": "test", "xview": "test"}
    assert (row.outcome.width, row.outcome.height, row.outcome.num_frames) == (1920, 1080, 5)
    assert row.outcome.num_persons == 2
    assert reader.person_valid(NTU.format(2, 2)).tolist() == [[True, False]] * 2 + [[True, True]] * 3
    assert not reader.facts.dataset.may_share
    assert reader.facts.layout.is_native


def test_a_broken_annotation_costs_itself(tmp_path, capsys):
    whole = annotation("whole")
    annotations = [
        whole,
        annotation("short", total_frames=9),
        annotation("nan", keypoint=np.full((1, 3, 17, 2), np.nan, np.float16)),
        annotation("other", keypoint=np.ones((1, 3, 18, 2), np.float16)),
        annotation("none", keypoint=None),
        annotation("swapped", img_shape=(1920, 1080), keypoint=np.full((1, 3, 17, 2), 1900, np.float16)),
        annotation("scoreless", keypoint_score=None),
        annotation("empty", persons=0),
        annotation("nobody", keypoint=0 * whole["keypoint"], keypoint_score=0 * whole["keypoint_score"]),
    ]
    content = {"split": {"train": ["whole", "gone"]}, "annotations": annotations}
    path = write_pickle(tmp_path / "a.pkl", content)

    assert run_import("pyskl", path, tmp_path / "s") == 3

    found = outcomes(tmp_path / "s")
    assert {clip_id: outcome.status for clip_id, outcome in found.items()} == {
        "whole": "ok", "short": "error", "nan": "error", "other": "error", "none": "error",
        "swapped": "error", "scoreless": "error", "empty": "no_person", "nobody": "no_person",
        "gone": "error",
    }  # fmt: skip
    for clip_id, said in {
        "short": "total_frames is 9, keypoint has 3 frames",
        "nan": "102 of 102 values of keypoints are NaN",
        "other": "keypoint is float16 (1, 3, 18, 2); expected (person, time, 17, 2)",
        "none": "keypoint is NoneType",
        "swapped": "it seems to be swapped",
        "scoreless": "keypoint_score is NoneType; expected floats (1, 3, 17)",
        "gone": "the pickle has no annotation of it",
    }.items():
        assert said in found[clip_id].reason
    capsys.readouterr()
    assert show_info.main(["--store", str(tmp_path / "s")]) == 0
    assert "7 clips failed" in capsys.readouterr().out
    # and what is exported names only what is there
    assert run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl") == 0
    assert "1 clips written; left out: 7 error, 2 no_person" in capsys.readouterr().out
    assert read_pickle(tmp_path / "out.pkl")["split"] == {"train": ["whole"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"split": {}}, "no annotations; expected a dict with 'split' and 'annotations'"),
        ({"split": ["a"], "annotations": [annotation("a")]}, "'split' is no dict of lists"),
        ([{"label": 1}], "annotation 0 has no 'frame_dir'"),
        ([annotation("a"), annotation("a")], "two annotations of 'a'"),
        ([annotation("a", keypoint=None)], "no annotation has a 'keypoint'"),
        ([annotation("a", keypoint=np.ones((1, 2, 18, 2)))], "18 joints, whose names are unknown"),
        # Human3.6M has 17 joints, too
        ([annotation("a", keypoint=np.ones((1, 2, 17, 3)))], "17 joints, whose names are unknown"),
        ({"split": {"train": ["a"], "val": ["a"]}, "annotations": [annotation("a")]}, "a is in both"),
        (
            {"annotations": [annotation("a")], "heatpool": {"clips": 1}},
            "not what an export of a store writes",
        ),
    ],
)
def test_a_pickle_that_cannot_be_imported_says_why(tmp_path, capsys, content, said):
    path = write_pickle(tmp_path / "a.pkl", content)

    assert run_import("pyskl", path, tmp_path / "s") == 1

    message = capsys.readouterr().err
    assert str(path) in message
    assert said in message


def test_fields_that_are_not_kept_are_told(tmp_path, capsys):
    more = annotation("a", num_person_raw=3, original_shape=(540, 960))
    run_import("pyskl", write_pickle(tmp_path / "a.pkl", [more]), tmp_path / "s")

    message = capsys.readouterr().err
    assert "17 joints: taken for nose, left_eye, right_eye, …; --skeleton FILE names them" in message
    assert "a.pkl: not kept: num_person_raw" in message
    assert "original_shape differs from img_shape in 1 clips and is not kept" in message


def test_a_split_that_another_program_added_is_taken(tmp_path, flat):
    run_import("pyskl", flat, tmp_path / "one", "--dataset", "ntu60")
    run_export("pyskl", tmp_path / "one", tmp_path / "out.pkl")
    content = read_pickle(tmp_path / "out.pkl")
    content["split"]["mine_train"] = [NTU.format(1, 3)]
    content["split"]["xview_train"] = [NTU.format(2, 2), NTU.format(1, 3)]
    content["split"]["xview_val"] = [NTU.format(1, 1)]

    run_import("pyskl", write_pickle(tmp_path / "more.pkl", content), tmp_path / "two")

    reader = open_store(str(tmp_path / "two"))
    assert reader.row(NTU.format(1, 3)).entry.splits == {"xsub": "test", "xview": "train", "mine": "train"}
    assert list(reader.facts.dataset.protocols) == ["xsub", "xview", "mine"]


def test_labels_that_contradict_the_dataset_are_refused(tmp_path, capsys):
    path = write_pickle(tmp_path / "a.pkl", [annotation(NTU.format(1, 1), 1)])  # A001 is 0

    assert run_import("pyskl", path, tmp_path / "s", "--dataset", "ntu60") == 1

    assert "label 'eat meal', ntu60 says 'drink water'" in capsys.readouterr().err


def test_class_names_and_joints_of_ones_own(tmp_path):
    fish = {"joint_names": ["head", "fin", "tail"], "links": [["head", "fin"], ["fin", "tail"]]}
    (tmp_path / "fish.json").write_text(json.dumps(fish))
    (tmp_path / "names.txt").write_text("swim\nsleep\n")
    keypoint = np.ones((1, 4, 3, 2), np.float32)
    swimmer = annotation("a", 1, steps=4, keypoint=keypoint, keypoint_score=keypoint[..., 0])
    path = write_pickle(tmp_path / "a.pkl", [swimmer])
    own = ["--skeleton", str(tmp_path / "fish.json"), "--classes", str(tmp_path / "names.txt")]

    assert run_import("pyskl", path, tmp_path / "s", *own) == 0

    facts = open_store(str(tmp_path / "s")).facts
    assert facts.skeleton.bones == (("fin", "head"), ("tail", "fin"))
    assert facts.dataset.class_names == ("swim", "sleep")
    assert open_store(str(tmp_path / "s")).row("a").entry.label == "sleep"
