"""Score the test clips of a store with a trained model: `make evaluate`. Any store that fits will do."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from scripts.logs import log_to_stderr
from scripts.runs import add_store, store_of
from store import StoreError, StoreReader, open_store
from train.checkpoint import Checkpoint, CheckpointError, load_checkpoint, with_test_choices
from train.config import parse_choices
from train.device import find_devices
from train.evaluate import TRAINING_CLIPS, score_fold, write_results
from train.method import make_recipe
from train.report_tables import render_classes, render_rows
from train.run_folder import CHECKPOINT, RECIPE, run_folder, store_of_run
from train.scores import TRAINED_ALREADY
from train.splits import Fold, first_protocol, folds
from train.validation import validation_as_test

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Score, write the results, print the table; return the exit status."""
    options = _parse(argv)
    log_to_stderr()
    try:
        _evaluate(options)
    except (StoreError, ValueError, OSError) as error:
        logger.error("error: %s", error)
        return 1
    return 0


def _evaluate(options: argparse.Namespace) -> None:
    reader = open_store(_address(options))
    where = options.checkpoint or run_folder(
        options.runs,
        reader.facts.dataset.name,
        options.protocol or first_protocol(reader),
        make_recipe({name: getattr(options, name) for name in ("stream", "model") if getattr(options, name)}),
    )
    choices = parse_choices(options.choices)
    checkpoints = [with_test_choices(load_checkpoint(path), choices) for path in _find(where)]
    trained_on = checkpoints[0].passport
    is_own = reader.facts.dataset.name == trained_on.dataset
    protocol = options.protocol or (trained_on.protocol if is_own else first_protocol(reader))
    if is_own and protocol == trained_on.protocol and where.is_dir() and not (where / CHECKPOINT).exists():
        _check_all_folds(where, checkpoints, reader)
    device = find_devices(options.device)[0]
    parts = {}
    for checkpoint in checkpoints:
        name, fold = _fold_of(checkpoint, reader, protocol, is_own=is_own, num_checkpoints=len(checkpoints))
        if options.split == "val":
            fold = _validation_of(checkpoint, reader, fold)
        parts[name] = score_fold(
            checkpoint,
            reader,
            fold,
            protocol=protocol,
            device=device,
            num_workers=options.workers,
            accept=filter(None, options.accept.split(",")),
            only_known_classes=options.only_known_classes,
        )
        if choices:
            parts[name] = replace(parts[name], source=dict(parts[name].source) | {"tested_with": choices})
    base = where if where.is_dir() else where.parent
    split = "" if options.split == "test" else f"-{options.split}"
    tested = [reader.facts.dataset.name, protocol.replace(":", "-"), *options.choices]
    out = options.out or base / f"on-{'-'.join(tested)}{split}"
    recipe = checkpoints[0].recipe
    title = f"{reader.facts.dataset.title}, {protocol}: {recipe.stream}, {recipe.model}"
    title += "" if options.split == "test" else ", validation clips"
    rows = write_results(out, title, parts)
    print(f"{out}: {title}; trained on {trained_on.dataset}, {trained_on.protocol}, {trained_on.chosen_by}")
    for name, part in parts.items():
        if num_trained := part.source[TRAINED_ALREADY]:
            print(f"{name}: {num_trained} of the {len(part.labels)} test clips trained the model")
    source = next(iter(parts.values())).source
    for line in cast(Sequence[str], source.get("differs_from_training", ())):
        print(f"differs from the training: {line}")
    print(render_rows(rows))
    print()
    print(render_classes(list(rows.values())[-1]))


def _address(options: argparse.Namespace) -> str:
    """Return the store that is asked for, else that of the checkpoint's own training."""
    if options.store or options.dataset or not options.checkpoint:
        return store_of(options)
    _find(options.checkpoint)
    address = store_of_run(options.checkpoint)
    logger.info("%s: the store of this run, as none is given", address)
    return address


def _find(path: Path) -> list[Path]:
    """Return a checkpoint, or those of a run's folder."""
    if path.is_file():
        return [path]
    own = path / CHECKPOINT
    found = [own] if own.exists() else sorted(path.glob(f"folds/*/{CHECKPOINT}"))
    if not found:
        raise CheckpointError(f"{path}: no {CHECKPOINT} here or in its folds; expected the folder of a run")
    return found


def _check_all_folds(run: Path, checkpoints: Sequence[Checkpoint], reader: StoreReader) -> None:
    """Refuse the folder of a run that some folds are missing from, for their clips would not be expected."""
    protocol = checkpoints[0].passport.protocol
    trained = {checkpoint.passport.fold for checkpoint in checkpoints}
    found = [fold.name for fold in folds(reader, protocol)]
    if missing := [name for name in found if name not in trained]:
        goes_on = f"--recipe '{run / RECIPE}' --run '{run}'"
        raise CheckpointError(
            f"{run}: no {CHECKPOINT} of {len(missing)} of the {len(found)} folds of {reader.address}, "
            f"{protocol}, such as {missing[0]!r}; expected all of them. Finish the run (make train "
            f'STORE="{reader.address}" PROTOCOL="{protocol}" ARGS="{goes_on}") or give '
            f"the {CHECKPOINT} of one fold; a store that has other folds by now needs a new run"
        )


def _fold_of(
    checkpoint: Checkpoint, reader: StoreReader, protocol: str, *, is_own: bool, num_checkpoints: int
) -> tuple[str, Fold]:
    """Return which clips test a checkpoint: those of its own fold where it has one in this store."""
    found = folds(reader, protocol)
    wanted = checkpoint.passport.fold
    if is_own and protocol == checkpoint.passport.protocol:
        for fold in found:
            if fold.name == wanted:
                return wanted, fold
        raise CheckpointError(
            f"{reader.address}, {protocol}: no fold {wanted!r}, of which {checkpoint.where} is; the folds "
            f"are {', '.join(fold.name for fold in found)}"
        )
    if num_checkpoints > 1:
        raise CheckpointError(
            f"{reader.address} is no store of {checkpoint.passport.dataset}, {checkpoint.passport.protocol}, "
            f"so its clips belong to no fold; give one of the {num_checkpoints} checkpoints"
        )
    expected = {clip_id: label for fold in found for clip_id, label in fold.expected.items()}
    return protocol, replace(found[0], name=protocol, test_ids=tuple(expected), expected=expected)


def _validation_of(checkpoint: Checkpoint, reader: StoreReader, fold: Fold) -> Fold:
    """Return a fold that tests the validation clips of a checkpoint's own fold."""
    passport = checkpoint.passport
    if fold.name != passport.fold or reader.facts.dataset.name != passport.dataset:
        raise CheckpointError(
            f"{reader.address}, {fold.name}: {checkpoint.where} was trained on {passport.dataset}, "
            f"{passport.protocol}, {passport.fold}; only of that are there clips known to be for validation"
        )
    return validation_as_test(reader, fold, checkpoint.recipe)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate_checkpoint", description=__doc__)
    parser.add_argument(
        "choices",
        nargs="*",
        metavar="name=value",
        help="choices of the test, otherwise than in training: num_views=10 mirror_test=true",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="a checkpoint.pt, or the folder of a run (that of --stream, --model)",
    )
    add_store(parser)
    parser.add_argument("--stream", default="hpj", help="without --checkpoint (default: hpj)")
    parser.add_argument("--model", help="without --checkpoint (default: ctrgcn)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument(
        "--protocol",
        help="whose test clips (default: the training's; of another dataset the store's first); all: every "
        "clip with a label",
    )
    parser.add_argument(
        "--split",
        choices=("test", "val"),
        default="test",
        help="val: the validation clips instead, of the protocol or held out in training (for "
        "--fit-scores of the ensemble)",
    )
    parser.add_argument(
        "--accept",
        default="",
        help="settings that may differ, with commas between; "
        f"{TRAINING_CLIPS}: clips that trained it may be tested",
    )
    parser.add_argument(
        "--only-known-classes", action="store_true", help="leave out clips of classes that the model lacks"
    )
    parser.add_argument("--out", type=Path, help="folder of the results (beside the checkpoint)")
    parser.add_argument("--device", default="auto", help="cpu, cuda:0 (default: the first GPU, else the CPU)")
    parser.add_argument("--workers", type=int, help="processes that read ahead (default: what is needed)")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    sys.exit(main())
