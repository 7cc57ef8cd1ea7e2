"""Trainings side by side, each a process with one thread; what is finished is kept."""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, redirect_stderr
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch

from scripts.logs import log_to_file, log_to_stderr, quiet_lightning
from scripts.processes import start_beside
from scripts.progress import counted
from store import StoreError, StoreReader, open_store
from store.facts import differences
from train.config import Recipe, parse_recipe
from train.history import TrainingError
from train.method import make_recipe
from train.run import Machine, train_run
from train.run_folder import LOG, RECIPE, SCORES, RunError, begin_run, count_epochs, only_run
from train.score_source import source_of_all, unlike_source
from train.scores import load_scores
from train.splits import folds

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.5


def exit_status(work: Callable[[], None]) -> int:
    """Do the work of a command that trains; return 0 done, 1 error, 130 stopped and resumable."""
    log_to_stderr()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work()
    except (StoreError, TrainingError, ValueError, OSError) as error:
        logger.error("error: %s", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped; the same command goes on")
        return 130
    return 0


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add what all tables over seeds are asked: ``seeds``, ``processes``, ``only_print``."""
    parser.add_argument(
        "--seeds", type=_one_or_more, default=3, help="how many, from 1 on (default: %(default)s)"
    )
    parser.add_argument(
        "--processes", type=_one_or_more, default=2, help="trainings at once (default: %(default)s)"
    )
    parser.add_argument("--only-print", action="store_true", help="train nothing")


def _one_or_more(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word}; expected 1 or more")
    return number


def check_recipes(trainings: Mapping[Path, Recipe]) -> None:
    """Refuse finished trainings of another recipe, whose figures would be printed under this one.

    Choices that did not exist yet when a training was begun are what they are without being made.

    Args:
        trainings: folder -> what is trained there, or will be.

    Raises:
        RunError: naming the folder and what differs.
        RecipeError: a folder's recipe means nothing.
    """
    for folder, recipe in trainings.items():
        if not (folder / SCORES).exists():
            continue
        path = folder / RECIPE
        have = make_recipe(parse_recipe(path.read_text(encoding="utf-8"), str(path))).to_json()
        want = recipe.to_json()
        if unlike := differences(have, want):
            raise RunError(
                f"{folder} is finished, with another recipe:\n"
                + "\n".join(
                    f"  {name}: {have.get(name)!r} there, {want.get(name)!r} asked for" for name in unlike
                )
                + "\nGive the recipe that it was trained with, or another folder with --out."
            )


def check_scores(
    reader: StoreReader,
    protocol: str,
    folders: Iterable[Path],
    *,
    file: str = SCORES,
    or_else: str = "another folder with --out",
) -> None:
    """Refuse scores of other clips than a store's, which would be printed under its name.

    Args:
        reader: the store.
        protocol: of the store, or by subject.
        folders: of trainings, those that are not finished among them.
        file: the scores in a folder.
        or_else: what can be done, other than to give another store.

    Raises:
        RunError: naming the file and what differs.
        ScoresError: a file is none of scores.
        SplitError: the store has no such protocol.
    """
    source = source_of_all(reader, protocol)
    for folder in folders:
        path = folder / file
        if path.exists() and (unlike := unlike_source(load_scores(path), source)):
            raise RunError(
                f"{path} is of other clips than {reader.address}:\n"
                + "\n".join(f"  {line}" for line in unlike)
                + f"\nGive the store that it is of, or {or_else}."
            )


def train_side_by_side(
    reader: StoreReader,
    protocol: str,
    trainings: Mapping[Path, Recipe],
    *,
    num_processes: int = 2,
) -> None:
    """Train and test what is not finished yet, each in its folder as ``make train`` does.

    One thread each, whoever runs beside it: the results are those of one after the other, to the bit.

    Args:
        reader: the store.
        protocol: of the store, or by subject.
        trainings: folder -> what is trained there, in this order.
        num_processes: how many at once.

    Raises:
        RunError: a folder holds another run.
        TrainingError: a training failed; the others are finished before that is said.
    """
    found = folds(reader, protocol)
    for folder, recipe in trainings.items():
        begin_run(folder, reader, protocol, found, recipe)
    missing = {folder: recipe for folder, recipe in trainings.items() if not (folder / SCORES).exists()}
    logger.info("%d of %d trainings to do", len(missing), len(trainings))
    total = sum(len(found) * recipe.epochs - count_epochs(folder) for folder, recipe in missing.items())
    failed: list[Path] = []
    with closing(_epochs(reader.address, protocol, missing, num_processes, failed)) as epochs:
        for _ in counted(epochs, total=total, unit="epoch"):
            pass
    if failed:
        raise TrainingError(
            f"{len(failed)} of {len(trainings)} trainings failed; the logs say why, and the same command "
            f"tries again: {', '.join(str(_log_of(folder)) for folder in failed)}"
        )


def _epochs(
    store: str,
    protocol: str,
    missing: Mapping[Path, Recipe],
    num_processes: int,
    failed: list[Path],
) -> Generator[None, None, None]:
    """Run trainings; yield for each epoch that one of them ends, and name those that fail."""
    waiting = list(missing)
    done = {folder: count_epochs(folder) for folder in missing}
    running: dict[Path, SpawnProcess] = {}
    try:
        while waiting or running:
            while waiting and len(running) < num_processes:
                folder = waiting.pop(0)
                running[folder] = start_beside(_train, store, protocol, folder, missing[folder])
            time.sleep(_LOOK_EVERY_SECONDS)
            ended = [folder for folder, process in running.items() if not process.is_alive()]
            for folder in running:
                now = count_epochs(folder)
                for _ in range(now - done[folder]):
                    yield
                done[folder] = now
            for folder in ended:
                if running.pop(folder).exitcode:
                    failed.append(folder)
                    logger.error("%s: failed; %s says why", folder, _log_of(folder))
                else:
                    logger.info("%s is finished", folder)
    finally:
        for process in running.values():
            process.terminate()  # ends with its step; a resume point of the last epoch is there
        for process in running.values():
            process.join()


def _train(store: str, protocol: str, folder: Path, recipe: Recipe) -> None:
    torch.set_num_threads(1)
    log_to_file(_log_of(folder))
    logging.getLogger().setLevel(logging.INFO)
    quiet_lightning()
    # several bars on one terminal would be none; what is on no terminal goes to the log
    with _log_of(folder).open("a", encoding="utf-8") as log, redirect_stderr(log):
        try:
            reader = open_store(store)
            with only_run(folder):
                train_run(
                    reader,
                    folds(reader, protocol),
                    recipe,
                    protocol=protocol,
                    folder=folder,
                    # this process is a daemon, which may have no readers of its own
                    machine=Machine(device="cpu", num_workers=0),
                )
        except Exception:
            logger.exception("the training failed")
            sys.exit(1)


def _log_of(folder: Path) -> Path:
    return folder / LOG
