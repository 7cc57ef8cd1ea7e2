"""Score files to fused scores and one table: ``make ensemble``.

Prints top-1, top-5 and the mean of the classes of each stream and of their weighted sum, over all expected
clips: a clip without scores counts as wrong. Files are joined by clip id and class name. Of the last line it
also writes the fused scores, the table per class and the confusion matrix as CSV and picture.

Some ways to call it:
  python -m scripts.ensemble_scores --scores runs/mine --weights hpj=0.6 hpb=0.4
  python -m scripts.ensemble_scores --scores a.npz b.npz --weights a:softmax=1 b:softmax=2
  python -m scripts.ensemble_scores --scores runs/mine --weights fit --fit-on subjects:2,10
  python -m scripts.ensemble_scores --scores runs/mine --weights fit --fit-scores runs/mine/*/on-*-val
  python -m scripts.ensemble_scores --scores runs/mine --streams hpj hpb hpj+hpb hpj+hpb+hpnet
"""

import argparse
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.logs import log_to_stderr
from store.durable import write_file
from store.errors import StoreError
from train.ensemble import PUBLISHED, Weights, equal_weights, fuse, parse_weights
from train.fit_weights import check_apart, fit_clips, fit_weights
from train.metrics import Metrics, measure
from train.report_confusion import draw_confusion
from train.report_tables import classes_csv, confusion_csv, render_classes, render_rows, rows_csv
from train.run_folder import RECIPE, SCORES
from train.scores import TRAINED_ALREADY, Scores, ScoresError, load_scores, save_scores

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Fuse, print and write; return 0 done, 1 error."""
    options = _parse(argv)
    log_to_stderr()
    try:
        _ensemble(options)
    except (StoreError, ValueError, OSError) as error:
        logger.error("%s", error)
        return 1
    return 0


def _ensemble(options: argparse.Namespace) -> None:
    streams = _load(options.scores)
    rows = _rows(options.streams, streams)
    for_fit: Mapping[str, Scores] = {}
    fitted_on = ""
    if options.weights == ["fit"]:
        if options.fit_scores:
            for_fit = _load(options.fit_scores)
            fitted_on = check_apart(for_fit, streams)
            print(f"Weights are fitted on {fitted_on}.")
        else:
            first = next(iter(streams.values()))
            chosen, fitted_on = fit_clips(first, options.fit_on)
            for_fit = {name: scores.of(chosen) for name, scores in streams.items()}
            streams = {name: scores.of(set(scores.labels) - chosen) for name, scores in streams.items()}
            num_left = len(next(iter(streams.values())).labels)
            print(
                f"Weights are fitted on {len(chosen)} of {len(first.labels)} clips ({fitted_on}); "
                f"all figures are of the other {num_left}."
            )
            fitted_on += ", which are left out here"
    metrics: dict[str, Metrics] = {}
    weights_of: dict[str, str] = {}
    for row, names in rows.items():
        parts = {name: streams[name] for name in names}
        weights: Weights = {}
        if len(names) > 1:
            its_fit = {name: for_fit[name] for name in names} if for_fit else {}
            weights, words = _weights(options.weights, parts, its_fit)
            if missing := [name for name in names if name not in weights]:
                raise ScoresError(
                    f"{row}: no weight for {', '.join(missing)}; add it to WEIGHTS or leave it out"
                )
            weights_of[row] = ", ".join(f"{name} {weights[name]}" for name in names) + f"; {words}"
            if fitted_on:
                weights_of[row] += f" on {fitted_on}"
        fused = fuse(parts, weights)
        metrics[row] = measure(fused, missing_is_wrong=not options.leave_out_missing)
    last = metrics[row]
    source = fused.source
    what = " ".join(str(source[key]) for key in ("dataset", "protocol") if key in source) or "scores"
    folder = options.to or _default_folder(options.scores[0])
    save_scores(folder / "scores.npz", fused)
    for name, text in (
        ("table.csv", rows_csv(metrics, weights_of)),
        ("classes.csv", classes_csv(last)),
        ("confusion.csv", confusion_csv(last)),
    ):
        write_file(folder / name, text.encode())
    draw_confusion(folder / "confusion.png", last, f"{what}: {row}")
    print(
        f"{what}: {last.num_scored} of {last.num_expected} expected clips have scores in the last line; "
        + ("clips without are left out" if options.leave_out_missing else "a clip without counts as wrong")
        + (f"; {last.num_unexpected} rows of other clips are left out" if last.num_unexpected else "")
    )
    if trained := source.get(TRAINED_ALREADY):
        print(f"{trained} or more of the test clips trained a stream of the last line")
    print(render_rows(metrics))
    if weights_of:
        print("weights:")
        width = max(map(len, metrics))
        for name, words in weights_of.items():
            print(f"{name:{width}}   {words}")
    print(f"\n{row}, by class:\n{render_classes(last)}")
    print(f"\n{folder}: table.csv; of {row}: scores.npz, classes.csv, confusion.csv, confusion.png")


def _load(words: Sequence[str]) -> dict[str, Scores]:
    """Read ``[name=]file`` or folder; a file without a name is called by its stream, else as the file."""
    paths: list[tuple[str, Path]] = []
    for word in words:
        name, equals, rest = word.partition("=")
        name, path = (name, Path(rest)) if equals else ("", Path(word))
        if path.is_dir():
            runs = [run for run in sorted(path.iterdir()) if (run / RECIPE).exists()]
            found = sorted(path.glob("*.npz")) or [run / SCORES for run in runs]
            if not found:
                raise ScoresError(
                    f"{path}: no .npz and no run in it; `make train`, `make evaluate` and "
                    "`make import-scores` write such"
                )
            if name and len(found) > 1:
                raise ScoresError(
                    f"{word}: {path} has {len(found)} score files, such as {found[0].name}; expected one "
                    "where there is a name"
                )
            paths += [(name, one) for one in found]
        else:
            paths.append((name, path))
    streams: dict[str, Scores] = {}
    for name, path in paths:
        if not path.exists():
            raise ScoresError(f"{path}: no such file; expected score files of Heatpool, or a folder of them")
        scores = load_scores(path)
        name = name or str(scores.source.get("stream") or path.stem)
        if name in streams:
            raise ScoresError(
                f"{streams[name].where} and {path} are both called {name!r}; name one: other={path}"
            )
        streams[name] = scores
    return streams


def _rows(wanted: Sequence[str] | None, streams: Mapping[str, Scores]) -> dict[str, list[str]]:
    """Return name of a line -> its streams; without a wish each stream, and then all of them."""
    every = [*streams, "+".join(streams)]
    rows = {row: [row] if row in streams else row.split("+") for row in wanted or every}
    for names in rows.values():
        strange = [name for name in names if name not in streams]
        if strange or len(set(names)) < len(names):
            raise ScoresError(
                f"STREAMS {'+'.join(names)!r}: {'no such stream' if strange else 'a stream twice'}; "
                f"there are {', '.join(streams)}"
            )
    return rows


def _weights(
    wish: Sequence[str] | None, parts: Mapping[str, Scores], for_fit: Mapping[str, Scores]
) -> tuple[Weights, str]:
    """Return a line's weights, and where they are from."""
    source = next(iter(parts.values())).source
    benchmark = f"{source.get('dataset')}/{source.get('protocol')}"
    if wish == ["fit"]:
        return fit_weights(for_fit, by_class=source.get("metric") == "mean_class"), "fitted"
    if wish == ["equal"]:
        return equal_weights(list(parts)), "equal"
    if wish is None:
        if benchmark in PUBLISHED and parts.keys() <= PUBLISHED[benchmark].keys():
            return PUBLISHED[benchmark], _published(benchmark)
        return equal_weights(list(parts)), "equal, as none are given or published"
    if len(wish) == 1 and "=" not in wish[0]:
        if wish[0] not in PUBLISHED:
            known = ", ".join(PUBLISHED)
            raise ScoresError(f"WEIGHTS {wish[0]!r}: expected stream=number, fit, equal, or one of {known}")
        return PUBLISHED[wish[0]], _published(wish[0])
    return parse_weights(wish), "given"


def _published(benchmark: str) -> str:
    return f"published for {benchmark}, where they were tuned on the test clips"


def _default_folder(first: str) -> Path:
    path = Path(first.rpartition("=")[2])
    return (path if path.is_dir() else path.parent) / "ensemble"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ensemble_scores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scores",
        required=True,
        nargs="+",
        metavar="[NAME=]FILE",
        help="score files, or folders of them or of runs; each is called by its stream, or by NAME",
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        metavar="STREAM[:KIND]=NUMBER",
        help="weight of each stream, of its scores as they are, or as KIND logits or softmax; or `equal` "
        "(mean of the probabilities); or `fit`; or whose published ones: "
        + ", ".join(PUBLISHED)
        + " (default: the "
        "published ones of the scores' own dataset and protocol, for hpj hpb hpjm hpbm hpnet; else equal)",
    )
    parser.add_argument(
        "--fit-on",
        metavar="CLIPS",
        help="with `fit`: the clips to fit on, which are then not reported: half or half:SEED (of each "
        "class), subjects:2,10, or a file of clip ids (default: half)",
    )
    parser.add_argument(
        "--fit-scores",
        nargs="+",
        metavar="[NAME=]FILE",
        help="with `fit`: score files of other clips to fit on, such as those of `make evaluate` with "
        "--split val; nothing is left out of the report then",
    )
    parser.add_argument(
        "--streams",
        nargs="+",
        metavar="NAME[+NAME...]",
        help="the lines of the table (default: each stream, then all of them together)",
    )
    parser.add_argument(
        "--leave-out-missing", action="store_true", help="do not count clips without scores as wrong"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="for what is written (default: ensemble, beside the scores)"
    )
    options = parser.parse_args(argv)
    if options.fit_on and options.fit_scores:
        parser.error("--fit-on and --fit-scores: give one of them")
    if (options.fit_on or options.fit_scores) and options.weights != ["fit"]:
        parser.error("--fit-on and --fit-scores are for --weights fit")
    options.fit_on = options.fit_on or "half"
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
