"""The folder of a run: its name, what it says of itself, and one run at a time in it."""

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from store import StoreReader
from store.durable import make_folder, write_file
from store.facts import differences, digest_of, pretty
from store.table import WITH_DATA
from train.config import DEFAULT_SEED, Recipe
from train.splits import Fold

CHECKPOINT = "checkpoint.pt"
SCORES = "scores.npz"
RECIPE = "recipe.json"
RESUME = "resume.ckpt"
EPOCHS = "epochs.csv"
LOG = "run.log"
TENSORBOARD = "tensorboard"
_RUN, _LOCK = "run.json", "lock"
_NOTES = {_RUN, RECIPE, _LOCK, LOG}  # files that say what a run is, and nothing of what it learned
_NOT_ALWAYS_NOTED = {"clips_with_data", "clips_with_data_sha256"}  # runs of before may be finished and shown


class RunError(ValueError):
    """A folder that holds another run, or one that is busy."""


def run_folder(root: Path, dataset: str, protocol: str, recipe: Recipe) -> Path:
    """Return where a run is kept."""
    return root / _quoted(dataset) / _quoted(protocol) / run_name(recipe)


def run_name(recipe: Recipe) -> str:
    """Return what a run's folder is called; a seed other than the default is part of it."""
    name = f"{recipe.stream}-{recipe.model}"
    return name if recipe.seed == DEFAULT_SEED else f"{name}-seed{recipe.seed}"


def fold_folder(folder: Path, fold: Fold, num_folds: int) -> Path:
    """Return where a fold is kept: the run's own folder if there is but one."""
    return folder if num_folds == 1 else folder / "folds" / _quoted(fold.name)


def begin_run(
    folder: Path, reader: StoreReader, protocol: str, found: Sequence[Fold], recipe: Recipe
) -> None:
    """Note what a run is, or check that the one in the folder is the same, which then goes on.

    The same clips must have data, too: where failed ones were tried again since, later folds and the rest of
    an epoch would be trained on others.

    Raises:
        RunError: naming everything that differs.
    """
    facts = _facts(reader, protocol, found, recipe)
    path = folder / _RUN
    if path.exists():
        unlike = _unlike(path, facts, recipe)
        if unlike:
            raise RunError(
                f"{folder} holds another run:\n"
                + "\n".join(f"  {line}" for line in unlike)
                + '\nGive this one a folder (ARGS="--run '
                'FOLDER"), go on with the choices of that one, or remove the folder to begin anew.'
            )
        return
    make_folder(folder)
    write_file(folder / RECIPE, pretty(recipe.to_json()))
    write_file(path, pretty({"store": reader.address, **facts}))


def forget_unlearned(folder: Path) -> None:
    """Forget what a run was to be that ended before it learned anything, so that another can be begun there.

    Such as one whose pre-trained weights could not be had. Nobody else may be at work there (``only_run``).
    """
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    if all(path.name in _NOTES or TENSORBOARD in path.parts for path in files):
        (folder / _RUN).unlink(missing_ok=True)


def unlike_run(
    folder: Path, reader: StoreReader, protocol: str, found: Sequence[Fold], recipe: Recipe
) -> list[str] | None:
    """Return in words what differs from the run that was begun in a folder; None where none was."""
    path = folder / _RUN
    return _unlike(path, _facts(reader, protocol, found, recipe), recipe) if path.exists() else None


def _facts(reader: StoreReader, protocol: str, found: Sequence[Fold], recipe: Recipe) -> dict[str, object]:
    clip_ids = {clip_id for fold in found for clip_id in (*fold.train_ids, *fold.val_ids, *fold.test_ids)}
    statuses = [(clip_id, reader.row(clip_id).outcome.status) for clip_id in sorted(clip_ids)]
    with_data = [(clip_id, status) for clip_id, status in statuses if status in WITH_DATA]
    return {
        "dataset": reader.facts.dataset.name,
        "protocol": protocol,
        "meaning_sha256": reader.facts.meaning_sha256,
        "splits_sha256": digest_of([dataclasses.asdict(fold) for fold in found]),
        "clips_with_data": len(with_data),
        "clips_with_data_sha256": digest_of(with_data),
        **{f"recipe.{name}": value for name, value in recipe.to_json().items()},
        **{
            _content(name): hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in recipe.files().items()
        },
    }


def _unlike(path: Path, facts: Mapping[str, object], recipe: Recipe) -> list[str]:
    """Return in words what differs from the run that was noted."""
    # choices that did not exist yet when it was begun are what they are without being made
    before = {f"recipe.{choice.name}": choice.default for choice in dataclasses.fields(recipe)}
    before |= json.loads(path.read_text(encoding="utf-8"))
    before.pop("store", None)  # it may have been moved
    unknown = {*_NOT_ALWAYS_NOTED, *map(_content, recipe.files())} - before.keys()
    return [
        f"{name}: {before.get(name)!r} there, {facts.get(name)!r} asked for"
        for name in differences(before, facts)
        if name not in unknown
    ]


def _content(name: str) -> str:
    """Return what the digest of a file is called that a choice names."""
    return f"recipe.{name}_sha256"


def store_of_run(path: Path) -> str:
    """Return the address of the store that a run was begun on, as it was given then.

    Args:
        path: the folder of a run or of one of its folds, or a checkpoint in such a folder.

    Raises:
        RunError: there is no run.
    """
    folder = path if path.is_dir() else path.parent
    for place in (folder, folder.parent.parent):  # folds/NAME
        if (place / _RUN).is_file():
            return str(json.loads((place / _RUN).read_text(encoding="utf-8"))["store"])
    raise RunError(
        f"{path}: no {_RUN} with it, which would name the store of the training; give the STORE to evaluate"
    )


def count_epochs(folder: Path) -> int:
    """Return how many epochs a run has ended so far, of all folds; another process may be at it."""
    paths = [folder / EPOCHS, *folder.glob(f"folds/*/{EPOCHS}")]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in paths if path.exists())


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Let one run at a time work in a folder; the lock ends with the process.

    Raises:
        RunError: another one does.
    """
    make_folder(folder)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: another run works here; wait for it or give --run FOLDER") from None
        yield
    finally:
        os.close(descriptor)


def _quoted(name: str) -> str:
    """Return a name that can be a folder's."""
    return quote(name, safe=" ,+=@").replace("%3A", "-") or "_"
