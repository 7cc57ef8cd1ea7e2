"""HP-Net's tables on the demo, in Markdown: train what is missing, test it, print what is there.

  fusion    what pooled features add to video and text, by how they are fused (the paper's Table XII)
  detector  with a detector and without, on a second store (XIII)
  hard      the same networks on videos that are hard to see, a store of which is only tested on (XV)
  streams   HP-Net beside the streams of graph models, and together, all probabilities counting alike (XVII)

A cell is the mean over seeds and, after the sign, their standard deviation. Trainings run side by side, one
thread each, seed after seed; what is finished is kept, and --only-print shows the tables of that. The other
stores are of these commands, and have the settings of the first one:
  make extract DETECTOR=none STORE=data/stores/demo_whole_frame
  make videos VIDEOS=data/raw/demo_hard DATASET=demo ARGS="--conditions occluded,dark,overexposed"
  make extract VIDEOS=data/raw/demo_hard STORE=data/stores/demo_hard
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_results.hpnet_lines import DETECTED, FUSIONS, HARD, STREAMS, Training
from scripts.demo_results.hpnet_results import (
    ON_HARD,
    WHOLE_FRAME,
    Runs,
    detector_table,
    fusion_table,
    hard_table,
    stream_table,
)
from scripts.side_by_side import (
    add_table_options,
    check_recipes,
    check_scores,
    exit_status,
    train_side_by_side,
)
from store import StoreReader, open_store
from store.durable import write_file
from train.checkpoint import load_checkpoint
from train.config import Recipe, parse_choices, parse_recipe
from train.device import find_devices
from train.evaluate import score_fold
from train.method import make_recipe
from train.run_folder import CHECKPOINT, SCORES
from train.score_source import source_of_all, unlike_source
from train.scores import load_scores, save_scores
from train.splits import first_protocol, folds


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what it says, of which trainings, and how it looks for a dataset's name."""

    title: str
    trainings: tuple[Training, ...]
    render: Callable[[str, Runs], str]


TABLES: Mapping[str, Table] = {
    "fusion": Table("How pooled features are fused (Table XII)", FUSIONS, fusion_table),
    "detector": Table("Without and with a detector (Table XIII)", DETECTED, detector_table),
    "hard": Table("Trained on normal videos, tested on hard ones (Table XV)", HARD, hard_table),
    "streams": Table("Streams and their ensembles, equal weights (Table XVII)", STREAMS, stream_table),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Train and print; return 0 done, 1 error, 130 stopped and resumable."""
    options = _parse(argv)
    return exit_status(lambda: _make(options))


def _make(options: argparse.Namespace) -> None:
    runs = Runs(options.out, range(1, options.seeds + 1))
    reader = open_store(options.store)
    wanted = dict.fromkeys(one for name in options.only for one in TABLES[name].trainings)
    recipes = _recipes(options, runs, wanted)
    of_whole_frame = _recipes(options, runs, DETECTED, WHOLE_FRAME) if "detector" in options.only else {}
    check_recipes(recipes | of_whole_frame)
    stores = [(reader, recipes)]
    if of_whole_frame and _is_needed(options, of_whole_frame, SCORES):
        stores.append((open_store(options.whole_frame_store), of_whole_frame))
    for store, its_recipes in stores:
        check_scores(store, first_protocol(store), its_recipes)
    normal = [runs.folder(one, seed) for seed in runs.seeds for one in HARD]
    hard = None
    if "hard" in options.only and _is_needed(options, normal, ON_HARD):
        hard = open_store(options.hard_store)
    if not options.only_print:
        for store, its_recipes in stores:
            train_side_by_side(store, first_protocol(store), its_recipes, num_processes=options.processes)
        if hard is not None:
            _test_on(hard, normal)
    elif hard is not None:
        advice = "leave --only-print out to test on this one"
        check_scores(hard, first_protocol(hard), normal, file=ON_HARD, or_else=advice)
    head = f"{reader.facts.dataset.title}, {first_protocol(reader)}: percent of test clips right\n"
    made = {
        name: f"{TABLES[name].title}\n\n{TABLES[name].render(reader.facts.dataset.name, runs)}\n"
        for name in options.only
    }
    for name, text in made.items():  # each its file: another table may be of another recipe
        write_file(options.out / f"{name}.md", f"{head}\n{text}".encode())
    print("\n".join([head, *made.values()]), end="")


def _recipes(
    options: argparse.Namespace, runs: Runs, trainings: Iterable[Training], suffix: str = ""
) -> dict[Path, Recipe]:
    """Return folder -> recipe of all seeds of some trainings, seed after seed."""
    return {
        runs.folder(one, seed, suffix): _recipe(options, one, seed)
        for seed in runs.seeds
        for one in trainings
    }


def _is_needed(options: argparse.Namespace, folders: Iterable[Path], file: str) -> bool:
    """Return whether a store is needed: to print, only if there are scores of it."""
    return not options.only_print or any((folder / file).exists() for folder in folders)


def _test_on(hard: StoreReader, folders: Iterable[Path]) -> None:
    """Score the test clips of a store with what another one taught, where that is not done yet."""
    protocol = first_protocol(hard)
    fold, source = folds(hard, protocol)[0], source_of_all(hard, protocol)
    for folder in folders:
        path = folder / ON_HARD
        if not path.exists() or unlike_source(load_scores(path), source):
            checkpoint = load_checkpoint(folder / CHECKPOINT)
            device = find_devices("cpu")[0]
            save_scores(path, score_fold(checkpoint, hard, fold, protocol=protocol, device=device))


def _recipe(options: argparse.Namespace, one: Training, seed: int) -> Recipe:
    path: Path = options.recipe if one.is_hpnet else options.stream_recipe
    choices = parse_recipe(path.read_text(encoding="utf-8"), str(path))
    return make_recipe(choices | dict(one.choices) | parse_choices(options.choices) | {"seed": seed})


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.hpnet_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "choices", nargs="*", metavar="name=value", help="choices of all recipes, to try it: epochs=1"
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(TABLES),
        help=f"tables to train for and print, with commas between (default: {','.join(TABLES)})",
    )
    parser.add_argument("--store", default="data/stores/demo", help="folder or URL (default: %(default)s)")
    parser.add_argument(
        "--whole-frame-store",
        default="data/stores/demo_whole_frame",
        help="the same videos without a detector (default: %(default)s)",
    )
    parser.add_argument(
        "--hard-store",
        default="data/stores/demo_hard",
        help="videos that are hard to see (default: %(default)s)",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        default=Path("train/recipes/demo_hpnet.json"),
        help="of HP-Net, the same for all (default: %(default)s)",
    )
    parser.add_argument(
        "--stream-recipe",
        type=Path,
        default=Path("train/recipes/demo.json"),
        help="of the streams of graph models (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo/hpnet"),
        help="folder of all trainings and of NAME.md of each table (default: %(default)s)",
    )
    add_table_options(parser)
    options = parser.parse_intermixed_args(argv)
    if strange := [name for name in options.only if name not in TABLES]:
        parser.error(f"--only {strange[0]}; expected some of {','.join(TABLES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
