"""The detector wrapper on a real NTU clip against the release's boxes: another YOLO, the same person."""

import json

import numpy as np
import pytest

from extract.config import DetectorConfig
from extract.detect_yolo import YoloDetector
from extract.video import open_video
from tests.golden.shared_data import shared

pytestmark = pytest.mark.shared


def test_boxes_of_a001_agree_with_the_golden_ones():
    golden = json.loads(shared("golden/hpnet/golden_boxes.json").read_text())["S001C001P001R001A001"]
    detect = YoloDetector(
        shared("real/weights/yolov8n.pt"), device="cpu", batch_size=8, config=DetectorConfig()
    )
    video = open_video(shared("real/ntu/S001C001P001R001A001_rgb.avi"))
    numbers = list(range(0, 103, 13))  # 8 frames
    frames = [frame for _, frame in video.frames(numbers)]

    found = [detections.boxes_xyxy[0] for detections in detect(frames)]

    ious = [iou(box, np.array(golden[number])) for box, number in zip(found, numbers, strict=True)]
    assert np.mean(ious) > 0.95, ious


def iou(a, b):
    overlap = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return overlap / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - overlap)
