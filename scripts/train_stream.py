"""Train a network on a store, and test it: `make train`. The same command resumes."""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pytorch_lightning.utilities import rank_zero_only

from scripts.choices import list_choices
from scripts.logs import log_to_file, log_to_stderr, quiet_lightning
from scripts.runs import add_store, store_of
from store import StoreError, open_store
from train.clip_data import InMemory
from train.config import Recipe, RecipeError, parse_choices, parse_recipe
from train.history import TrainingError
from train.method import choices_for, make_recipe
from train.report_tables import render_classes, render_rows
from train.resume import Stopped, stop_on_signals
from train.run import Machine, train_run
from train.run_folder import LOG, begin_run, forget_unlearned, only_run, run_folder
from train.splits import first_protocol, folds

logger = logging.getLogger(__name__)

_IN_MEMORY: Mapping[str, InMemory] = {"auto": "auto", "device": "device", "ram": True, "no": False}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, test, print the table; return the exit status."""
    options, recipe = _parse(argv)
    log_to_stderr()
    is_first = getattr(rank_zero_only, "rank", 0) == 0  # of the processes, one per GPU, that Lightning starts
    logging.getLogger().setLevel(logging.INFO if is_first else logging.WARNING)
    quiet_lightning()
    try:
        if is_first:
            return _train(options, recipe)
        return _take_part(options, recipe)
    except Stopped:
        logger.warning("stopped; the same command goes on")
        return 130
    except KeyboardInterrupt:
        return 130
    except SystemExit:  # Lightning's answer to a second Ctrl-C
        return 130
    except torch.OutOfMemoryError as error:
        logger.error(
            'error: %s. Show the network fewer clips at once: ARGS="at_once=N", a divisor of the batch', error
        )
        return 1
    except (StoreError, TrainingError, ValueError, OSError) as error:
        logger.error("error: %s", error)
        logger.debug("", exc_info=True)
        return 1


def _train(options: argparse.Namespace, recipe: Recipe) -> int:
    reader = open_store(store_of(options))
    protocol = options.protocol or first_protocol(reader)
    folder = options.run or run_folder(options.runs, reader.facts.dataset.name, protocol, recipe)
    found = folds(reader, protocol)
    with only_run(folder), stop_on_signals() as stop:
        forget_unlearned(folder)
        begin_run(folder, reader, protocol, found, recipe)
        log_to_file(folder / LOG)
        rows = train_run(
            reader,
            found,
            recipe,
            protocol=protocol,
            folder=folder,
            machine=_machine(options),
            should_stop=stop.is_set,
        )
    whole = list(rows.values())[-1]
    print(f"{folder}: {reader.facts.dataset.title}, {protocol}, {_chosen(recipe)}")
    print(render_rows(rows))
    print()
    print(render_classes(whole))
    return 0


def _take_part(options: argparse.Namespace, recipe: Recipe) -> int:
    """Train with the first process, which keeps the folder."""
    reader = open_store(store_of(options))
    protocol = options.protocol or first_protocol(reader)
    folder = options.run or run_folder(options.runs, reader.facts.dataset.name, protocol, recipe)
    with stop_on_signals() as stop:
        train_run(
            reader,
            folds(reader, protocol),
            recipe,
            protocol=protocol,
            folder=folder,
            machine=_machine(options),
            should_stop=stop.is_set,
        )
    return 0


def _chosen(recipe: Recipe) -> str:
    return {
        "none": f"after {recipe.epochs} epochs",
        "validation": "the epoch that was best on validation clips",
        "test": "the epoch that was best ON THE TEST CLIPS, as is often published: rather too good",
    }[recipe.select_on]


def _machine(options: argparse.Namespace) -> Machine:
    return Machine(
        device=options.device,
        num_workers=options.workers,
        in_memory=_IN_MEMORY[options.in_memory],
        compiled={"auto": None, "yes": True, "no": False}[options.compile],
        save_every_seconds=options.save_every,
    )


def _parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.train_stream",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="choices of a recipe by stream, with their published values (those of --model's first one):\n"
        + list_choices(),
    )
    parser.add_argument(
        "choices",
        nargs="*",
        metavar="name=value",
        help="choices of the recipe: lr=0.05 epochs=30; epam trains its streams first, for pose_epochs=240 "
        "and rgb_epochs=180, and epochs=10 are of both together",
    )
    add_store(parser)
    parser.add_argument(
        "--stream",
        help="hpj hpb hpjm hpbm, j b jm bm, simcc; hpnet; xshift_pose, xshift_rgb, epam (default: hpj)",
    )
    parser.add_argument(
        "--model",
        help="of graphs: ctrgcn, mixformer, stgcnpp, or tcn for few clips (default: ctrgcn); of xshift_pose: "
        "xshift, slowonly or another of train/epam/networks.py",
    )
    parser.add_argument(
        "--protocol", help="of the store (default: its first), leave_one_subject_out, or kfold:N by subject"
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        help="a JSON file of choices, such as the recipe.json of another run; one of epam is also one of "
        "each of its streams",
    )
    parser.add_argument(
        "--select-on",
        choices=("none", "validation", "test"),
        help="which epoch is the result (none: the last)",
    )
    parser.add_argument("--seed", help="decides everything that is drawn (default: 1)")
    parser.add_argument("--run", type=Path, help="folder (RUNS/DATASET/PROTOCOL/STREAM-MODEL)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda:0, cuda:0,1 (default: the first GPU, else the CPU)"
    )
    parser.add_argument("--workers", type=int, help="processes that read ahead (default: what is needed)")
    parser.add_argument(
        "--in-memory", choices=_IN_MEMORY, default="auto",
        help="where the clips are kept (default: the fastest place with room)",
    )  # fmt: skip
    parser.add_argument("--compile", choices=("auto", "yes", "no"), default="auto", help="default: on GPUs")
    parser.add_argument(
        "--save-every", type=float, default=300.0, help="seconds between resume points (default: %(default)g)"
    )
    options = parser.parse_intermixed_args(argv)
    try:
        choices = parse_recipe(options.recipe.read_text(), str(options.recipe)) if options.recipe else {}
        if options.stream is not None:
            choices = dict(choices_for(options.stream, choices))
        choices |= parse_choices(options.choices)
        for name in ("stream", "model", "select_on", "seed"):
            if getattr(options, name) is not None:
                choices[name] = getattr(options, name)
        return options, make_recipe(choices)
    except (RecipeError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
