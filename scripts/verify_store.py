"""Check every file of a store: ``python -m scripts.verify_store --store data/stores/uav_human``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from store import StoreError
from store.manifest import verify_store
from store.writer import is_being_written


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is wrong with the store; return the exit status: 0 whole, 4 not, 1 no store."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.verify_store",
        description="Compare every file of a store with its manifest; print what is damaged, missing, extra, "
        "one line per file. Exit status: 0 the store is whole, 4 it is not, 1 it cannot be checked.",
    )
    parser.add_argument("--store", required=True, type=Path, help="folder of the store")
    options = parser.parse_args(argv)
    if is_being_written(options.store):
        print(
            f"a run is writing {options.store} right now: files that are newer than the manifest show up "
            "below; check again when it is done",
            file=sys.stderr,
        )
    num_files = num_problems = 0

    def track(names: Sequence[str]) -> "tqdm[str]":
        nonlocal num_files
        num_files = len(names)
        # None: on a terminal only
        return tqdm(names, unit="file", disable=None, file=sys.stderr, leave=False)

    try:
        for problem in verify_store(options.store, track):
            num_problems += 1
            tqdm.write(f"{problem.path}: {problem.what}", file=sys.stdout)
    except (StoreError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    verdict = "the store is whole" if num_problems == 0 else f"{num_problems} problems"
    print(f"{num_files} files checked: {verdict}")
    return 4 if num_problems else 0


if __name__ == "__main__":
    sys.exit(main())
