"""The demo's networks: the shipped ones find people; the trainer goes on, and writes what loads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from extract.config import DetectorConfig
from extract.detect_yolo import YoloDetector
from extract.networks import find_detector, find_pose
from extract.pose_mmpose import MmposeEstimator
from extract.presets import DETECTORS, POSES
from scripts import train_demo_weights
from scripts.demo_weights.held_out import held_out_moments, measure
from tests.integration.test_extract_door import logging_and_threads_as_before

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ("detector.pt", "pose_simcc.pth", "pose_heatmap.pth")


def shipped_networks():
    nowhere = Path("unused")
    detector = YoloDetector(
        Path(find_detector("demo", folder=nowhere)), device="cpu", batch_size=2, config=DetectorConfig()
    )
    poses = {}
    for name in ("demo", "demo_heatmap"):
        files = find_pose(name, checkpoint=None, taps="H2", folder=nowhere)
        poses[name] = MmposeEstimator(
            files.config, files.checkpoint, taps=files.taps, device="cpu", batch_size=2
        )
    return detector, poses


def test_shipped_networks_find_the_people_of_two_frames():
    detector, poses = shipped_networks()
    moments = [*held_out_moments("normal", num_clips=2, frames_per_clip=1)]

    reached = measure(moments, detector, poses)

    assert detector.meaning["image_size"] == 320
    assert reached.boxes.num_true >= 2
    assert reached.boxes.recall == 1
    assert all(share > 0.6 for share in reached.pck_found.values()), reached


@pytest.mark.slow
def test_shipped_networks_reach_what_is_asked_of_them():
    detector, poses = shipped_networks()
    moments = [*held_out_moments("normal", num_clips=40)]

    reached = measure(moments, detector, poses)

    assert reached.boxes.recall >= 0.95
    assert reached.boxes.precision >= 0.95
    assert reached.pck_true["demo"] >= 0.9, reached.pck_true


def test_shipped_files_are_small_and_plain():
    files = [preset.weights.shipped for preset in (DETECTORS["demo"], POSES["demo"], POSES["demo_heatmap"])]

    assert tuple(file.name for file in files) == NAMES
    assert sum(file.stat().st_size for file in files) < 12e6
    for file in files:
        assert "state_dict" in torch.load(file, weights_only=True)
        assert file.with_suffix(".md").is_file()  # the card


def test_size_of_the_shipped_detectors_input_can_be_chosen():
    weights = Path(find_detector("demo", folder=Path("unused")))
    detector = YoloDetector(weights, device="cpu", batch_size=1, config=DetectorConfig(image_size=192))

    assert detector.meaning["image_size"] == 192


def train(work, *options):
    arguments = [
        "--work", str(work), "--out", str(work / "out"), "--clips", "2", "--threads", "1",
        "--minutes", "0.01", "--steps", "2", "1", *options,
    ]  # fmt: skip
    with logging_and_threads_as_before():
        return train_demo_weights.main(arguments)


# ultralytics, and torch under it, warn of what they do themselves
@pytest.mark.filterwarnings("ignore")
def test_trainer_trains_goes_on_and_writes_what_loads(tmp_path, capsys):
    assert train(tmp_path) == 0

    pictures = sorted((tmp_path / "images").iterdir())
    assert len(pictures) == 8
    drawn = [path.stat().st_mtime_ns for path in pictures]
    first = torch.load(tmp_path / "simcc.pt", weights_only=True)
    assert first["step"] == 2
    YoloDetector(tmp_path / "out" / NAMES[0], device="cpu", batch_size=1, config=DetectorConfig())
    for name, file in (("demo", NAMES[1]), ("demo_heatmap", NAMES[2])):
        pose = MmposeEstimator(
            POSES[name].config,
            tmp_path / "out" / file,
            taps=["backbone.stage4.1[1]"],
            device="cpu",
            batch_size=1,
        )
        assert np.isfinite(pose(torch.zeros(1, 192, 128, 3, dtype=torch.uint8)).keypoints).all()

    # nothing is left to do: neither pictures nor steps
    assert train(tmp_path) == 0
    assert [path.stat().st_mtime_ns for path in pictures] == drawn
    assert torch.load(tmp_path / "simcc.pt", weights_only=True)["step"] == first["step"]

    # with more to do than was done it goes on where it was
    capsys.readouterr()
    clock = json.loads((tmp_path / "detector" / "seconds.json").read_text())
    more = ("--minutes", f"{clock['seconds'] / 60 + 0.01:.3f}", "--steps", "3", "1")
    assert train(tmp_path, *more, "--only", "detector", "simcc") == 0
    said = capsys.readouterr().err
    assert "detector: goes on after" in said
    assert "simcc: goes on after 2 of 3 steps" in said
    assert torch.load(tmp_path / "simcc.pt", weights_only=True)["step"] == 3


@pytest.mark.filterwarnings("ignore")
def test_state_of_another_training_is_refused(tmp_path, capsys):
    assert train(tmp_path, "--only", "detector", "simcc") == 0

    for network, told in (("detector", "last.pt was trained with"), ("simcc", "simcc.pt: not the state")):
        assert train(tmp_path, "--only", network, "--seed", "1") == 1
        said = capsys.readouterr().err
        assert told in said
        assert "'seed': 1" in said

    (tmp_path / "simcc.pt").write_bytes(b"nonsense")
    (tmp_path / "detector" / "run" / "weights" / "last.pt").write_bytes(b"nonsense")
    for network, file in (("detector", "last.pt"), ("simcc", "simcc.pt")):
        assert train(tmp_path, "--only", network) == 1
        assert f"{file}: not the state of this training" in capsys.readouterr().err

    (tmp_path / "made_by.json").write_text('{"generator": 0}')
    (tmp_path / "truth" / "00000.json").unlink()
    assert train(tmp_path, "--only", "simcc") == 1
    assert "holds pictures of" in capsys.readouterr().err


def test_twin_needs_the_network_that_it_starts_from(tmp_path, capsys):
    assert train(tmp_path, "--only", "heatmap") == 1
    assert "train simcc first" in capsys.readouterr().err
