"""``import_store`` and ``export_store``: round trips, broken files, interruption, terms."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scripts import draw_clip, export_store, import_store, show_info, verify_store
from scripts.pictures.clip_data import read_clip
from store import durable, open_store
from store.exchange.npy_folder import NpyFolder
from store.exchange.pyskl import PysklPickle
from store.schema import array_specs
from store.spool import SpooledClip
from store.table import ClipOutcome
from tests.doors import call
from tests.exchange_makers import annotation, kinect_body, kinect_text, read_pickle, write_pickle
from tests.store_makers import (
    files_of,
    make_clip,
    make_facts,
    make_failure,
    make_layout,
    shrink_units,
    write_store,
)

ROOT = Path(__file__).resolve().parents[2]
NTU = "S001C00{}P001R001A00{}"


def run_import(kind: str, source: Path, store: Path, *more: str) -> int:
    return call(import_store.main, "--format", kind, "--from", source, "--store", store, *more)


def run_export(kind: str, store: Path, target: Path, *more: str) -> int:
    return call(export_store.main, "--format", kind, "--store", store, "--to", target, *more)


def contents(store: Path) -> dict[str, dict[str, np.ndarray]]:
    """Clip id -> array name -> values, of every clip with data."""
    reader = open_store(str(store))
    names = [name for name in reader._specs]
    return {clip_id: {name: reader.read(name, clip_id) for name in names} for clip_id in reader.clip_ids}


def assert_same_arrays(one: Path, other: Path) -> None:
    left, right = contents(one), contents(other)
    assert list(left) == list(right)
    for clip_id, arrays in left.items():
        assert arrays.keys() == right[clip_id].keys()
        for name, values in arrays.items():
            np.testing.assert_array_equal(values, right[clip_id][name], err_msg=f"{clip_id} {name}")


def outcomes(store: Path) -> dict[str, ClipOutcome]:
    return {row.entry.id: row.outcome for row in open_store(str(store)).rows}


# pyskl


@pytest.fixture
def flat(tmp_path) -> Path:
    """Two clips of NTU as pyskl has them, one with two persons of whom the second comes later."""
    two = annotation(NTU.format(2, 2), 1, persons=2, steps=5)
    two["keypoint"][1, :2] = 0
    two["keypoint_score"][1, :2] = 0
    content = {
        "split": {"xsub_train": [NTU.format(1, 1), NTU.format(2, 2)], "xsub_val": [NTU.format(1, 3)],
                  "xview_train": [NTU.format(2, 2)], "xview_val": [NTU.format(1, 1), NTU.format(1, 3)]},
        "annotations": [two, annotation(NTU.format(1, 1), 0), annotation(NTU.format(1, 3), 2, steps=70)],
    }  # fmt: skip
    return write_pickle(tmp_path / "ntu.pkl", content)


def assert_same_annotations(have: list[dict], want: list[dict]) -> None:
    assert [each["frame_dir"] for each in have] == [each["frame_dir"] for each in want]
    for one, other in zip(have, want, strict=True):
        assert one.keys() == other.keys()
        for key, value in other.items():
            if isinstance(value, np.ndarray):
                assert one[key].dtype == value.dtype
                np.testing.assert_array_equal(one[key], value)
            else:
                assert one[key] == value
                assert type(one[key]) is type(value)


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


# npy


@pytest.fixture
def folder(tmp_path) -> Path:
    """Files of the authors' layout, made small: one person copied, two persons, nobody, and a broken one."""
    rng = np.random.default_rng(0)
    one = np.repeat(rng.uniform(0, 9, (4, 1, 17, 6)), 2, axis=1)
    two = rng.uniform(0, 9, (4, 2, 17, 6))
    two[1] = 0  # nobody at one of the times
    root = tmp_path / "npy"
    (root / "wave").mkdir(parents=True)
    for name, values in {"one": one, "wave/two": two, "wave/nobody": 0 * two}.items():
        np.save(root / f"{name}.npy", values.astype(np.float16).astype(np.float32))
    return root


def test_npy_files_come_back_to_the_byte(tmp_path, folder):
    assert run_import("npy", folder, tmp_path / "s") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "out") == 0

    after = files_of(tmp_path / "out")
    passport = json.loads(after.pop("heatpool.json"))
    assert after == files_of(folder)
    assert passport["settings"] == {"tap": "H2", "empty_slot": "copied"}
    assert outcomes(tmp_path / "s")["wave/nobody"].status == "no_person"
    reader = open_store(str(tmp_path / "s"))
    assert reader.person_valid("one").tolist() == [[True, False]] * 4
    assert reader.person_valid("wave/two").tolist() == [
        [True, True],
        [False, False],
        [True, True],
        [True, True],
    ]


def test_a_store_comes_back_from_its_npy_files(tmp_path, folder):
    (tmp_path / "t.csv").write_text(
        "path,label,subject,split_p\none.avi,sit,anna,train\nwave/two.avi,stand,ben,test\nwave/nobody.avi,sit,ben,val\n"
    )
    run_import("npy", folder, tmp_path / "one", "--dataset", str(tmp_path / "t.csv"), "--tap", "net.a[1]")
    run_export("npy", tmp_path / "one", tmp_path / "out")

    assert run_import("npy", tmp_path / "out", tmp_path / "two") == 0

    assert_same_arrays(tmp_path / "one", tmp_path / "two")
    one, two = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "two"))
    assert list(two.facts.layout.taps) == ["net.a[1]"]
    assert two.facts.dataset == one.facts.dataset
    assert two.facts.skeleton == one.facts.skeleton
    entries = {row.entry.id: row.entry for row in one.rows}
    assert entries["wave/two"].splits == {"p": "test"}
    assert entries["wave/two"].path == "wave/two.npy"
    assert {row.entry.id: row.entry for row in two.rows} == entries


@pytest.mark.parametrize("empty_slot", ["copied", "zeros"])
def test_every_pattern_of_presence_comes_back(tmp_path, empty_slot):
    layout = make_layout(4)
    clip = make_clip("a", layout, steps=4)
    valid = np.array([[False, True], [True, False], [True, True], [False, False]])
    there = {
        spec.name: np.where(valid.reshape(4, 2, *[1] * (len(spec.axes) - 3)), clip.arrays[spec.name] + 1, 0)
        .astype(spec.dtype)
        for spec in array_specs(layout) if spec.name.startswith("pooled/")
    }  # fmt: skip
    arrays = clip.arrays | there | {"person_valid": valid}
    write_store(tmp_path / "one", make_facts(4), [SpooledClip("a", clip.outcome, arrays)])
    run_export("npy", tmp_path / "one", tmp_path / "out", "--empty-slot", empty_slot)

    assert run_import("npy", tmp_path / "out", tmp_path / "two") == 0
    assert run_export("npy", tmp_path / "two", tmp_path / "again") == 0

    two = open_store(str(tmp_path / "two"))
    assert two.person_valid("a").tolist() == valid.tolist()
    np.testing.assert_array_equal(two.pooled("a"), there["pooled/net.a"])
    assert ("person_valid" in json.loads((tmp_path / "out/heatpool.json").read_text())) == (
        empty_slot == "copied"
    )
    np.testing.assert_array_equal(np.load(tmp_path / "again/a.npy"), np.load(tmp_path / "out/a.npy"))


@pytest.mark.parametrize(
    ("dataset", "clip_id", "label", "splits"),
    [
        ("ntu60", "S001C001P001R001A002", "eat meal", {"xsub": "train", "xview": "test"}),
        ("ntu120", "S018C001P008R001A061", None, None),
        ("smarthome", "Cook.Cleandishes_p02_r00_v01_c03", None, None),
        ("uav_human", "P000S00G10B10H10UC022000LC021000A000R0_08241838", None, None),
        ("pku_mmd", "0002-L-A13-N04", "hand waving", {"xview": "test", "xsub": "train"}),
    ],
)
def test_names_of_known_datasets_are_imported(tmp_path, dataset, clip_id, label, splits):
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / f"npy/{clip_id}.npy", np.ones((4, 2, 17, 6), np.float32))
    (tmp_path / "npy/cross-subject.txt").write_text("train\n0002-L\ntest\n0003-L\n")

    assert run_import("npy", tmp_path / "npy", tmp_path / "s", "--dataset", dataset) == 0

    (row,) = open_store(str(tmp_path / "s")).rows
    assert (row.entry.id, row.outcome.status) == (clip_id, "ok")
    assert row.entry.label is not None
    assert row.entry.splits
    assert label in (None, row.entry.label)
    assert splits in (None, row.entry.splits)


@pytest.mark.parametrize("kind", ["npy", "pyskl"])
def test_an_export_to_a_full_disk_leaves_nothing_behind(tmp_path, folder, flat, monkeypatch, capsys, kind):
    run_import(kind, {"npy": folder, "pyskl": flat}[kind], tmp_path / "s")

    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {"fsync": no_space}))
    assert run_export(kind, tmp_path / "s", tmp_path / "there") == 1

    assert "No space left on device" in capsys.readouterr().err
    assert not [path for path in tmp_path.glob("there*") if path.is_file()]
    assert not list(tmp_path.glob("there/**/*.np*"))


def test_classes_of_two_persons_are_told(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s", "--dataset", "ntu60")
    capsys.readouterr()

    show_info.main(["--store", str(tmp_path / "s")])

    assert "of two persons punch" in " ".join(capsys.readouterr().out.split())
    assert "Of two persons: punch" in (tmp_path / "s/README.md").read_text()


def test_broken_npy_files_cost_themselves(tmp_path, folder):
    whole = (folder / "one.npy").read_bytes()
    for name, data in {
        "a_empty": b"", "a_text": b"version https://git-lfs", "cut": whole[:-5], "zip": b"PK\x03\x04nothing"
    }.items():  # fmt: skip
        (folder / f"{name}.npy").write_bytes(data)
    np.save(folder / "shape.npy", np.ones((5, 2, 17, 6), np.float32))
    np.save(folder / "objects.npy", np.array([{}], object))
    np.save(folder / "huge.npy", np.full((4, 2, 17, 6), 70_000, np.float32))
    half = np.ones((4, 2, 17, 6), np.float32)
    half[2, 1] = 0
    np.save(folder / "half.npy", half)
    (folder / "._one.npy").write_bytes(b"a note of another system")

    assert run_import("npy", folder, tmp_path / "s") == 3

    found = outcomes(tmp_path / "s")
    for clip_id, said in {
        "a_empty": "a_empty.npy is empty (0 bytes)",
        "a_text": "a_text.npy is no .npy file, or cut short: the magic string is not correct",
        "cut": "cut.npy is no .npy file, or cut short",
        "zip": "zip.npy is no .npy file, or cut short",
        "shape": "shape.npy holds float32 (5, 2, 17, 6); expected floats (4, 2, 17, 6)",
        "objects": "objects.npy is no .npy file",
        "huge": "NaN or infinite (float16 holds at most 65504)",
        "half": "--empty-slot zeros",
    }.items():
        assert found[clip_id].status == "error"
        assert said in found[clip_id].reason
    assert [found[clip_id].status for clip_id in ("one", "wave/two", "wave/nobody")] == [
        "ok",
        "ok",
        "no_person",
    ]
    assert len(found) == 11
    assert verify_store.main(["--store", str(tmp_path / "s")]) == 0
    # a file that was mended is tried again on demand
    (folder / "cut.npy").write_bytes(whole)
    run_import("npy", folder, tmp_path / "s", "--retry-failed")
    assert outcomes(tmp_path / "s")["cut"].status == "ok"


def test_empty_slots_of_zeros(tmp_path):
    (tmp_path / "npy").mkdir()
    values = np.ones((4, 2, 17, 6), np.float32)
    values[2, 1] = 0
    np.save(tmp_path / "npy/half.npy", values)

    assert run_import("npy", tmp_path / "npy", tmp_path / "s", "--empty-slot", "zeros") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "out") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "copied", "--empty-slot", "copied") == 0

    np.testing.assert_array_equal(np.load(tmp_path / "out/half.npy"), values)
    assert np.load(tmp_path / "copied/half.npy").all()


def test_settings_are_the_stores_meaning(tmp_path, folder, capsys):
    run_import("npy", folder, tmp_path / "s")

    assert run_import("npy", folder, tmp_path / "s", "--empty-slot", "zeros") == 1

    assert 'import.empty_slot: the store has "copied", this run wants "zeros"' in capsys.readouterr().err


def test_an_export_stays_in_its_folder(tmp_path, capsys):
    write_pickle(tmp_path / "a.pkl", [annotation("a")])
    root = tmp_path / "npy"
    root.mkdir()
    np.save(root / "one.npy", np.ones((4, 2, 17, 6), np.float32))
    (tmp_path / "t.csv").write_text("path,id\none.avi,../../one\n")
    (root / "heatpool.json").unlink(missing_ok=True)
    run_import("npy", root, tmp_path / "s")
    table = tmp_path / "s/clips.jsonl"
    table.write_text(table.read_text().replace('"id": "one"', '"id": "../../one"'))

    assert run_export("npy", tmp_path / "s", tmp_path / "x/out") == 1

    assert "its id would be a file outside" in capsys.readouterr().err
    assert not (tmp_path / "one.npy").exists()


# .skeleton


@pytest.fixture
def recordings(tmp_path) -> Path:
    root = tmp_path / "skeletons"
    root.mkdir()
    walk = [{"1": kinect_body((n / 10, 0, 3))} for n in range(20)]
    walk[7] = {}  # the Kinect lost the person
    pair = [frame | {"2": kinect_body((2, 0, 3), states=1)} for frame in walk]
    for name, text in {
        NTU.format(1, 1): kinect_text(walk),
        NTU.format(2, 2): kinect_text(pair),
        NTU.format(1, 4): kinect_text([{}, {}]),
        NTU.format(1, 5): "",
        NTU.format(1, 6): kinect_text(walk)[:-300],
        # of the official list of missing skeletons
        missing_skeleton(): kinect_text(walk),
    }.items():
        (root / f"{name}.skeleton").write_text(text, newline="")
    return root


def missing_skeleton() -> str:
    return (ROOT / "extract/datasets/ntu60_missing_skeletons.txt").read_text().split()[0]


def test_kinect_recordings(tmp_path, recordings):
    assert run_import("ntu-skeleton", recordings, tmp_path / "s", "--dataset", "ntu60") == 3

    found = outcomes(tmp_path / "s")
    assert [found[NTU.format(*n)].status for n in ((1, 1), (2, 2), (1, 4), (1, 5), (1, 6))] == [
        "ok", "ok", "no_person", "error", "error"
    ]  # fmt: skip
    assert found[NTU.format(1, 4)].reason == "no body in any of 2 frames"
    assert "the file is cut short" in found[NTU.format(1, 6)].reason
    reader = open_store(str(tmp_path / "s"))
    pair = NTU.format(2, 2)
    keypoints, valid = reader.keypoints_3d(pair), reader.person_valid(pair)
    assert keypoints.shape == (20, 2, 25, 3)
    np.testing.assert_allclose(keypoints[3, 0, 0], [0.3, 0, 3], rtol=1e-6)
    assert not keypoints[7, 0].any()
    # the frame stays, and nobody is there; person 1 stood still all the time
    assert valid[:, 0].tolist() == [n != 7 for n in range(20)]
    np.testing.assert_array_equal(reader.read("keypoint_scores", pair)[3, :, 5], [1, 0.5])
    np.testing.assert_array_equal(reader.read("frame_positions", pair), np.arange(20))


def test_a_recording_on_the_list_of_missing_skeletons_is_in_no_split(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "s", "--dataset", "ntu60")

    rows = {row.entry.id: row for row in open_store(str(tmp_path / "s")).rows}
    assert rows[missing_skeleton()].entry.splits == {}
    assert rows[missing_skeleton()].outcome.status == "ok"
    assert rows[NTU.format(1, 1)].entry.splits == {"xsub": "train", "xview": "test"}


def test_recordings_become_a_pickle_and_come_back(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "one", "--dataset", "ntu60")
    assert run_export("pyskl", tmp_path / "one", tmp_path / "3d.pkl") == 0
    assert run_import("pyskl", tmp_path / "3d.pkl", tmp_path / "two") == 0

    assert_same_arrays(tmp_path / "one", tmp_path / "two")
    one, two = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "two"))
    assert two.facts.meaning["import.coordinates"] == one.facts.meaning["import.coordinates"]
    assert "metres" in two.facts.meaning["import.coordinates"]
    first = read_pickle(tmp_path / "3d.pkl")["annotations"][0]
    assert first.keys() == {"frame_dir", "label", "total_frames", "keypoint", "keypoint_score"}
    assert first["keypoint"].dtype == np.float32


# what reads such stores


@pytest.mark.parametrize("kind", ["npy", "pyskl", "ntu-skeleton"])
def test_info_verify_and_show_work(tmp_path, capsys, kind, folder, flat, recordings):
    source = {"npy": folder, "pyskl": flat, "ntu-skeleton": recordings}[kind]
    run_import(kind, source, tmp_path / "s")
    clip = {"npy": "wave/two"}.get(kind, NTU.format(2, 2))
    capsys.readouterr()

    assert show_info.main(["--store", str(tmp_path / "s")]) == 0
    assert verify_store.main(["--store", str(tmp_path / "s")]) == 0
    assert (
        draw_clip.main(["--store", str(tmp_path / "s"), "--clip", clip, "--out", str(tmp_path / "p.png")])
        == 0
    )

    page = capsys.readouterr().out
    lacking = {"npy": "features only; without keypoints, keypoint_scores, boxes, frame_positions"}
    lacking["pyskl"] = "keypoints, keypoint_scores, frame_positions; without boxes"
    lacking["ntu-skeleton"] = "keypoints_3d, keypoint_scores, frame_positions; without keypoints, boxes"
    assert lacking[kind] in " ".join(page.split())
    assert "the store is whole" in page
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_poses_in_space_are_drawn_from_the_front(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "s")

    clip = read_clip(open_store(str(tmp_path / "s")), NTU.format(1, 1))

    # the line of kinect_body goes 0.4 m to the right and 1.6 m up, at 200 pixels per metre, and y points down
    np.testing.assert_allclose(clip.keypoints[3, 0, 24] - clip.keypoints[3, 0, 0], [80, -320], rtol=1e-4)
    assert clip.keypoints[clip.valid].min() == 30
    assert clip.image_wh[1] == pytest.approx(320 + 2 * 30)
    assert (clip.boxes, clip.unit) == (None, "frame")


# terms, usage, interruption


def test_an_export_says_what_may_not_be_passed_on(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s", "--dataset", "ntu60")
    capsys.readouterr()

    run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl")

    message = capsys.readouterr().err
    assert "may not be passed on without permission. Terms: To be had after an agreement" in message
    dataset = read_pickle(tmp_path / "out.pkl")["heatpool"]["dataset"]
    assert dataset["may_share"] is False
    assert dataset["terms"] in message


def test_nobody_knows_the_terms_of_what_has_no_dataset(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s")

    assert (
        "look like those of NTU RGB+D 60: --dataset ntu60 gives labels, splits, terms"
        in capsys.readouterr().err
    )
    assert not open_store(str(tmp_path / "s")).facts.dataset.may_share


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (import_store, ["--format", "pyskl", "--from", "a", "--store", "b", "--tap", "H1"]),
        (import_store, ["--format", "csv", "--from", "a", "--store", "b"]),
        (export_store, ["--format", "npy", "--to", "a", "--store", "b", "--dtype", "float16"]),
        (export_store, ["--format", "npy", "--store", "b"]),
    ],
)
def test_usage(door, words, capsys):
    with pytest.raises(SystemExit) as exit_:
        door.main(words)
    assert exit_.value.code == 2
    assert "usage: python -m scripts." in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["npy", "ntu-skeleton", "pyskl"])
def test_nothing_to_import_says_where_it_looked(tmp_path, kind, capsys):
    assert run_import(kind, tmp_path / "gone", tmp_path / "s") == 1
    assert f"{tmp_path / 'gone'}: no such f" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_what_a_store_lacks_cannot_be_exported(tmp_path, folder, flat, capsys):
    run_import("npy", folder, tmp_path / "features")
    run_import("pyskl", flat, tmp_path / "poses")

    assert run_export("pyskl", tmp_path / "features", tmp_path / "out.pkl") == 1
    assert run_export("npy", tmp_path / "poses", tmp_path / "out") == 1

    message = capsys.readouterr().err
    assert "has no keypoints, and a pyskl pickle holds nothing else" in message
    assert "has no tap at all; it has poses only" in message


def test_an_import_that_is_stopped_says_so_and_goes_on(tmp_path, folder, monkeypatch, capsys):
    run_import("npy", folder, tmp_path / "whole")
    read = NpyFolder.read

    def stopped(self, path):
        if path == "wave/two.npy":
            raise KeyboardInterrupt
        return read(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(NpyFolder, "read", stopped)
        assert run_import("npy", folder, tmp_path / "s") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert run_import("npy", folder, tmp_path / "s") == 0
    assert "3 clips: 2 ok, 1 no_person; 1 new" in capsys.readouterr().out

    assert files_of(tmp_path / "s") == files_of(tmp_path / "whole")


def test_every_frame_is_packed_the_same_however_often_it_was_stopped(tmp_path, monkeypatch):
    shrink_units(monkeypatch)  # units of 8 frames
    annotations = [annotation(f"clip{n}", steps=steps) for n, steps in enumerate((3, 5, 17, 2, 4, 4, 1))]
    annotations[3]["total_frames"] = 99  # broken
    path = write_pickle(tmp_path / "a.pkl", annotations)
    run_import("pyskl", path, tmp_path / "whole")
    read, seen = PysklPickle.read, set()

    def stopped_once(self, path):
        if path not in seen:
            seen.add(path)
            raise KeyboardInterrupt
        return read(self, path)

    monkeypatch.setattr(PysklPickle, "read", stopped_once)
    statuses, packed = [], []
    for _ in range(8):
        statuses.append(run_import("pyskl", path, tmp_path / "s"))
        packed.append(len(list((tmp_path / "s/shards").iterdir())))

    assert statuses == [130] * 7 + [3]
    assert packed == [0, 0, 2, 3, 3, 3, 4, 5]  # as soon as they are full
    assert files_of(tmp_path / "s") == files_of(tmp_path / "whole")
    # of 3; 5, which is 8 in whole chunks of 4; 17, longer than a unit; the broken one with 4 + 4; and 1
    assert len(list((tmp_path / "s/shards").iterdir())) == 5


def test_an_import_that_is_killed_goes_on_to_the_same_bytes(tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "npy").mkdir()
    for number in range(135):  # more than a unit of 128 clips
        np.save(tmp_path / f"npy/{number:03d}.npy", rng.uniform(0, 9, (4, 2, 17, 6)).astype(np.float32))
    (tmp_path / "npy/100.npy").write_bytes(b"broken")
    words = ["-m", "scripts.import_store", "--format", "npy", "--from", str(tmp_path / "npy")]
    assert run_import("npy", tmp_path / "npy", tmp_path / "whole") == 3

    killed = tmp_path / "killed"
    for enough in (20, 130):  # clips: in the first unit, and after one was packed
        run = subprocess.Popen(
            [sys.executable, *words, "--store", str(killed)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        waiting = killed.with_name("killed.work") / "spool"
        while run.poll() is None and num_done(killed, waiting) < enough:
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    assert run_import("npy", tmp_path / "npy", killed) == 3

    assert files_of(killed) == files_of(tmp_path / "whole")


def num_done(store: Path, spool: Path) -> int:
    return len(list(spool.glob("*.npz"))) + 128 * len(list((store / "shards").glob("*.json")))
