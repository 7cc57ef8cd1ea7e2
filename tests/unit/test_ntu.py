"""NTU RGB+D: names, classes and splits, checked against the lists that HP-Net's release ships."""

import gzip
from pathlib import Path, PurePath

import pytest
import yaml

from extract.datasets import DATASETS
from extract.datasets.ntu import NTU60, parse_ntu60

PROTOCOLS = Path(__file__).parents[2].parent / "shared" / "protocols"
MISSING = Path(__file__).parents[2] / "extract" / "datasets" / "ntu60_missing_skeletons.txt"


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


@pytest.mark.shared
@pytest.mark.parametrize(("protocol", "published"), [("xsub", "XSub"), ("xview", "XView")])
def test_splits_are_the_published_lists(protocol, published):
    lists = {
        split: _published(f"NTU60_{published}_{part}")
        for split, part in (("train", "train"), ("test", "val"))
    }
    # every clip there is: those that some list names, and those without a skeleton
    universe = (
        _published("NTU60_XSub_train") | _published("NTU60_XSub_val") | set(MISSING.read_text().split())
    )

    found = {name: parse_ntu60(PurePath(f"{name}_rgb.avi")).splits.get(protocol) for name in universe}

    assert len(universe) == NTU60.num_expected
    for split, names in lists.items():
        assert {name for name, its_split in found.items() if its_split == split} == names
        assert len(names) == NTU60.protocols[protocol]["expected"][split]


@pytest.mark.shared
def test_classes_are_the_fact_sheets():
    sheet = PROTOCOLS / "ntu60.yaml"
    if not sheet.exists():
        pytest.skip(f"{sheet} is not here")

    assert list(NTU60.class_names) == yaml.safe_load(sheet.read_text())["classes"]


def _published(name: str) -> set[str]:
    path = PROTOCOLS / "lists" / f"{name}.txt.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return set(gzip.decompress(path.read_bytes()).decode().split())
