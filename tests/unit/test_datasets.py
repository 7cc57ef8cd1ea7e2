"""Toyota-Smarthome and UAV-Human by their names, and what every known dataset must say of itself."""

from pathlib import PurePath

import pytest

from extract.datasets import DATASETS
from extract.datasets.smarthome import SMARTHOME, parse_smarthome
from extract.datasets.uav_human import UAV_HUMAN, parse_uav_human

UAV = "P{subject}S{setup}G10B10H10UC022000LC021000A{action}R{replicate}_08241716.avi"


@pytest.mark.parametrize(
    ("name", "label", "subject", "camera", "splits"),
    [
        # not a class of the protocols across cameras
        ("Cook.Cleandishes_p02_r00_v02_c03.mp4", "Cook.Cleandishes", "2", "3", {"cs": "test"}),
        # camera 6 trains in cv2 alone
        ("Walk_p03_r01_v16_c06.mp4", "Walk", "3", "6", {"cs": "train", "cv2": "train"}),
        ("Eat.Snack_p19_r53_v27_c05.mp4", "Eat.Snack", "19", "5", {"cs": "val", "cv1": "val", "cv2": "val"}),
        ("Enter_p25_r00_v01_c01.mp4", "Enter", "25", "1", {"cs": "val", "cv1": "train", "cv2": "train"}),
    ],
)
def test_smarthome_name_tells_the_clip(name, label, subject, camera, splits):
    entry = parse_smarthome(PurePath("mp4", name))

    assert (entry.id, entry.path) == (name.removesuffix(".mp4"), f"mp4/{name}")
    assert (entry.label, entry.subject, entry.camera) == (label, subject, camera)
    assert entry.splits == splits


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Dance_p02_r00_v02_c03.mp4", "activity Dance; expected one of Cook.Cleandishes, "),
        ("Walk_p05_r00_v02_c03.mp4", "subject 5; expected one of 2, 3, 4, 6, 7, 9, "),
        ("Walk_p03_r00_v02_c08.mp4", "camera 8; expected one of 1, 2, 3, 4, 5, 6, 7"),
        ("Walk_p3_r00_v02_c01.mp4", r"not named like .*Cook\.Cleandishes_p02_r00_v02_c03\.mp4"),
        ("Cook.Cut.Fast_p03_r00_v02_c01.mp4", "not named like"),
    ],
)
def test_other_names_are_not_of_smarthome(name, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        parse_smarthome(PurePath("mp4", name))

    assert name in str(caught.value)


def test_smarthome_classes_are_in_alphabetical_order():
    assert list(SMARTHOME.class_names) == sorted(SMARTHOME.class_names)
    for protocol in ("cv1", "cv2"):
        classes = SMARTHOME.protocols[protocol]["classes"]
        assert classes == sorted(classes)
        assert set(classes) < set(SMARTHOME.class_names)
        assert len(classes) == 19
    assert "classes" not in SMARTHOME.protocols["cs"]
    assert {facts["metric"] for facts in SMARTHOME.protocols.values()} == {"mean_class"}


@pytest.mark.parametrize(
    ("subject", "action", "label", "splits"),
    [
        ("000", "000", "drink", {"csv1": "train", "csv2": "train"}),
        ("001", "043", "figure snap", {"csv1": "test", "csv2": "test"}),
        ("003", "154", "close an umbrella", {"csv1": "test", "csv2": "train"}),
        ("118", "074", "punch", {"csv1": "train", "csv2": "train"}),
    ],
)
def test_uav_human_name_tells_the_clip(subject, action, label, splits):
    name = UAV.format(subject=subject, setup="07", action=action, replicate=2)
    entry = parse_uav_human(PurePath("videos", name))

    assert (entry.id, entry.path) == (name.removesuffix(".avi"), f"videos/{name}")
    assert entry.label == UAV_HUMAN.class_names[int(action)]
    assert label in entry.label
    assert (entry.subject, entry.setup, entry.replication) == (str(int(subject)), "7", "2")
    assert entry.splits == splits


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (UAV.format(subject="119", setup="00", action="000", replicate=0), "subject 119; expected 0 to 118"),
        (UAV.format(subject="000", setup="00", action="155", replicate=0), "action 155; expected 0 to 154"),
        ("P000S00A000R0.avi", "not named like an action video of UAV-Human; expected P000S00G10"),
    ],
)
def test_other_names_are_not_of_uav_human(name, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        parse_uav_human(PurePath("videos", name))

    assert name in str(caught.value)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_facts_agree_with_each_other(dataset):
    assert len(set(dataset.class_names)) == len(dataset.class_names)
    assert set(dataset.two_person_classes) <= set(dataset.class_names)
    assert dataset.facts.two_person_classes == dataset.two_person_classes
    for facts in dataset.protocols.values():
        assert facts.keys() - {"classes"} == {"metric", "rule", "expected"}
        assert set(facts.get("classes", ())) <= set(dataset.class_names)
        assert sum(facts["expected"].values()) <= dataset.num_expected
