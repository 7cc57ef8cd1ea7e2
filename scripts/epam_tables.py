"""EPAM-Net on the demo: what each stream, the attention, and an ensemble with the pooled streams bring.

A cell is the mean over seeds and, after the sign, their standard deviation. Each stream is trained once per
seed, and both joint networks begin with it. Trainings run side by side, one thread each; what is finished is
kept, and --only-print shows the table of that.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from train.config import Recipe, complete_recipe, parse_choices, parse_recipe
from train.epam.recipe import EpamRecipe
from train.method import make_recipe
from train.run_folder import SCORES, run_name
from train.scores import load_scores
from train.splits import first_protocol

_POOLED = ("hpj", "hpb", "hpjm", "hpbm")
_JOINT: Mapping[str, Literal["nested", "none"]] = {"epam": "nested", "epam, no attention": "none"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: of several members the mean of their probabilities."""

    name: str
    members: tuple[str, ...]


ROWS = (
    Row("pose alone", ("xshift_pose",)),
    Row("RGB alone", ("xshift_rgb",)),
    Row("pose alone + RGB alone", ("xshift_pose", "xshift_rgb")),
    Row("EPAM-Net without attention", ("epam, no attention",)),
    Row("EPAM-Net", ("epam",)),
    *(Row(stream, (stream,)) for stream in _POOLED),
    Row("+".join(_POOLED), _POOLED),
    Row("EPAM-Net + " + "+".join(_POOLED), ("epam", *_POOLED)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Train and print; return 0 done, 1 error, 130 stopped and resumable."""
    options = _parse(argv)
    return exit_status(lambda: _make(options))


def _make(options: argparse.Namespace) -> None:
    reader = open_store(options.store)
    protocol = options.protocol or first_protocol(reader)
    epam, graph = (
        parse_recipe(path.read_text(encoding="utf-8"), str(path))
        for path in (options.recipe, options.graph_recipe)
    )
    epam = epam | parse_choices(options.choices)
    trainings = {
        seed: _trainings(options.out, epam | {"seed": seed}, graph | {"seed": seed})
        for seed in range(1, options.seeds + 1)
    }
    every = {folder: recipe for one in trainings.values() for folder, recipe in one.values()}
    check_recipes(every)
    check_scores(reader, protocol, every)
    if not options.only_print:
        for are_joint in (False, True):  # joint networks begin with streams that are trained
            recipes = {
                folder: recipe
                for of_seed in trainings.values()
                for name, (folder, recipe) in of_seed.items()
                if (name in _JOINT) == are_joint
            }
            train_side_by_side(reader, protocol, recipes, num_processes=options.processes)
    found: dict[tuple[str, ...], Sequence[Line]] = {
        (row.name,): [line for one in trainings.values() for line in _line(row, one)] for row in ROWS
    }
    table = render_over_seeds(reader.facts.dataset.name, ("network",), found)
    write_file(options.out / "table.md", f"{table}\n".encode())
    print(table)


def _trainings(
    out: Path, epam: Mapping[str, object], graph: Mapping[str, object]
) -> dict[str, tuple[Path, Recipe]]:
    """Return name -> folder and recipe of the trainings of a seed."""
    joint = {
        name: complete_recipe(EpamRecipe, dict(epam) | {"stream": "epam", "attention": attention})
        for name, attention in _JOINT.items()
    }
    pooled = {stream: make_recipe(dict(graph) | {"stream": stream}) for stream in _POOLED}
    streams = {recipe.stream: recipe for recipe in joint["epam"].stages()} | pooled
    # a joint training looks for its streams beside it, by this name
    found = {name: (out / run_name(recipe), recipe) for name, recipe in streams.items()}
    for name, recipe in joint.items():
        found[name] = out / f"{run_name(recipe)}-{recipe.attention}", recipe
    return found


def _line(row: Row, trainings: Mapping[str, tuple[Path, Recipe]]) -> list[Line]:
    """Return a row's line of one seed, or nothing as long as one of its trainings is not finished."""
    paths = {name: trainings[name][0] / SCORES for name in row.members}
    if not all(path.exists() for path in paths.values()):
        return []
    return compare({name: load_scores(path) for name, path in paths.items()})[-1:]


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.epam_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "choices", nargs="*", metavar="name=value", help="choices of EPAM-Net's recipe: pose_epochs=6"
    )
    parser.add_argument("--store", default="data/stores/demo", help="folder or URL (default: %(default)s)")
    parser.add_argument(
        "--protocol", help="of the store (default: its first), leave_one_subject_out, or kfold:N by subject"
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        default=Path("train/recipes/demo_epam.json"),
        help="a JSON file of EPAM-Net's choices, its streams' among them (default: %(default)s)",
    )
    parser.add_argument(
        "--graph-recipe",
        type=Path,
        default=Path("train/recipes/demo.json"),
        help="a JSON file of the pooled streams' choices (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo/epam_table"),
        help="folder of all trainings and of table.md (default: %(default)s)",
    )
    add_table_options(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    sys.exit(main())
