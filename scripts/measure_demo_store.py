"""Hold a store of the demo against what is true of its videos. Markdown on stdout.

Recall and precision at an overlap of 0.5; PCK: seen joints within a tenth of the height of the box; and how
often an actor changes slots (two who swap are two changes). Clips without data count as missed.
"""

import argparse
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from extract.datasets.demo import TOLD_BY
from scripts.demo_videos.truth import ClipTruth, read_truth
from scripts.demo_weights.through_store import Tally, tally, total, truth_at
from store import StoreError, StoreReader, open_store
from store.table import WITH_DATA


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row per kind of class; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.measure_demo_store",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--store", default="data/stores/demo", help="default: %(default)s")
    parser.add_argument("--videos", type=Path, default=Path("data/raw/demo"), help="default: %(default)s")
    options = parser.parse_args(argv)
    try:
        rows = _measure(open_store(options.store), options.videos)
    except (StoreError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("clips told apart by | clips | recall | precision | PCK | changes of slot")
    print("|".join(["---"] * 6))
    for name, tallies in rows.items():
        if tallies:
            sums = total(tallies)
            shares = " | ".join(f"{share:.3f}" for share in (sums.recall, sums.precision, sums.pck))
            num_clips = sum(one.num_switches > 0 for one in tallies)
            print(f"{name} | {len(tallies)} | {shares} | {sums.num_switches} in {num_clips} clips")
    return 0


def _measure(reader: StoreReader, videos: Path) -> dict[str, list[Tally]]:
    told_by = {name: kind for kind, names in TOLD_BY.items() for name in names}
    rows: dict[str, list[Tally]] = {kind: [] for kind in ("all", *TOLD_BY)}
    for row in reader.rows:
        video = videos / row.entry.path
        truth = read_truth(video.with_suffix(".json"))
        if row.outcome.status in WITH_DATA:
            if row.outcome.source_sha256 != sha256(video.read_bytes()).hexdigest():
                raise ValueError(f"{video} is not the video that {reader.address} was made of")
            clip = _tally(reader, row.entry.id, truth)
        else:  # all of it was missed
            num_frames = len(truth.boxes_xyxy)
            nobody = np.zeros((num_frames, 1, 4)), np.zeros((num_frames, 1, 17, 2))
            clip = tally(truth, *nobody, np.zeros((num_frames, 1), bool))
        rows["all"].append(clip)
        rows[told_by[str(row.entry.label)]].append(clip)
    return rows


def _tally(reader: StoreReader, clip_id: str, truth: ClipTruth) -> Tally:
    return tally(
        truth_at(truth, np.asarray(reader.read("frame_positions", clip_id), np.float64)),
        np.asarray(reader.read("boxes", clip_id), np.float64),
        reader.keypoints(clip_id).astype(np.float64),
        reader.person_valid(clip_id),
    )


if __name__ == "__main__":
    sys.exit(main())
