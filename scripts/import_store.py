"""Files of other formats to a store: ``make import``. Resumes; a clip is never imported twice."""

import argparse
import logging
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from extract.datasets import DATASETS
from extract.imported import name_clips
from extract.progress import Progress
from scripts.logs import log_to_file, log_to_stderr
from store.errors import StoreError
from store.exchange.fill import import_clips
from store.exchange.kinect_folder import KinectFolder
from store.exchange.npy_folder import NpyFolder
from store.exchange.npy_layout import EMPTY_SLOTS
from store.exchange.pyskl import PysklPickle
from store.exchange.skeletons import read_skeleton
from store.exchange.source import Source
from store.facts import StoreFacts
from store.table import NOT_RIGHT
from store.writer import StoreWriter

logger = logging.getLogger(__name__)

# format -> its own options, in the names of the parsed ones
_OPTIONS = {"npy": ("tap", "empty_slot", "skeleton"), "pyskl": ("classes", "skeleton"), "ntu-skeleton": ()}


def main(argv: Sequence[str] | None = None) -> int:
    """Import; return 0 done, 1 error, 3 some clips failed, 130 stopped and resumable."""
    options = _parse(argv)
    log_to_stderr()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _import(options)
    except (StoreError, ValueError, OSError) as error:
        logger.error("%s", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped; the same command goes on from the last finished clip")
        return 130


def _import(options: argparse.Namespace) -> int:
    source = _open(options)
    folder = options.source if options.source.is_dir() else options.source.parent
    clips = name_clips(source, options.dataset, folder)
    for note in clips.notes:
        logger.info("%s", note)
    meaning = {"dataset": clips.facts.name, **source.meaning}
    facts = StoreFacts(clips.facts, source.skeleton, source.layout, meaning)
    execution = {"numpy": version("numpy")}
    with StoreWriter(options.store, facts, clips.entries, execution) as writer:
        log_to_file(writer.work / "run.log")
        if options.retry_failed:
            writer.forget_failures(entry.id for entry in clips.entries)
        todo = sum(writer.outcome(entry.id).status == "pending" for entry in clips.entries)
        with Progress(total=len(clips.entries), num_before=len(clips.entries) - todo) as progress:
            import_clips(writer, clips.entries, source, progress.advance)
        statuses = Counter(writer.outcome(entry.id).status for entry in clips.entries)
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    print(f"{options.store}: {statuses.total()} clips: {counts}; {todo} new")
    if any(statuses[status] for status in NOT_RIGHT):
        logger.warning("some clips failed: `make info` lists them, --retry-failed tries them again")
        return 3
    return 0


def _open(options: argparse.Namespace) -> Source:
    skeleton = read_skeleton(options.skeleton) if options.skeleton else None
    if options.format == "npy":
        return NpyFolder(options.source, tap=options.tap, empty_slot=options.empty_slot, skeleton=skeleton)
    if options.format == "ntu-skeleton":
        return KinectFolder(options.source)
    known = DATASETS.get(options.dataset)
    names = known.class_names if known else None
    if options.classes:
        names = tuple(filter(None, map(str.strip, options.classes.read_text(encoding="utf-8").splitlines())))
    return PysklPickle(options.source, class_names=names, skeleton=skeleton)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.import_store", description=__doc__)
    parser.add_argument(
        "--format",
        required=True,
        choices=_OPTIONS,
        help="npy: folder of HP-Net's pooled features; pyskl: a pickle of poses; ntu-skeleton: folder of "
        "NTU RGB+D's .skeleton files",
    )
    parser.add_argument(
        "--from", required=True, type=Path, dest="source", metavar="PATH", help="the folder or the pickle"
    )
    parser.add_argument("--store", required=True, type=Path, help="folder; one that exists is continued")
    parser.add_argument(
        "--dataset",
        help="what gives labels, splits and terms: a known dataset, or a CSV/JSONL table (default: what the "
        "files say of themselves)",
    )
    parser.add_argument("--tap", help="npy: the name of the features (default: as exported, else H2)")
    parser.add_argument(
        "--empty-slot",
        choices=EMPTY_SLOTS,
        help="npy: what a person's slot holds who is not there: a copy of another person, as in the release, "
        "or zeros (default: as exported, else copied)",
    )
    parser.add_argument("--classes", type=Path, help="pyskl: file with one class name per line, in order")
    parser.add_argument(
        "--skeleton",
        type=Path,
        help='npy, pyskl: JSON file {"joint_names": [...], "links": [["head", "neck"], ...]} (default: as '
        "exported, else COCO for 17 joints, NTU for 25)",
    )
    parser.add_argument("--retry-failed", action="store_true", help="also try clips again that failed before")
    options = parser.parse_args(argv)
    for name in ("tap", "empty_slot", "classes", "skeleton"):
        if getattr(options, name) is not None and name not in _OPTIONS[options.format]:
            parser.error(f"--{name.replace('_', '-')} means nothing with --format {options.format}")
    return options


if __name__ == "__main__":
    sys.exit(main())
