"""The pipeline with real networks and random weights."""

import numpy as np
import pytest
import torch

from extract.config import DetectorConfig
from extract.pipeline import Extractor
from tests.fakes import extract_clips, extract_one, fake_extractor
from tests.pipeline_by_hand import alone, on_the_clock, same


@pytest.fixture(scope="module")
def real_parts(one_thread, tmp_path_factory):
    mmpose = pytest.importorskip("extract.pose_mmpose")
    yolo = pytest.importorskip("extract.detect_yolo")
    from tests.golden.test_hrnet_simcc import CONFIG

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    network = yolo.YOLO("yolov8n.yaml")
    network.model.names[0] = yolo.PERSON
    network.save(folder / "random.pt")
    (folder / "small.py").write_text(CONFIG)
    return (
        # random weights are sure of nothing
        yolo.YoloDetector(
            folder / "random.pt",
            device="cpu",
            batch_size=2,
            config=DetectorConfig(image_size=64, confidence=0),
        ),
        mmpose.MmposeEstimator(
            folder / "small.py", None, taps=["backbone.stage4.1[1]", "simcc"], device="cpu", batch_size=3
        ),
    )


@pytest.fixture
def real_extractor(real_parts):
    config = fake_extractor(clock=2, persons="top1", crops=()).config
    return Extractor(detector=real_parts[0], boxes=None, pose=real_parts[1], config=config)


def test_real_networks_do_not_feel_neighbours_either(real_extractor):
    random = np.random.default_rng(0)
    clips = {key: random.integers(0, 256, (5, 48, 64, 3), np.uint8) for key in "ab"}
    apart = {key: extract_one(real_extractor, frames) for key, frames in clips.items()}
    assert all(clip.outcome.status == "ok" for clip in apart.values())

    for order, max_active in (("ab", 1), ("ba", 2)):
        together = extract_clips(real_extractor, {key: clips[key] for key in order}, max_active=max_active)
        for key in clips:
            same(together[key], apart[key])
    assert (apart["a"].arrays["pooled/simcc"] != apart["b"].arrays["pooled/simcc"]).any()


def test_a_frames_boxes_are_its_own(real_parts):
    detector = real_parts[0]
    random = np.random.default_rng(2)
    frame, *others = random.integers(0, 256, (3, 48, 64, 3), np.uint8)
    (first, _), (_, second) = detector([frame, others[0]]), detector([others[1], frame])

    assert len(first) > 1
    np.testing.assert_array_equal(first.boxes_xyxy, second.boxes_xyxy)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_real_networks_on_the_clock_equal_all_frames(real_extractor):
    frames = np.random.default_rng(1).integers(0, 256, (6, 48, 64, 3), np.uint8)
    rows = alone(frames, real_extractor.detector, real_extractor.pose)
    clip = extract_one(real_extractor, frames)

    for name in ("boxes", "keypoints", "keypoint_scores"):
        np.testing.assert_array_equal(clip.arrays[name][:, 0], on_the_clock(rows, name, 2), err_msg=name)
    expected = on_the_clock(rows, "backbone.stage4.1[1]", 2).astype(np.float16)
    np.testing.assert_array_equal(clip.arrays["pooled/backbone.stage4.1@1"][:, 0], expected)
