"""How far a store's keypoints are from another pose network's, as a share of box height."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from extract.detect_yolo import YOLO
from extract.video import open_video
from store import StoreReader, open_store

MIN_SCORE = 0.5  # of the other network's joint: it is sure
MIN_IOU = 0.5  # of the two networks' boxes: it is the same person

Array = npt.NDArray[np.float32]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the distances per class and in all; return 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.compare_keypoints", description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument(
        "--videos", type=Path, required=True, help="the folder that the store's paths are relative to"
    )
    parser.add_argument(
        "--weights", type=Path, required=True, help="ultralytics pose weights, such as yolov8n-pose.pt"
    )
    parser.add_argument("--steps", type=int, default=8, help="sample times per clip (default: %(default)s)")
    options = parser.parse_args(argv)
    store = open_store(options.store)
    other = YOLO(str(options.weights))
    by_class: dict[str, list[Array | None]] = defaultdict(list)
    for clip_id in tqdm(store.clip_ids, unit="clip", disable=None):
        label = store.row(clip_id).entry.label or "no label"
        by_class[label] += _distances(store, clip_id, options.videos, other, options.steps)
    print(
        "| class | persons found by both | joints | mean | median | within 0.1 |\n|---|---|---|---|---|---|"
    )
    every = [values for rows in by_class.values() for values in rows]
    for label, rows in [*sorted(by_class.items()), ("all", every)]:
        found = [values for values in rows if values is not None]
        joints = np.concatenate(found) if found else np.full(1, np.nan)
        print(
            f"| {label} | {len(found)} of {len(rows)} | {sum(map(len, found))} | {joints.mean():.3f} "
            f"| {np.median(joints):.3f} | {(joints < 0.1).mean():.1%} |"
        )
    return 0


def _distances(
    store: StoreReader, clip_id: str, videos: Path, other: YOLO, steps: int
) -> Iterator[Array | None]:
    """Yield the distances of the joints that the other network is sure of, per person of some frames.

    None where it does not find the person. Frames are those nearest to the sample times that lie best on one.
    """
    positions = np.asarray(store.read("frame_positions", clip_id))
    offsets = np.abs(positions - np.rint(positions))
    near = np.flatnonzero(offsets <= max(0.25, offsets.min()))
    chosen = {
        int(np.rint(positions[step])): step for step in near[np.linspace(0, len(near) - 1, steps).astype(int)]
    }
    keypoints, valid = store.keypoints(clip_id), store.person_valid(clip_id)
    boxes = np.asarray(store.read("boxes", clip_id))
    video = open_video(videos / store.row(clip_id).entry.path)
    for number, frame in video.frames(sorted(chosen)):
        step = chosen[number]
        result = other.predict(frame[..., ::-1], verbose=False)[0]
        for person in np.flatnonzero(valid[step]):
            box = boxes[step, person]
            overlaps = np.array([_iou(box, found) for found in result.boxes.xyxy.cpu().numpy()])
            if overlaps.size == 0 or overlaps.max() < MIN_IOU:
                yield None
                continue
            points = result.keypoints.data[int(overlaps.argmax())].cpu().numpy()
            sure = points[:, 2] > MIN_SCORE
            distances = np.linalg.norm(keypoints[step, person, sure] - points[sure, :2], axis=-1)
            yield distances / (box[3] - box[1])


def _iou(a: Array, b: Array) -> float:
    overlap = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
    return float(overlap / (areas - overlap))


if __name__ == "__main__":
    sys.exit(main())
