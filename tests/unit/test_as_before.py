"""A store's meaning tells how to extract other videos as it was: settings, and networks by digest."""

import hashlib
from dataclasses import replace
from typing import get_args

import pytest

from extract import as_before
from extract.as_before import Settings, read_settings, recognise_detector, recognise_pose
from extract.config import BoxEdges, DetectorConfig, ExtractConfig, Pooling, PoseAspect
from extract.errors import WeightsError
from extract.persons import PersonPolicy
from extract.presets import DetectorPreset, PosePreset, Weights
from store.clock import Absence

CHANGES = [
    {},
    {"clock": "native"},
    {"clock": 32},
    {"crops": ()},
    {"crops": ("clip",)},
    {"jpeg_quality": 80},
    *({"persons": name} for name in get_args(PersonPolicy)),
    *({"pose_aspect": name} for name in get_args(PoseAspect)),
    *({"box_edges": name} for name in get_args(BoxEdges)),
    *({"absence": name} for name in get_args(Absence)),
    *({"pooling": name} for name in get_args(Pooling)),
]
# as store.json has it
MEANING = {
    **{f"detector.{name}": value for name, value in DetectorConfig(320).meaning().items()},
    "detector.weights_sha256": hashlib.sha256(b"boxes").hexdigest(),
    **{f"extract.{name}": value for name, value in ExtractConfig(clock=32).meaning().items()},
    "pose.batch_norm": "per_image",
    "pose.precision": "bf16",
    "pose.taps": ["net.a", "net.b[1]"],
    "pose.checkpoint_sha256": hashlib.sha256(b"poses").hexdigest(),
}


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_every_setting_comes_back(changes):
    config = ExtractConfig(**changes)

    assert ExtractConfig.from_meaning(config.meaning()) == config


@pytest.mark.parametrize("config", [DetectorConfig(), DetectorConfig(320, 0.1, 0.7)])
def test_every_setting_of_the_detector_comes_back(config):
    assert DetectorConfig.from_meaning(config.meaning()) == config


def test_settings_are_those_of_the_store():
    assert read_settings(MEANING, "a.pt") == Settings(
        DetectorConfig(320), ExtractConfig(clock=32), "per_image", "bf16", ("net.a", "net.b[1]"), ()
    )


def test_boxes_of_ones_own_ask_no_detector():
    own = {name: value for name, value in MEANING.items() if not name.startswith("detector.")}

    assert read_settings(own | {"detector.boxes_sha256": "00"}, "a.pt").detector == DetectorConfig()


def test_features_that_were_imported_are_refused():
    with pytest.raises(ValueError, match=r"a\.pt was trained on features that were imported.*`make extract`"):
        read_settings({"import.format": "npy"}, "a.pt")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"extract.absence": "as in 2031"}, "as in 2031"), ({"pose.taps": None}, "not iterable")],
)
def test_settings_of_another_version_are_refused(changes, words):
    with pytest.raises(ValueError, match=rf"a\.pt .*another version.*{words}.*use that version"):
        read_settings(MEANING | changes, "a.pt")


@pytest.fixture
def presets(monkeypatch, tmp_path):
    """Two presets of each kind; of "here" the weights are in the folder."""
    (tmp_path / "boxes.pt").write_bytes(b"boxes")
    (tmp_path / "poses.pth").write_bytes(b"poses")

    def weights(file):
        return Weights(file, None, "")

    detectors = {
        "else": DetectorPreset("else", weights("no.pt")),
        "here": DetectorPreset("here", weights("boxes.pt")),
    }
    poses = {
        "else": PosePreset("else", {}, weights("no.pth"), {}),
        "here": PosePreset("here", {}, weights("poses.pth"), {}),
    }
    monkeypatch.setattr(as_before, "DETECTORS", detectors)
    monkeypatch.setattr(as_before, "POSES", poses)
    return detectors, poses


def test_networks_are_known_by_the_digests_of_their_weights(presets, tmp_path):
    assert recognise_detector(MEANING, "a.pt", tmp_path) == "here"
    assert recognise_pose(MEANING, "a.pt", tmp_path) == "here"


def test_a_published_digest_is_enough_where_the_weights_are_not_here_yet(presets, tmp_path):
    (tmp_path / "poses.pth").unlink()
    known = hashlib.sha256(b"poses").hexdigest()[:8]
    preset = presets[1]["else"]
    presets[1]["else"] = replace(preset, weights=replace(preset.weights, sha256=known))

    assert recognise_pose(MEANING, "a.pt", tmp_path) == "else"


def test_networks_that_no_preset_has_are_asked_for(presets, tmp_path):
    (tmp_path / "boxes.pt").write_bytes(b"other boxes")
    (tmp_path / "poses.pth").write_bytes(b"other poses")

    with pytest.raises(
        WeightsError, match=r"a\.pt wants the weights with the sha256 [0-9a-f]{12}….*DETECTOR="
    ):
        recognise_detector(MEANING, "a.pt", tmp_path)
    with pytest.raises(WeightsError, match=r"a\.pt wants .*POSE=.*POSE_CHECKPOINT="):
        recognise_pose(MEANING, "a.pt", tmp_path)


def test_the_whole_frame_needs_no_network(presets, tmp_path):
    assert recognise_detector({"detector.boxes": "whole frame"}, "a.pt", tmp_path) == "none"


def test_boxes_from_a_file_are_asked_for_anew(presets, tmp_path):
    with pytest.raises(WeightsError, match=r"DETECTOR=boxes\.json ARGS=\"--accept detector\.boxes_sha256"):
        recognise_detector({"detector.boxes_sha256": "00"}, "a.pt", tmp_path)
