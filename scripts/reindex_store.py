"""Give a store its dataset's corrected labels and splits, without the videos: what `make reindex` runs."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from extract.clips import RAW, ClipList, known_clips, known_videos, load_clips
from extract.datasets import DATASETS
from extract.errors import DatasetError
from store import StoreError, StoreReader, open_store
from store.reindex import reindex

NUM_EXAMPLES = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reindex_store", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="the store's folder")
    parser.add_argument("--dataset", required=True, help="a known name, a folder, or a CSV/JSONL file")
    parser.add_argument(
        "--videos", type=Path, help="folder of a known dataset's videos, to add clips from it"
    )
    args = parser.parse_args(argv)
    try:
        store = open_store(str(args.store))
        clips = read_clips(args.dataset, args.videos, store)
        before = {row.entry.id: row.entry for row in store.rows}
        report = reindex(args.store, clips.facts, clips.entries)
    except (DatasetError, StoreError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for note in clips.notes:
        print(f"note: {note}", file=sys.stderr)
    both = [(before[entry.id], entry) for entry in clips.entries if entry.id in before]
    labels = [f"{old.id}: {old.label} -> {new.label}" for old, new in both if old.label != new.label]
    splits = [
        f"{old.id}: {in_words(old.splits)} -> {in_words(new.splits)}"
        for old, new in both
        if dict(old.splits) != dict(new.splits)
    ]
    print(f"{args.store}: {report.num_clips} clips, {len(report.changed)} changed")
    show("labels changed", labels)
    show("splits changed", splits)
    show("new, pending until `make extract`", report.added)
    show("no longer named and never tried, removed", report.removed)
    show("no longer named, kept in no split", report.unnamed)
    return 0


def read_clips(dataset: str, videos: Path | None, store: StoreReader) -> ClipList:
    """Read the dataset again; of a known one also the clips that only the store still has."""
    if dataset not in DATASETS:
        return load_clips(dataset, videos)
    if videos is not None and not videos.is_dir():
        raise DatasetError(f"{videos}: no such folder; VIDEOS is the folder of the dataset's videos")
    known, root = DATASETS[dataset], videos or RAW / dataset
    # a folder of videos may be partial: the clips it lacks are named by the paths that the store keeps
    found = known_clips(known, root, known_videos(known, root)).entries if videos else ()
    found_ids = {entry.id for entry in found}
    paths = [entry.path for entry in found]
    paths += [row.entry.path for row in store.rows if row.entry.id not in found_ids]
    once = dict.fromkeys(paths)  # several clips may be of one video
    clips = known_clips(known, root, map(PurePath, once))
    if not clips.entries:
        raise DatasetError(
            f"{store.address} holds no clip of {dataset}; its dataset is {store.facts.dataset.name}"
            + "".join(f"; {note}" for note in clips.notes)
        )
    return clips


def in_words(splits: Mapping[str, str]) -> str:
    """Return a clip's splits as one word each."""
    return " ".join(f"{protocol}={split}" for protocol, split in splits.items()) or "none"


def show(title: str, lines: Sequence[str]) -> None:
    """Print how many there are, and the first of them."""
    print(f"{title}: {len(lines)}")
    for line in lines[:NUM_EXAMPLES]:
        print(f"  {line}")
    if len(lines) > NUM_EXAMPLES:
        print(f"  and {len(lines) - NUM_EXAMPLES} more")


if __name__ == "__main__":
    sys.exit(main())
