"""Show what a store holds: ``python -m scripts.show_info --store data/stores/uav_human``."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from store import StoreError, open_store
from store.summary import render_summary, summarize
from store.writer import work_folder

_FEW = 10  # failed clips that are listed unless all are wanted


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.show_info",
        description="Show what a store holds: clips and their status, classes, splits, arrays and sizes, the "
        "settings and the software it was made with, and which clips failed.",
    )
    parser.add_argument(
        "--store", required=True, help="folder of the store, or any fsspec URL (s3://..., https://...)"
    )
    parser.add_argument(
        "--failures", action="store_true", help=f"list every failed clip, not only the first {_FEW}"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for other programs")
    options = parser.parse_args(argv)
    try:
        summary = summarize(open_store(options.store), num_waiting=_num_waiting(options.store))
    except (StoreError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(summary, indent=1))
    else:
        print(render_summary(summary, max_failures=None if options.failures else _FEW), end="")
    return 0


def _num_waiting(address: str) -> int | None:
    if not Path(address).is_dir():
        return None  # only a store in a folder has its spool beside it
    return len(list((work_folder(Path(address)) / "spool").glob("*.npz")))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
