"""Reading for training: the data module's loaders against .npy files through a plain DataLoader."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from scripts.bench.npy_files import NpyFiles, shuffled, write_npy_files
from scripts.bench.reading import made_features, make_store
from scripts.bench.table import alternate, print_table
from train.clip_data import InMemory
from train.data import StreamDataModule

_NUM_CLIPS = 256
_BATCH = 64


def bench_loading(*, repeats: int) -> None:
    """Walk epochs of HPJ in random order, up to float32 streams on the CPU, page cache warm."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = made_features(_NUM_CLIPS)
        write_npy_files(folder, features)
        files = NpyFiles(folder, _NUM_CLIPS, axes=(3, 0, 2, 1))  # (C, T, V, M), as a stream
        store = make_store(folder / "store", features)
        kept: list[tuple[str, InMemory]] = [("store", False), ("RAM", True)]
        rows = []
        for workers in (0, 2):
            ways = {where: _epochs(store.address, workers, in_memory) for where, in_memory in kept}
            sides = {".npy": _npy_epochs(files, workers), **ways}
            for walk in sides.values():
                walk()  # page cache, workers, rows in RAM
            npy, *ours = alternate(repeats, *sides.values())
            for where, seconds in zip(ways, ours, strict=True):
                rows.append(
                    (
                        workers,
                        where,
                        f"{_NUM_CLIPS / npy:.0f}",
                        f"{_NUM_CLIPS / seconds:.0f}",
                        f"**{npy / seconds:.2f}** (target 1)",
                    )
                )
    print_table(
        f"Loading: an epoch of {_NUM_CLIPS} one-person clips as HPJ, float32 batches of {_BATCH}, shuffled",
        ("workers", "rows from", ".npy, clips/s", "data module, clips/s", "times faster"),
        rows,
        ".npy: the release's (64, 2, 17, 96) float32 files in a plain DataLoader, whole file read, person 0 "
        "taken (the release trains on both). store: each row is read and unpacked in each epoch "
        "(in_memory=False). RAM: the default where there is room, always without workers. No first epochs.",
    )


def _npy_epochs(files: NpyFiles, workers: int) -> Callable[[], None]:
    loader = shuffled(files, batch_size=_BATCH, workers=workers)

    def walk() -> None:
        seen = sum(len(batch) for batch in loader)
        if seen != _NUM_CLIPS:
            raise AssertionError(f"{seen} of {_NUM_CLIPS} clips were read")

    return walk


def _epochs(address: str, workers: int, in_memory: InMemory) -> Callable[[], None]:
    ids = [str(number) for number in range(_NUM_CLIPS)]
    data = StreamDataModule(
        address,
        "hpj",
        train_ids=ids,
        test_ids=(),
        class_names=("bench",),
        batch_size=_BATCH,
        num_workers=workers,
        in_memory=in_memory,
    )
    logging.getLogger("train").setLevel(logging.WARNING)
    data.setup("fit")
    loader = data.train_dataloader()

    def walk() -> None:
        seen = sum(len(batch["stream"]) for batch in data.batches(loader))
        if seen != _NUM_CLIPS:
            raise AssertionError(f"{seen} of {_NUM_CLIPS} clips were read")

    return walk
