"""The demo's table of streams and models, per kind of class: train what is missing, print it in Markdown.

Eight streams with CTR-GCN and their two ensembles of four; hpj and j with the other two models. A cell is the
mean over seeds and, after the sign, their standard deviation. Trainings run side by side, one thread each,
seed after seed; what is finished is kept, and --only-print shows the table of that.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_results.lines import Line, compare
from scripts.demo_results.over_seeds import render_over_seeds
from scripts.side_by_side import (
    add_table_options,
    check_recipes,
    check_scores,
    exit_status,
    train_side_by_side,
)
from store import open_store
from store.durable import write_file
from train.config import Recipe, parse_recipe
from train.method import make_recipe
from train.run_folder import SCORES
from train.scores import load_scores
from train.splits import first_protocol

_POOLED, _POSE = ("hpj", "hpb", "hpjm", "hpbm"), ("j", "b", "jm", "bm")
# narrow, so that all of it fits into hours on two cores; MixFormer has no narrower form
_WIDTHS = {"ctrgcn": 16, "mixformer": 40, "stgcnpp": 16}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: streams of one model, of several the mean of their probabilities."""

    streams: tuple[str, ...]
    model: str


ROWS = (
    *(Row((stream,), "ctrgcn") for stream in _POOLED),
    Row(_POOLED, "ctrgcn"),
    *(Row((stream,), "ctrgcn") for stream in _POSE),
    Row(_POSE, "ctrgcn"),
    *(Row((stream,), model) for model in ("mixformer", "stgcnpp") for stream in ("hpj", "j")),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Train and print; return 0 done, 1 error, 130 stopped and resumable."""
    options = _parse(argv)
    return exit_status(lambda: _make(options))


def _make(options: argparse.Namespace) -> None:
    reader = open_store(options.store)
    protocol = first_protocol(reader)
    choices = parse_recipe(options.recipe.read_text(encoding="utf-8"), str(options.recipe))
    seeds = range(1, options.seeds + 1)
    recipes = {
        _folder(options.out, stream, row.model, seed): _recipe(choices, stream, row.model, seed)
        for seed in seeds
        for row in ROWS
        for stream in row.streams
    }
    check_recipes(recipes)
    check_scores(reader, protocol, recipes)
    if not options.only_print:
        train_side_by_side(reader, protocol, recipes, num_processes=options.processes)
    found = {row: [line for seed in seeds for line in _line(options.out, row, seed)] for row in ROWS}
    table = render_markdown(reader.facts.dataset.name, found)
    write_file(options.out / "table.md", f"{table}\n".encode())
    print(table)


def _recipe(choices: Mapping[str, object], stream: str, model: str, seed: int) -> Recipe:
    own = {"stream": stream, "model": model, "seed": seed}
    return make_recipe({"width": _WIDTHS[model]} | dict(choices) | own)


def _folder(out: Path, stream: str, model: str, seed: int) -> Path:
    return out / f"{stream}-{model}-seed{seed}"


def _line(out: Path, row: Row, seed: int) -> list[Line]:
    """Return a row's line of one seed, or nothing as long as one of its trainings is not finished."""
    paths = {stream: _folder(out, stream, row.model, seed) / SCORES for stream in row.streams}
    if not all(path.exists() for path in paths.values()):
        return []
    return compare({stream: load_scores(path) for stream, path in paths.items()})[-1:]


def render_markdown(dataset: str, found: Mapping[Row, Sequence[Line]]) -> str:
    """Return the table: percent right per kind of class, of the seeds that are there.

    Raises:
        ValueError: nothing is there yet.
    """
    cells: dict[tuple[str, ...], Sequence[Line]] = {
        ("+".join(row.streams), row.model): lines for row, lines in found.items()
    }
    return render_over_seeds(dataset, ("streams", "model"), cells)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.demo_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--store", default="data/stores/demo_full", help="folder or URL (default: %(default)s)"
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        default=Path("train/recipes/demo_full.json"),
        help="a JSON file of choices, the same for all (default: %(default)s); widths, where it names none: "
        + ", ".join(f"{model} {width}" for model, width in _WIDTHS.items()),
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo_full/table"),
        help="folder of all trainings and of table.md (default: %(default)s)",
    )
    add_table_options(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
