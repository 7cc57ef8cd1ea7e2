"""Every protocol against the split lists that HP-Net's release ships, both ways, and the fact sheets.

The lists are the oracle; they are not part of this project.
"""

import gzip
from collections import Counter
from pathlib import PurePath

import pytest
import yaml

from extract.datasets import DATASETS
from tests.golden.shared_data import shared

pytestmark = pytest.mark.shared

LISTED = [
    ("ntu60", "xsub"),
    ("ntu60", "xview"),
    ("ntu120", "xsub"),
    ("ntu120", "xset"),
    ("smarthome", "cs"),
    ("smarthome", "cv1"),
    ("smarthome", "cv2"),
    ("uav_human", "csv1"),
    ("uav_human", "csv2"),
]
VIDEO = {"ntu60": "{}_rgb.avi", "ntu120": "{}_rgb.avi", "smarthome": "{}.mp4", "uav_human": "{}.avi"}
# the sheets' words for what a clip entry calls otherwise
FIELDS = {"performer": "subject"}


def sheet_of(dataset):
    return yaml.safe_load(shared(f"protocols/{dataset}.yaml").read_text())


def listed_in(file):
    """Return the clips that a list names; some lists name files."""
    lines = gzip.decompress(shared(f"protocols/lists/{file}.gz").read_bytes()).decode().split()
    names = [line.removesuffix(".mp4").removesuffix(".txt") for line in lines]
    assert len(set(names)) == len(names)
    return set(names)


def lists_of(dataset, protocol):
    """Return split -> the clips that its list names."""
    files = sheet_of(dataset)["protocols"][protocol]["shipped_files"]
    return {split: listed_in(file) for split, file in files.items()}


def missing_skeletons(dataset):
    facts = sheet_of(dataset).get("missing_skeletons")
    return set(shared(f"protocols/{facts['file']}").read_text().split()) if facts else set()


def universe(dataset):
    """Return every clip there is, by id: those that some list names, and those without a skeleton."""
    protocols = [protocol for name, protocol in LISTED if name == dataset]
    ids = missing_skeletons(dataset).union(
        *(names for protocol in protocols for names in lists_of(dataset, protocol).values())
    )
    listing = DATASETS[dataset].list_clips(
        PurePath("nowhere"), [PurePath("some", VIDEO[dataset].format(clip_id)) for clip_id in ids]
    )
    assert listing.notes == []
    entries = {entry.id: entry for entry in listing.entries}
    assert entries.keys() == ids
    return entries


@pytest.fixture(scope="module")
def universes():
    return {dataset: universe(dataset) for dataset in VIDEO}


@pytest.mark.parametrize(("dataset", "protocol"), LISTED)
def test_splits_are_the_published_lists(universes, dataset, protocol):
    found = {clip_id: entry.splits.get(protocol) for clip_id, entry in universes[dataset].items()}
    lists = lists_of(dataset, protocol)

    for split, names in lists.items():
        assert {clip_id for clip_id, its_split in found.items() if its_split == split} == names
    assert set(found.values()) - {None} == lists.keys()
    expected = {split: len(names) for split, names in lists.items()}
    assert DATASETS[dataset].protocols[protocol]["expected"] == expected
    assert sheet_of(dataset)["protocols"][protocol]["expected"] == expected


@pytest.mark.parametrize(("dataset", "protocol"), [pair for pair in LISTED if pair[0].startswith("ntu")])
def test_counts_without_the_exclusion_of_missing_skeletons(universes, dataset, protocol):
    """The sheet's rule, applied to subjects, cameras and setups: the splits but for the exclusion."""
    facts = sheet_of(dataset)["protocols"][protocol]
    rule, missing = facts["rule"], missing_skeletons(dataset)
    field = FIELDS.get(rule["group"], rule["group"])
    counts = Counter()
    for clip_id, entry in universes[dataset].items():
        split = "train" if int(getattr(entry, field)) in rule["train"] else "test"
        assert entry.splits.get(protocol) == (None if clip_id in missing else split)
        counts[split] += 1

    assert counts == facts["expected_without_exclusion"]


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        ("ntu60", "samples_total"),
        ("ntu120", "samples_total"),
        ("smarthome", "samples"),
        ("uav_human", "samples"),
    ],
)
def test_every_clip_is_counted(universes, dataset, key):
    assert len(universes[dataset]) == DATASETS[dataset].num_expected == sheet_of(dataset)["universe"][key]


@pytest.mark.parametrize("dataset", DATASETS)
def test_classes_and_metrics_are_the_fact_sheets(dataset):
    sheet, known = sheet_of(dataset), DATASETS[dataset]
    classes = sheet["class_lists"]["cs"] if dataset == "smarthome" else sheet["classes"]

    assert list(known.class_names) == classes
    mutual = [classes[place] for place in sheet["mutual_classes"]["zero_based"]]
    assert list(known.two_person_classes) == mutual
    assert list(known.protocols) == list(sheet["protocols"])
    for name, facts in sheet["protocols"].items():
        assert known.protocols[name]["metric"] == facts["metric"]
        its_classes = sheet["class_lists"][facts["classes"]] if dataset == "smarthome" else classes
        assert known.protocols[name].get("classes", classes) == its_classes


@pytest.mark.parametrize("dataset", VIDEO)
def test_labels_are_the_numbers_in_the_names(universes, dataset):
    """Read here as the sheets say, not with our patterns: three digits after the A, from 1 or from 0."""
    sheet = sheet_of(dataset)
    for clip_id, entry in universes[dataset].items():
        if dataset == "smarthome":
            assert entry.label == clip_id.split("_")[0]
        else:
            action = int(clip_id[clip_id.index("A") + 1 :][:3])
            assert entry.label == sheet["classes"][action + sheet["label"]["offset"]]


@pytest.mark.parametrize("protocol", ["cv1", "cv2"])
def test_protocol_with_classes_of_its_own_holds_no_other(universes, protocol):
    classes = DATASETS["smarthome"].protocols[protocol]["classes"]
    labels = {entry.label for entry in universes["smarthome"].values() if protocol in entry.splits}

    assert labels == set(classes)
    assert len(classes) == 19
