"""Tiny stores and clips for tests: 2 joints, 3 channels, units of two clips or eight steps."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from store import schema, units
from store.facts import DatasetFacts, StoreFacts
from store.schema import Layout, array_specs
from store.skeleton import make_skeleton
from store.spool import Arrays, SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter

Clock = int | Literal["native"]
EXECUTION = {"torch": "2.14", "device": "cpu"}


def shrink_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of two clips; on the native clock of eight steps in chunks of four."""
    for module, name, value in [
        (schema, "UNIT_CLIPS", 2),
        (schema, "UNIT_STEPS", 8),
        (schema, "CHUNK_STEPS", 4),
        (units, "CHUNK_STEPS", 4),
    ]:
        monkeypatch.setattr(module, name, value)


def make_layout(clock: Clock = 3, crops: tuple[schema.Crop, ...] = ("person",)) -> Layout:
    return Layout(clock, max_persons=2, num_joints=2, taps={"net.a": 3, "net.b[1]": 1}, crops=crops)


def make_facts(
    clock: Clock = 3, crops: tuple[schema.Crop, ...] = ("person",), **meaning: object
) -> StoreFacts:
    dataset = DatasetFacts(
        name="toy",
        title="Toy",
        class_names=("sit", "stand"),
        protocols={"p1": {"metric": "top1"}},
        num_expected=8,
        terms="Made by a test.",
        may_share=True,
        homepage=None,
    )
    skeleton = make_skeleton(["head", "foot"], [("head", "foot")])
    return StoreFacts(dataset, skeleton, make_layout(clock, crops), {"tap": "net.a", **meaning})


def make_entries(ids: Iterable[str]) -> list[ClipEntry]:
    return [
        ClipEntry(clip_id, f"{clip_id}.avi", ("sit", "stand")[n % 2], splits={"p1": ("train", "test")[n % 2]})
        for n, clip_id in enumerate(ids)
    ]


def make_arrays(layout: Layout, steps: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    for spec in array_specs(layout):
        tail = spec.shape_tail if layout.is_native else spec.shape_tail[1:]
        if spec.axes[-1] == "bytes":
            tail = (20,)
        found[spec.name] = rng.integers(0, 9, (steps, *tail)).astype(spec.dtype)
    return found


def make_clip(clip_id: str, layout: Layout, steps: int = 3, seed: int = 0) -> SpooledClip:
    outcome = ClipOutcome("ok", num_frames=9, fps=30.0, width=64, height=48, num_persons=2, num_steps=steps)
    return SpooledClip(clip_id, outcome, make_arrays(layout, steps, seed))


def make_failure(clip_id: str, reason: str = "no frames") -> SpooledClip:
    return SpooledClip(clip_id, ClipOutcome("decode_error", reason), {})


def zeros_like(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(values) for name, values in arrays.items()}


def write_store(root: Path, facts: StoreFacts, clips: Sequence[SpooledClip]) -> None:
    """Write a whole store, in the order of the clips."""
    order = [clip.id for clip in clips]
    with StoreWriter(root, facts, make_entries(order), EXECUTION) as writer:
        for clip in clips:
            writer.put(clip)
        writer.pack(order, last=True)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_writer(root: Path, ids: Iterable[str] = "abcd", facts: StoreFacts | None = None) -> StoreWriter:
    return StoreWriter(root, facts or make_facts(), make_entries(ids), EXECUTION)


def with_array(clip: SpooledClip, name: str, values: np.ndarray) -> SpooledClip:
    return SpooledClip(clip.id, clip.outcome, {**clip.arrays, name: values})
