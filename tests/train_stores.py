"""Stores that are small enough to train on in a second: 2 joints, 3 channels, 2 classes, few sample times.

A clip's label shows in its features and in the colour of its crops, if it has any, so that a model can learn
it, and noise of its own hides it a little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from store import StoreReader, open_store
from store.facts import StoreFacts
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from tests.store_makers import EXECUTION, make_arrays, make_facts, make_failure

CLASSES = ("sit", "stand")
FOUR_EACH = [f"{subject}{take}" for subject in "abcdef" for take in range(4)]


def train_entries(
    ids: Sequence[str] = FOUR_EACH, *, labels: Sequence[str | None] = CLASSES, **changed: ClipEntry
) -> list[ClipEntry]:
    """Return clips whose subject is the first letter of their id; a to d train, the others test."""
    made = {
        one: ClipEntry(
            one,
            f"{one}.avi",
            labels[number % len(labels)],
            subject=one[0],
            splits={"p1": "train" if one[0] in "abcd" else "test"},
        )
        for number, one in enumerate(ids)
    }
    return list((made | changed).values())


def train_store(
    root: Path,
    entries: Sequence[ClipEntry] | None = None,
    *,
    facts: StoreFacts | None = None,
    failed: Sequence[str] = (),
    noise: float = 1.0,
    source_sha256: str | None = None,
) -> StoreReader:
    """Write a store of these clips, of videos with this digest; of the failed ones it has no data."""
    facts = facts or make_facts(crops=())
    entries = train_entries() if entries is None else entries
    steps = int(facts.layout.clock)
    with StoreWriter(root, facts, entries, EXECUTION) as writer:
        for seed, entry in enumerate(entries):
            if entry.id in failed:
                writer.put(make_failure(entry.id))
                continue
            arrays = make_arrays(facts.layout, steps, seed)
            there = np.array([[True, seed % 3 == 0]] * steps)  # a second person in every third clip
            draw = np.random.default_rng(seed)
            for name, values in arrays.items():
                if name.startswith("pooled/") or name == "keypoints":
                    shown = draw.normal(size=values.shape) * noise
                    shown[..., 0] += 3 * facts.dataset.class_names.index(entry.label or "sit")
                    arrays[name] = (shown * there[..., None, None]).astype(values.dtype)
            arrays["person_valid"] = there
            for crop in facts.layout.crops:
                red = 60 + 120 * facts.dataset.class_names.index(entry.label or "sit")
                arrays |= plain_crops(crop, [red + step for step in range(steps)])
            outcome = ClipOutcome(
                "ok",
                num_frames=9,
                fps=30.0,
                width=64,
                height=48,
                source_sha256=source_sha256,
                num_persons=int(there[0].sum()),
                num_steps=steps,
            )
            writer.put(SpooledClip(entry.id, outcome, arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return open_store(str(root))


def plain_crops(crop: str, reds: Sequence[int | None]) -> dict[str, np.ndarray]:
    """Return crops of one colour each, this much red on a gray of 100; of None there is none."""
    jpegs = []
    for red in reds:
        picture = np.full((224, 224, 3), (100, 100, red or 0), np.uint8)  # BGR
        jpegs.append(b"" if red is None else cv2.imencode(".jpg", picture)[1].tobytes())
    rows = np.zeros((len(jpegs), max(map(len, jpegs))), np.uint8)
    for row, jpeg in zip(rows, jpegs, strict=True):
        row[: len(jpeg)] = np.frombuffer(jpeg, np.uint8)
    there = np.array([len(jpeg) > 0 for jpeg in jpegs])
    return {
        f"frames/{crop}": rows,
        f"frames/{crop}_lengths": np.array([len(jpeg) for jpeg in jpegs], np.int32),
        f"frames/{crop}_boxes": np.where(there[:, None], np.array([10, 5, 40, 45], np.int32), 0),
        f"frames/{crop}_indices": np.where(there, np.arange(len(reds), dtype=np.int32), -1),
    }


def with_meaning(facts: StoreFacts, **meaning: object) -> StoreFacts:
    return replace(facts, meaning=dict(facts.meaning) | meaning)


def with_dataset(facts: StoreFacts, **changes: object) -> StoreFacts:
    return replace(facts, dataset=replace(facts.dataset, **changes))


def with_protocol(facts: StoreFacts, name: str, content: Mapping[str, object]) -> StoreFacts:
    return with_dataset(facts, protocols=dict(facts.dataset.protocols) | {name: content})
