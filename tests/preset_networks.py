"""Presets' networks with random weights."""

from pathlib import Path

import torch

from extract.config import DetectorConfig
from extract.detect_yolo import YoloDetector
from extract.networks import find_pose
from extract.pose_mmpose import MmposeEstimator
from extract.presets import POSES
from tests.made_videos import walking_persons, write_video

SMALL = "simcc_mobilenetv2"


def config_of(name):
    return find_pose(name, checkpoint=Path("unused"), taps=None, folder=Path("unused")).config


def build(name, checkpoint=None, **options):
    torch.manual_seed(0)
    taps = tuple(POSES[name].taps.values())
    return MmposeEstimator(config_of(name), checkpoint, taps=taps, device="cpu", batch_size=1, **options)


def load_detector(path):
    # random weights are sure of nothing
    config = DetectorConfig(image_size=64, confidence=0)
    return YoloDetector(Path(path), device="cpu", batch_size=1, config=config)


def write_one_frame(folder):
    """Write a video of one frame, which is one crop; return its path."""
    return write_video(folder / "one", walking_persons(1), kind="mjpeg")
