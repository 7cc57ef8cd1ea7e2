"""What is trained before a recipe's own training, for its weights: other runs, beside it or inside it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only
from torch import nn

from store import StoreReader
from store.durable import make_folder, write_file
from train.checkpoint import load_checkpoint
from train.config import Recipe
from train.method import method_of
from train.run_folder import CHECKPOINT, begin_run, fold_folder, only_run, run_name, unlike_run
from train.splits import Fold

logger = logging.getLogger(__name__)


def train_stages(
    reader: StoreReader,
    found: Sequence[Fold],
    recipe: Recipe,
    *,
    protocol: str,
    folder: Path,
    train: Callable[[Recipe, Path], object],
) -> None:
    """Train what a recipe begins with, and put its checkpoints where ``load_stage`` finds them.

    A run of the same recipe that is beside this one is used, and finished if need be; else the stage is a run
    inside this one.

    Args:
        reader: the store.
        found: the folds; each stage is trained on the same ones.
        recipe: whose stages.
        protocol: of the folds.
        folder: of the run.
        train: trains a recipe in a folder, on all folds.

    Raises:
        RunError: another process is training the stage.
        StoreError: the store lacks what the run itself needs.
    """
    places = [fold_folder(folder, fold, len(found)) for fold in found]
    if all((place / CHECKPOINT).exists() for place in places):
        return
    method_of(recipe).source(reader)  # what the store lacks is said before anything is trained
    for stage in recipe.stages():
        if all(_file(place, stage).exists() for place in places):
            continue
        run = folder.parent / run_name(stage)
        unlike = unlike_run(run, reader, protocol, found, stage)
        if unlike:
            logger.info("%s is not what %s begins with: %s", run, recipe.stream, "; ".join(unlike))
        if unlike is None or unlike:
            run = folder / "stages" / run_name(stage)
        trained = [fold_folder(run, fold, len(found)) / CHECKPOINT for fold in found]
        if not _is_first():
            train(stage, run)
            continue
        logger.info("%s begins with %s: %s", recipe.stream, stage.stream, run)
        if not all(path.exists() for path in trained):  # else several may begin with it at once
            with only_run(run):
                begin_run(run, reader, protocol, found, stage)
                train(stage, run)
        for path, place in zip(trained, places, strict=True):
            make_folder(place)
            write_file(_file(place, stage), path.read_bytes())


def load_stage(part: nn.Module, folder: Path, stage: Recipe) -> None:
    """Give a part of a network the weights of its stage.

    Args:
        part: what the stage trained.
        folder: of the fold.
        stage: which.
    """
    if _is_first():  # the other processes are sent its weights
        part.load_state_dict(dict(load_checkpoint(_file(folder, stage)).weights))


def _file(folder: Path, stage: Recipe) -> Path:
    return folder / f"{stage.stream}.pt"


def _is_first() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0
