"""What a profile sets, and that the default one means what it meant before there were any."""

import json

import pytest

from extract.build import store_facts
from extract.config import DetectorConfig, ExtractConfig
from extract.profiles import DEFAULT, PROFILES, REFERENCE
from store.facts import DatasetFacts, parse_store_json
from tests.fakes import fake_extractor

# of every store that was made before profiles; another text would refuse to continue them
MEANING_BEFORE_PROFILES = {
    "clock": 64,
    "persons": "tracked",
    "crops": ["person", "clip"],
    "jpeg_quality": 95,
    "decode": "front to back, frame numbers as decoded",
    "persons_rule": "tracked, version 2",
    "pose_crop": "box x 1.25 at the network's aspect, bilinear, black outside",
    "person_crop": "union of the frame's boxes, rounded, stretched",
    "clip_crop": "square around the keypoints of the clock's frames, padding 0.25, cut",
    "absence": "one side of a sample time speaks for both, else absent",
    "pooling": "bilinear at the joint, 1x1, align_corners",
    "stored_as": "float16",
}


def test_stores_of_the_default_profile_can_be_continued():
    assert DEFAULT.extract.meaning() == MEANING_BEFORE_PROFILES
    assert (DEFAULT.detector, DEFAULT.batch_norm) == (DetectorConfig(), "eval")


def test_reference_is_what_the_release_does():
    # specs/hpnet.md 0.1 to 0.6, 0.13, A.1, A.2, B.1
    assert REFERENCE.detector == DetectorConfig(image_size=640, confidence=0.25, iou=0.45)
    assert REFERENCE.extract == ExtractConfig(
        clock=64,
        persons="by_label",
        crops=("person",),
        jpeg_quality=95,
        pose_aspect="frame_hw",
        box_edges="rounded",
        absence="zeros",
        pooling="point",
    )
    assert REFERENCE.batch_norm == "per_image"
    assert REFERENCE.taps == ("backbone.stage4.0.branches.1",)


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ({"pose_aspect": "frame_hw"}, "pose_crop"),
        ({"box_edges": "rounded"}, "box_edges"),
        ({"absence": "zeros"}, "absence"),
        ({"pooling": "mean3"}, "pooling"),
        ({"pooling": "max5"}, "pooling"),
    ],
)
def test_every_switch_is_another_meaning_and_named(option, changed):
    meaning, [value] = ExtractConfig(**option).meaning(), option.values()

    differing = {name for name in meaning if meaning[name] != MEANING_BEFORE_PROFILES.get(name)}
    assert differing == {changed}
    assert str(meaning[changed]).startswith(value)


def test_the_classes_that_decide_are_part_of_the_meaning_where_they_decide():
    dataset = DatasetFacts("made", "Made", ("walk", "hug"), {}, None, "", True, None, ("hug",))

    def classes(persons, two_person_classes):
        extractor = fake_extractor(persons=persons, two_person_classes=two_person_classes)
        return store_facts(dataset, extractor).meaning.get("extract.two_person_classes")

    assert classes("by_label", ("hug",)) == ["hug"]
    assert classes("by_label", ()) == []
    assert classes("tracked", ("hug",)) is None


def test_stores_keep_the_classes_and_older_ones_have_none():
    dataset = DatasetFacts("made", "Made", ("walk", "hug"), {}, None, "", True, None, ("hug",))
    content = store_facts(dataset, fake_extractor()).to_json().decode()
    older = json.loads(content)
    del older["dataset"]["two_person_classes"]

    assert parse_store_json(content, "store.json").dataset == dataset
    assert parse_store_json(json.dumps(older), "store.json").dataset.two_person_classes is None


def test_profiles_by_name():
    assert PROFILES == {"default": DEFAULT, "reference": REFERENCE}
