"""Size of the pooled features, and speed of reading them, against the release's .npy files."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from scripts.bench.npy_files import NpyFiles, shuffled, write_npy_files
from scripts.bench.table import alternate, print_table
from store import StoreReader, open_store
from store.facts import DatasetFacts, StoreFacts
from store.schema import Layout, array_specs, pooled_array_name
from store.skeleton import COCO_17, make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter

_TAP = "backbone.stage4.1[1]"
_NUM_CLIPS = 256
_RELEASE_SHAPE = (64, 2, 17, 96)

Features = npt.NDArray[np.float32]


def bench_size(golden: Path | None) -> None:
    """Compare bytes per one-person clip, the release's and ours, on its own features if they are at hand."""
    named = {path.stem: np.load(path) for path in sorted(golden.glob("*A00[12].npy"))} if golden else {}
    source = "the release's own features" if named else "made features (../shared is absent)"
    named = named or {"made": made_features(1)[0]}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for clip, features in named.items():
            store = make_store(Path(name) / clip, [features])
            shards = (Path(store.address) / "features.zarr" / pooled_array_name(_TAP)).glob("c*")
            shard_bytes = sum(shard.stat().st_size for shard in shards)
            kept = store.pooled("0", person=0).astype(np.float32)
            error = np.linalg.norm(kept - features[:, 0]) / np.linalg.norm(features[:, 0])
            rows.append((clip, f"{features.nbytes / 1000:.0f}", f"{shard_bytes / 1000:.0f}", f"{error:.1e}"))
    print_table(
        f"Size: pooled features of a one-person clip, 64x17x96, {source}",
        ("clip", "release's .npy, kB", "store float16, kB (target 180)", "relative L2 error"),
        rows,
    )


def bench_reading(*, repeats: int) -> None:
    """Read random clips through the same DataLoader, page cache warm, person 0 of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = made_features(_NUM_CLIPS)
        write_npy_files(folder, features)
        files = NpyFiles(folder, _NUM_CLIPS)
        store = make_store(folder / "store", features)
        rows = []
        for workers in (0, 2):
            ways = (files, _StoreClips(store), _StoreBatches(store))
            sides = [shuffled(way, batch_size=64, workers=workers) for way in ways]
            for side in sides:
                _drain(side)
            npy, *ours = alternate(repeats, *(lambda side=side: _drain(side) for side in sides))
            for way, seconds in zip(("clip by clip", "by batch"), ours, strict=True):
                rows.append(
                    (
                        workers,
                        way,
                        f"{_NUM_CLIPS / npy:.0f}",
                        f"{_NUM_CLIPS / seconds:.0f}",
                        f"**{npy / seconds:.2f}** (target 1)",
                    )
                )
    print_table(
        f"Reading: {_NUM_CLIPS} random one-person clips, float32 tensors (64, 17, 96), DataLoader batch 64",
        ("workers", "store is read", ".npy, clips/s", "store, clips/s", "times faster"),
        rows,
        ".npy: the release's (64, 2, 17, 96) float32 files, clip by clip, whole file read, person 0 taken. "
        "The store's float16 becomes float32 per batch, inside the measured time. By batch: `read_persons`, "
        "as the trainer reads.",
    )


class _StoreClips(Dataset[torch.Tensor]):
    def __init__(self, store: StoreReader) -> None:
        self._store = store

    def __len__(self) -> int:
        return _NUM_CLIPS

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self._store.pooled(str(index), person=0))


class _StoreBatches(_StoreClips):
    def __getitems__(self, indices: Sequence[int]) -> torch.Tensor:
        persons = [(str(index), 0) for index in indices]
        return torch.from_numpy(self._store.read_persons(pooled_array_name(_TAP), persons))


def _drain(loader: DataLoader[torch.Tensor]) -> None:
    for batch in loader:
        batch.float()  # where a trainer would do it: once per batch, on its device


def made_features(count: int) -> list[Features]:
    """Make features with the statistics of real ones: smooth in time, non-negative, a tenth exactly zero."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        noise = rng.normal(size=(64, 17, 96)).astype(np.float32)
        smooth = noise.cumsum(0) / 8 + rng.normal(1.7, 2.0, (17, 96)).astype(np.float32)
        person = np.maximum(smooth, 0)
        made.append(np.ascontiguousarray(np.broadcast_to(person[:, None], _RELEASE_SHAPE)))
    return made


def make_store(root: Path, features: list[Features]) -> StoreReader:
    """Write a store of one person's features, all of one class; clip ids are numbers."""
    layout = Layout(64, 1, 17, {_TAP: 96}, ())
    dataset = DatasetFacts("bench", "bench", ("bench",), {}, None, "made", may_share=True, homepage=None)
    facts = StoreFacts(dataset, make_skeleton(COCO_17, []), layout, {})
    entries = [ClipEntry(str(number), "", "bench") for number in range(len(features))]
    with StoreWriter(root, facts, entries, {}) as writer:
        for entry, values in zip(entries, features, strict=True):
            arrays = {spec.name: np.zeros(spec.shape_tail, spec.dtype) for spec in array_specs(layout)}
            arrays[pooled_array_name(_TAP)] = values[:, :1].astype(np.float16)
            arrays["person_valid"][:] = True
            writer.put(SpooledClip(entry.id, ClipOutcome("ok", num_steps=64), arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return open_store(str(root))
