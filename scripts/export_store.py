"""A store to files of other formats: ``make export``."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from extract.progress import Progress
from scripts.logs import log_to_stderr
from store import open_store
from store.errors import StoreError
from store.exchange.export_npy import export_npy
from store.exchange.export_pyskl import POSE_DTYPES, export_pyskl
from store.exchange.npy_layout import EMPTY_SLOTS
from store.exchange.report import warning_of_terms
from store.table import ClipRow

logger = logging.getLogger(__name__)

# format -> its own options, in the names of the parsed ones
_OPTIONS = {"npy": ("tap", "empty_slot"), "pyskl": ("dtype",)}


def main(argv: Sequence[str] | None = None) -> int:
    """Export; return 0 done, 1 error, 130 stopped."""
    options = _parse(argv)
    log_to_stderr()
    try:
        reader = open_store(options.store)
        if (warning := warning_of_terms(reader.facts.dataset)) is not None:
            logger.warning("%s", warning)
        if options.format == "npy":
            report = export_npy(
                reader, options.target, tap=options.tap, empty_slot=options.empty_slot, track=_track
            )
        else:
            report = export_pyskl(reader, options.target, dtype=options.dtype, track=_track)
    except (StoreError, OSError) as error:
        logger.error("%s", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped; run the same command again")
        return 130
    print(f"{options.target}: {report.line()}")
    return 0


def _track(rows: Sequence[ClipRow]) -> Iterator[ClipRow]:
    with Progress(total=len(rows), num_before=0) as progress:
        for row in rows:
            yield row
            progress.advance(row.outcome)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.export_store", description=__doc__)
    parser.add_argument(
        "--format",
        required=True,
        choices=_OPTIONS,
        help="npy: a folder of pooled features as HP-Net's release has them; pyskl: a pickle of poses, which "
        "mmaction2 reads too",
    )
    parser.add_argument("--store", required=True, help="folder of the store, or any fsspec URL")
    parser.add_argument(
        "--to", required=True, type=Path, dest="target", metavar="PATH", help="the folder or the pickle"
    )
    parser.add_argument("--tap", help="npy: which features (default: the store's first tap)")
    parser.add_argument(
        "--empty-slot",
        choices=EMPTY_SLOTS,
        help="npy: what a person's slot holds who is not there: a copy of another person, as in the release, "
        "or zeros (default: as imported, else copied)",
    )
    parser.add_argument(
        "--dtype", choices=POSE_DTYPES, help="pyskl: of the keypoints (default: as imported, else float32)"
    )
    options = parser.parse_args(argv)
    for name in ("tap", "empty_slot", "dtype"):
        if getattr(options, name) is not None and name not in _OPTIONS[options.format]:
            parser.error(f"--{name.replace('_', '-')} means nothing with --format {options.format}")
    return options


if __name__ == "__main__":
    sys.exit(main())
