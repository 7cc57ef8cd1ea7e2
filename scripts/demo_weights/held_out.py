"""Frames of seeds that nothing was trained on, and what networks make of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from extract.crop import crop_affine, crop_person, to_source_pixels
from extract.detect_yolo import YoloDetector
from extract.interfaces import Detections, Frame
from extract.pose_mmpose import MmposeEstimator
from scripts.demo_videos.clips import FIRST_TRAINING_SEED, Condition
from scripts.demo_videos.scene import Moment, build_scene
from scripts.demo_videos.truth import VISIBLE, FrameTruth
from scripts.demo_weights.measures import LEAST_SEEN, Counts, Floats, are_near, count, total
from scripts.demo_weights.pictures import plan_of

_JPEG_QUALITY = 60  # stands for the compression of videos


@dataclass(frozen=True, slots=True)
class Reached:
    """What the networks reach in one condition.

    Args:
        boxes: of the detector.
        pck_true: name of a pose network -> share of visible joints that are right, in crops of true boxes.
        pck_found: the same in crops of found boxes; joints of persons who were not found are wrong.
    """

    boxes: Counts
    pck_true: Mapping[str, float]
    pck_found: Mapping[str, float]


def held_out_moments(condition: Condition, *, num_clips: int, frames_per_clip: int = 2) -> Iterator[Moment]:
    """Draw frames of clips with seeds below ``FIRST_TRAINING_SEED``.

    Raises:
        ValueError: there are not so many seeds.
    """
    if num_clips > FIRST_TRAINING_SEED:
        raise ValueError(
            f"{num_clips} clips: only {FIRST_TRAINING_SEED} seeds are held out; ask for fewer clips"
        )
    for seed in range(num_clips):
        scene = build_scene(replace(plan_of(seed), condition=condition))
        for index in np.linspace(0, scene.num_frames - 1, frames_per_clip + 2).astype(int)[1:-1]:
            moment = scene.render(int(index))
            yield Moment(_compressed(moment.picture), moment.truth)


def measure(
    moments: Sequence[Moment], detector: YoloDetector, poses: Mapping[str, MmposeEstimator]
) -> Reached:
    """Hold the networks against what is true of ``moments``."""
    found = _detect([moment.picture for moment in moments], detector)
    counts: list[Counts] = []
    near: dict[tuple[str, str], list[npt.NDArray[np.bool_]]] = {}
    for moment, detections in zip(moments, found, strict=True):
        truth = _with_area(moment.truth)
        is_asked_for = (truth.visibility == VISIBLE).sum(1) >= LEAST_SEEN
        boxes = detections.boxes_xyxy.astype(np.float64)
        counted, numbers = count(boxes, truth.boxes_xyxy, is_asked_for)
        counts.append(counted)
        taken = np.full((len(numbers), 4), np.nan)
        taken[numbers >= 0] = boxes[numbers[numbers >= 0]]
        is_visible = (truth.visibility == VISIBLE) & is_asked_for[:, None]
        for name, pose in poses.items():
            for kind, crops in (("true", truth.boxes_xyxy), ("found", taken)):
                keypoints = estimate(moment.picture, crops, pose)
                right = are_near(keypoints, truth.keypoints_xy, truth.boxes_xyxy)
                near.setdefault((name, kind), []).append(right[is_visible])
    shares = {key: float(np.concatenate(parts).mean()) for key, parts in near.items()}
    return Reached(
        total(counts),
        {name: shares[name, "true"] for name in poses},
        {name: shares[name, "found"] for name in poses},
    )


def estimate(picture: Frame, boxes_xyxy: Floats, pose: MmposeEstimator) -> Floats:
    """Return keypoints (P, 17, 2) in pixels of the picture; nan where a box (P, 4) is nan."""
    keypoints = np.full((len(boxes_xyxy), 17, 2), np.nan)
    there = np.flatnonzero(np.isfinite(boxes_xyxy).all(1))
    for first in range(0, len(there), pose.batch_size):
        rows = there[first : first + pose.batch_size]
        matrices = np.stack(
            [crop_affine(box.astype(np.float32), crop_wh=pose.crop_wh) for box in boxes_xyxy[rows]]
        )
        width, height = pose.crop_wh
        crops = np.zeros((pose.batch_size, height, width, 3), np.uint8)
        for number, matrix in enumerate(matrices):
            crops[number] = crop_person(picture, matrix, crop_wh=pose.crop_wh)
        found = pose(torch.from_numpy(crops)).keypoints[: len(rows)]
        keypoints[rows] = to_source_pixels(found, matrices)
    return keypoints


def _detect(pictures: Sequence[Frame], detector: YoloDetector) -> list[Detections]:
    size = detector.batch_size
    found: list[Detections] = []
    for first in range(0, len(pictures), size):
        batch = [*pictures[first : first + size]]
        padded = batch + [np.zeros_like(batch[0])] * (size - len(batch))
        found += detector(padded)[: len(batch)]
    return found


def _with_area(truth: FrameTruth) -> FrameTruth:
    wh = truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]
    seen = (wh > 0).all(1)
    return FrameTruth(truth.boxes_xyxy[seen], truth.keypoints_xy[seen], truth.visibility[seen])


def _compressed(picture: Frame) -> Frame:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    decoded: Frame = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return decoded
