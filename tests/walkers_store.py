"""A store of clips whose persons, crops and features are drawn, and the page of one of them."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from scripts.pictures.clip_page import draw_clip_page
from store import open_store
from store.facts import DatasetFacts, StoreFacts
from store.schema import CROP_WH, Layout, pooled_array_name
from store.skeleton import make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter

WIDTH, HEIGHT, FPS = 320, 240, 30.0
CLIP_BOX = (20, 10, 300, 230)
TAPS = {"backbone.stage4.0.branches.1": 64, "head.x[1]": 8}
TAP = next(iter(TAPS))
LOUD_CHANNEL = 41  # the one that varies most
JOINTS = ("head", "hand", "foot")
SPOTS = {0: (255, 0, 0), 1: (0, 255, 0)}  # RGB of a disc at the head of each person
CLIP = "day1/wave"


@dataclass(frozen=True)
class Scene:
    """What a store was made from."""

    root: Path
    keypoints: np.ndarray  # (T, M, 3, 2)
    valid: np.ndarray  # (T, M)
    figure: Figure


def make_scene(
    root: Path, *, clock, num_steps=64, num_persons=2, crops=(), taps=TAPS, num_frames=120
) -> Scene:
    """Persons walk towards each other; in the first eighth nobody is there, in the third quarter only one."""
    layout = Layout(clock, num_persons, len(JOINTS), taps, crops)
    dataset = DatasetFacts("demo", "Walkers", ("wave", "clap"), {}, None, "own work", True, None)
    skeleton = make_skeleton(JOINTS, [("head", "hand"), ("head", "foot")])
    facts = StoreFacts(dataset, skeleton, layout, {"pose": "drawn"})

    steps = np.arange(num_steps)
    if clock == "native":
        num_frames, positions = num_steps, steps.astype(np.float32)
    else:
        positions = np.maximum(0, (steps + 0.5) * num_frames / num_steps - 0.5).astype(np.float32)
    valid = np.ones((num_steps, num_persons), bool)
    valid[: num_steps // 8] = False
    valid[num_steps // 2 : num_steps * 3 // 4, 1:] = False
    walked = np.linspace(0, 100, num_steps, dtype=np.float32)
    x = np.stack([90 + walked, 230 - walked], 1)[:, :num_persons]
    offsets = np.array([[0, 70], [25, 110], [0, 190]], np.float32)
    keypoints = np.stack([x, np.zeros_like(x)], 2)[:, :, None] + offsets
    boxes = np.concatenate([keypoints.min(2) - 15, keypoints.max(2) + 15], 2)
    scores = np.broadcast_to(np.array([0.9, 0.05, 0.8], np.float32), (num_steps, num_persons, 3)).copy()

    arrays = {
        "keypoints": keypoints * valid[..., None, None],
        "keypoint_scores": scores * valid[..., None],
        "boxes": (boxes * valid[..., None]).astype(np.float32),
        "person_valid": valid,
        "frame_positions": positions,
    }
    for tap, channels in taps.items():
        # norm of joint v: v + 1; and one channel that swings
        features = (
            np.ones((num_steps, num_persons, 3, channels)) * np.array([1, 2, 3])[:, None] / np.sqrt(channels)
        )
        features[..., LOUD_CHANNEL % channels] += np.sin(steps / 3)[:, None, None]
        arrays[pooled_array_name(tap)] = (features * valid[..., None, None]).astype(np.float16)
    for crop in crops:
        arrays |= make_crops(crop, arrays["keypoints"], arrays["boxes"], valid)
    clips = [
        ClipEntry(CLIP, "a.avi", "wave", subject="3", camera="1"),
        ClipEntry("day1/clap", "b.avi", "clap"),
    ]
    clips += [ClipEntry("empty", "c.avi", "clap"), ClipEntry("broken", "d.avi")]
    outcome = ClipOutcome(
        "ok", None, num_frames, FPS, WIDTH, HEIGHT, "0" * 64, num_persons=num_persons, num_steps=num_steps
    )
    with StoreWriter(root, facts, clips, {"torch": "none"}) as writer:
        for clip in clips[:2]:
            writer.put(SpooledClip(clip.id, outcome, arrays))
        writer.put(
            SpooledClip("empty", ClipOutcome("no_person", "nobody in 50 frames", 50, FPS, WIDTH, HEIGHT), {})
        )
        writer.put(SpooledClip("broken", ClipOutcome("decode_error", "no moov atom"), {}))
        writer.pack([clip.id for clip in clips], last=True)
    return Scene(root, arrays["keypoints"], valid, draw_clip_page(open_store(str(root)), CLIP))


def make_crops(crop, keypoints, boxes, valid) -> dict[str, np.ndarray]:
    num_steps = len(valid)
    crop_boxes, jpegs = np.zeros((num_steps, 4), np.int32), [b""] * num_steps
    for step in range(num_steps):
        there = np.flatnonzero(valid[step])
        if crop == "person" and not len(there):
            continue
        image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
        for person in there:
            head = tuple(int(value) for value in np.rint(keypoints[step, person, 0]))
            cv2.circle(image, head, 9, SPOTS[person], -1)
        box = np.array(CLIP_BOX)
        if crop == "person":
            corners = boxes[step, there]
            box = np.rint([*corners[:, :2].min(0), *corners[:, 2:].max(0)]).astype(int)
        x1, y1, x2, y2 = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        crop_boxes[step] = x1, y1, x2, y2
        pixels = cv2.cvtColor(cv2.resize(image[y1:y2, x1:x2], CROP_WH), cv2.COLOR_RGB2BGR)
        jpegs[step] = cv2.imencode(".jpg", pixels)[1].tobytes()
    rows = np.zeros((num_steps, max(map(len, jpegs))), np.uint8)
    for step, jpeg in enumerate(jpegs):
        rows[step, : len(jpeg)] = np.frombuffer(jpeg, np.uint8)
    lengths = np.array([len(jpeg) for jpeg in jpegs], np.int32)
    indices = np.where(lengths > 0, np.arange(num_steps), -1).astype(np.int32)
    name = f"frames/{crop}"
    return {name: rows, f"{name}_lengths": lengths, f"{name}_boxes": crop_boxes, f"{name}_indices": indices}
