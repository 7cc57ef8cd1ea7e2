"""NTU RGB+D 60 and 120: names, classes, splits. The published lists are in tests/golden/test_protocols.py."""

from pathlib import Path, PurePath

import pytest

from extract.datasets import DATASETS
from extract.datasets.ntu import NTU60, parse_ntu60
from extract.datasets.ntu120 import NTU120, parse_ntu120

DATA = Path(__file__).parents[2] / "extract" / "datasets"
MISSING = DATA / "ntu60_missing_skeletons.txt"


@pytest.mark.parametrize(
    ("name", "label", "subject", "camera", "splits"),
    [
        ("S001C001P001R001A001_rgb.avi", "drink water", "1", "1", {"xsub": "train", "xview": "test"}),
        ("S001C002P003R002A060.avi", "walking apart", "3", "2", {"xsub": "test", "xview": "train"}),
        ("S017C003P020R002A058_rgb.avi", "shaking hands", "20", "3", {"xsub": "test", "xview": "train"}),
    ],
)
def test_name_tells_the_clip(name, label, subject, camera, splits):
    entry = parse_ntu60(PurePath("nturgb+d_rgb", name))

    assert entry.id == name[:20]
    assert entry.path == f"nturgb+d_rgb/{name}"
    assert (entry.label, entry.subject, entry.camera) == (label, subject, camera)
    assert entry.splits == splits


def test_clip_without_skeleton_is_in_no_split():
    entry = parse_ntu60(PurePath("S001C002P005R002A008_rgb.avi"))  # the first line of the authors' list

    assert entry.label == "sit down"
    assert entry.splits == {}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("S018C001P001R001A001_rgb.avi", "setup 18; expected 1 to 17"),  # NTU RGB+D 120
        ("S001C001P041R001A001_rgb.avi", "subject 41; expected 1 to 40"),
        ("S001C001P001R001A061_rgb.avi", "action 61; expected 1 to 60"),
        ("S001C001P001R001A000_rgb.avi", "action 0; expected 1 to 60"),
        ("S001C001P001R001A001_ir.avi", "not named like"),
        ("S001C001P001R001A0011.avi", "not named like"),
        ("s001c001p001r001a001.avi", "not named like"),
        ("holiday.avi", "expected S001C002P003R002A013_rgb.avi"),
    ],
)
def test_other_names_are_refused(name, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        parse_ntu60(PurePath("somewhere", name))

    assert name in str(caught.value)


def test_facts_forbid_sharing():
    assert DATASETS["ntu60"] is NTU60
    assert NTU60.facts.may_share is False
    assert len(set(NTU60.class_names)) == 60
    assert list(NTU60.facts.protocols) == ["xsub", "xview"]


def test_every_missing_skeleton_is_a_clip_of_the_dataset():
    names = MISSING.read_text().split()

    assert len(set(names)) == 302
    assert all(parse_ntu60(PurePath(f"{name}_rgb.avi")).splits == {} for name in names)


@pytest.mark.parametrize(
    ("name", "label", "subject", "camera", "splits"),
    [
        # performer 8 trains and setup 1 is odd; performer 45 trains only here; 106 tests, setup 32 is even
        ("S001C001P008R001A001_rgb.avi", "drink water", "8", "1", {"xsub": "train", "xset": "test"}),
        ("S018C002P045R002A061.avi", "put on headphone", "45", "2", {"xsub": "train", "xset": "train"}),
        (
            "S032C003P106R001A120_rgb.avi",
            "rock-paper-scissors",
            "106",
            "3",
            {"xsub": "test", "xset": "train"},
        ),
    ],
)
def test_name_of_120_tells_the_clip(name, label, subject, camera, splits):
    entry = parse_ntu120(PurePath("nturgb+d_rgb", name))

    assert entry.id == name[:20]
    assert (entry.label, entry.subject, entry.camera) == (label, subject, camera)
    assert entry.splits == splits


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("S033C001P001R001A061_rgb.avi", "setup 33; expected 1 to 32"),
        ("S018C001P107R001A061_rgb.avi", "subject 107; expected 1 to 106"),
        ("S018C001P001R001A121_rgb.avi", "action 121; expected 1 to 120"),
        ("S017C001P001R001A061_rgb.avi", "action 61 in setup 17; expected actions 1 to 60 in setups 1 to 17"),
        ("S018C001P001R001A060_rgb.avi", "action 60 in setup 18"),
    ],
)
def test_other_names_are_not_of_120(name, problem):
    with pytest.raises(ValueError, match=problem):
        parse_ntu120(PurePath("somewhere", name))


def test_missing_skeletons_of_120_are_those_of_60_and_233_more():
    names = (DATA / "ntu120_further_missing_skeletons.txt").read_text().split()

    assert len(set(names)) == 233
    assert not set(names) & set(MISSING.read_text().split())
    assert all(parse_ntu120(PurePath(f"{name}_rgb.avi")).splits == {} for name in names)
    assert parse_ntu120(PurePath("S001C002P005R002A008_rgb.avi")).splits == {}


def test_120_goes_on_where_60_ends():
    assert DATASETS["ntu120"] is NTU120
    assert NTU120.class_names[:60] == NTU60.class_names
    assert len(set(NTU120.class_names)) == 120
    assert NTU60.two_person_classes[0] == "punch/slap"
    assert len(NTU60.two_person_classes) == 11
    assert NTU120.two_person_classes[10:12] == ("walking apart", "hit with object")
    assert len(NTU120.two_person_classes) == 26
