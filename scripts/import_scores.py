"""Score files of others to Heatpool's: ``make import-scores``.

Reads the folder of scores that HP-Net's release makes (.npy with lists of names, and pickles), and other
teams' pickles and .npy files: name -> vector; place -> vector, lists of vectors and arrays, with --list; and
{"predictions": ..., "labels": ...}. Pickles are read as plain data, so that nothing in them can run. Writes
STREAM.npz per stream, for `make ensemble`.
"""

import argparse
import logging
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from extract.datasets import DATASETS
from scripts.logs import log_to_stderr
from scripts.score_import.expected import (
    expected_of_dataset,
    expected_of_labels,
    expected_of_store,
    expected_of_table,
    known_dataset,
)
from store.errors import StoreError
from train.exchange.found import ExpectedClips, FoundScores, to_scores
from train.exchange.rank_folder import read_array, read_names, read_rank_folder
from train.exchange.score_pickle import read_score_pickle
from train.scores import KINDS, ScoresError, save_scores

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Import; return 0 done, 1 error."""
    options = _parse(argv)
    log_to_stderr()
    try:
        at_first = _expected_at_first(options)
        known = at_first.id_of if at_first else ()
        names = read_names(options.list, known) if options.list else None
        found = _read(options.source, options.stream, names, known)
        expected = at_first or _expected_by_names(found, names, options)
        # every file is looked at before the first is written
        every = {
            stream: to_scores(one, expected, stream=stream, kind=options.kind)
            for stream, one in found.items()
        }
        for stream, scores in every.items():
            save_scores(options.to / f"{stream}.npz", scores)
            print(
                f"{options.to / stream}.npz: {len(scores.clip_ids)} of {len(scores.labels)} expected clips, "
                f"{len(scores.class_names)} classes, {scores.kind}"
            )
    except (StoreError, ValueError, OSError) as error:
        logger.error("%s", error)
        return 1
    return 0


def _read(
    source: Path, stream: str | None, names: Sequence[str] | None, known: Collection[str]
) -> Mapping[str, FoundScores]:
    if source.is_dir():
        found = read_rank_folder(source, known)
        if stream is not None and stream not in found:
            raise ScoresError(f"{source} has no stream {stream!r}; it has {', '.join(found)}")
        return found if stream is None else {stream: found[stream]}
    if source.suffix == ".npy":
        values = read_array(source)
        if names is None or len(names) != len(values):
            count = "none" if names is None else f"{len(names)} names"
            raise ScoresError(
                f"{source}: {len(values)} rows; expected a --list of as many names, found {count}"
            )
        one = FoundScores(str(source), tuple(names), values)
    else:
        one = read_score_pickle(source, names, known)
    return {stream or source.stem: one}


def _expected_at_first(options: argparse.Namespace) -> ExpectedClips | None:
    """Return the clips of a store or a table; None where the files say which clips there are."""
    which = (options.protocol, options.split)
    if options.store:
        return expected_of_store(options.store, *which)
    if options.dataset and known_dataset(options.dataset) is None:
        return expected_of_table(options.dataset, *which)
    return None


def _expected_by_names(
    found: Mapping[str, FoundScores], names: Sequence[str] | None, options: argparse.Namespace
) -> ExpectedClips:
    if options.dataset:
        there = names or tuple({name: None for one in found.values() for name in one.names})
        which = (options.protocol, options.split)
        return expected_of_dataset(DATASETS[options.dataset], there, *which, is_list=names is not None)
    if options.classes is None:
        raise ScoresError(
            "nobody says which clips are expected; give DATASET, STORE or --classes with a file"
        )
    class_names = tuple(
        filter(None, map(str.strip, options.classes.read_text(encoding="utf-8").splitlines()))
    )
    return expected_of_labels(next(iter(found.values())), class_names)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.import_scores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--from", required=True, type=Path, dest="source", metavar="PATH", help="folder, .pkl or .npy"
    )
    parser.add_argument(
        "--to", required=True, type=Path, metavar="FOLDER", help="where STREAM.npz is written"
    )
    parser.add_argument("--dataset", help="what labels the clips: a known dataset, or a CSV/JSONL table")
    parser.add_argument("--store", help="the same from a store: folder or URL")
    parser.add_argument("--protocol", help="which clips are expected (default: the dataset's first protocol)")
    parser.add_argument("--split", default="test", help="of the protocol (default: test)")
    parser.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="names of the expected clips, one per line; places in a file count in it. Of a name with spaces "
        "the store or table must have the clip",
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help="without a dataset: class names, one per line, of a file that has labels itself",
    )
    parser.add_argument(
        "--stream", help="what the scores are called (default: as the file); of a folder: only this"
    )
    parser.add_argument("--kind", choices=KINDS, help="what they are (default: softmax if all rows sum to 1)")
    options = parser.parse_args(argv)
    if options.store and options.dataset:
        parser.error("--store and --dataset: give one of them")
    return options


if __name__ == "__main__":
    sys.exit(main())
