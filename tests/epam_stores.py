"""Stores with poses and crops for tests of EPAM-Net: 64 x 48 pixels, two persons of two joints each.

A crop is of one colour, which tells its step; where a label shows, it is in the colour and in the pose.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from store import StoreReader, open_store
from store.facts import StoreFacts
from store.skeleton import make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from tests.store_makers import EXECUTION, make_arrays, make_facts, make_failure
from tests.train_stores import train_entries

BOX = [0, 0, 64, 48]
NUM_STEPS = 8


def jpeg(colour: tuple[int, int, int]) -> np.ndarray:
    """Return a crop of one colour, (bytes,)."""
    _, data = cv2.imencode(".jpg", np.full((224, 224, 3), colour, np.uint8)[..., ::-1])
    return data.flatten()


def crops(boxes: Sequence[Sequence[int]], jpegs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return a clip's arrays of crops."""
    lengths = np.array([len(data) for data in jpegs], np.int32)
    rows = np.zeros((len(jpegs), max(lengths)), np.uint8)
    for row, data in zip(rows, jpegs, strict=True):
        row[: len(data)] = data
    return {
        "frames/clip": rows,
        "frames/clip_lengths": lengths,
        "frames/clip_boxes": np.array(boxes, np.int32),
        "frames/clip_indices": np.arange(len(jpegs), dtype=np.int32),
    }


def epam_facts(*, has_crops: bool = True, joints: Sequence[str] = ("left_hand", "right_hand")) -> StoreFacts:
    facts = make_facts(NUM_STEPS, crops=("clip",) if has_crops else ())
    return replace(facts, skeleton=make_skeleton(list(joints), [tuple(joints)]))


def epam_store(
    root: Path,
    entries: Sequence[ClipEntry] | None = None,
    *,
    facts: StoreFacts | None = None,
    failed: Sequence[str] = (),
    height: int = 8,
) -> StoreReader:
    """Write a store of clips of 8 steps; at step t the first person's joints are at x = 4 t and 4 t + 8.

    The second one is ``height`` pixels below the first. Of class "stand" both are lower, and crops are green.
    Of the failed clips there is no data.
    """
    facts = facts or epam_facts()
    entries = train_entries() if entries is None else entries
    steps = np.arange(NUM_STEPS, dtype=np.float32)
    with StoreWriter(root, facts, entries, EXECUTION) as writer:
        for seed, entry in enumerate(entries):
            if entry.id in failed:
                writer.put(make_failure(entry.id))
                continue
            arrays = make_arrays(facts.layout, NUM_STEPS, seed)
            number = facts.dataset.class_names.index(entry.label or "sit")
            there = np.array([[True, False]] * NUM_STEPS)
            points = np.zeros((NUM_STEPS, 2, 2, 2), np.float32)
            points[:, 0, :, 0] = 4 * steps[:, None] + np.array([0, 8])
            points[:, 0, :, 1] = np.array([12, 12 + height]) + 16 * number + seed % 3
            made = {
                "keypoints": points,
                "keypoint_scores": np.ones((NUM_STEPS, 2, 2), np.float32) * there[..., None],
                "person_valid": there,
            }
            arrays |= {name: values for name, values in made.items() if name in arrays}
            if facts.layout.crops:
                colours = [(10 * step, 200 * number, 5 * (seed % 3)) for step in range(NUM_STEPS)]
                arrays |= crops([BOX] * NUM_STEPS, [jpeg(colour) for colour in colours])
            outcome = ClipOutcome(
                "ok", num_frames=9, fps=30.0, width=64, height=48, num_persons=1, num_steps=NUM_STEPS
            )
            writer.put(SpooledClip(entry.id, outcome, arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return open_store(str(root))
