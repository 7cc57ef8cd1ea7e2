"""Checkpoint and clips -> scores, metrics, tables and pictures."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from store import StoreReader
from store.durable import make_folder, write_file
from train.checkpoint import Checkpoint, CheckpointError, check_fits
from train.clip_data import InMemory, readers_for
from train.freed_memory import keep_freed_memory
from train.metrics import Metrics, measure
from train.report_confusion import draw_confusion
from train.report_tables import classes_csv, confusion_csv, rows_csv
from train.run_folder import SCORES
from train.score_source import join_sources, source_of
from train.scores import TRAINED_ALREADY, Scores, ScoresError, save_scores
from train.splits import Fold
from train.trained_ids import find_trained

logger = logging.getLogger(__name__)

JOINED = "all folds"
TRAINING_CLIPS = "training_clips"  # what ``accept`` calls them


def score_fold(
    checkpoint: Checkpoint,
    reader: StoreReader,
    fold: Fold,
    *,
    protocol: str,
    device: torch.device,
    num_workers: int | None = None,
    in_memory: InMemory = "auto",
    accept: Iterable[str] = (),
    only_known_classes: bool = False,
) -> Scores:
    """Score the test clips of a fold, in fp32.

    Args:
        checkpoint: the model.
        reader: a store that fits it, of whatever dataset.
        fold: ``test_ids`` are scored, ``expected`` are the labels.
        protocol: whose fold it is; the store knows what its results are compared by.
        device: where the model runs.
        num_workers: processes that read ahead; None: as many as the method needs there.
        in_memory: see ``StreamDataModule``.
        accept: settings of the store that may differ from the training's; "training_clips": clips that
            trained the model may be tested.
        only_known_classes: leave clips of classes out that the model does not know.

    Raises:
        CheckpointError: the store does not fit, or has classes that the model does not know; or some of the
            test clips trained it.
        StoreError: the store is not whole.
    """
    passport, recipe = checkpoint.passport, checkpoint.recipe
    accept = set(accept)
    accepted = check_fits(checkpoint, reader, accept=accept)
    strange = sorted(set(fold.expected.values()) - set(passport.class_names))
    if strange and not only_known_classes:
        raise CheckpointError(
            f"{reader.address} has clips of {len(strange)} classes that {checkpoint.where} does not know, "
            f"such as {strange[0]!r}; it knows {', '.join(passport.class_names)}. "
            "ARGS=--only-known-classes leaves such clips out"
        )
    expected = {
        clip_id: label for clip_id, label in fold.expected.items() if label in set(passport.class_names)
    }
    if not expected:
        raise CheckpointError(
            f"{reader.address}, {fold.name}: no test clip is of a class that {checkpoint.where} knows: "
            f"{', '.join(passport.class_names)}"
        )
    num_trained = _count_trained(checkpoint, f"{reader.address}, {fold.name}", expected, accept)
    test_ids = [clip_id for clip_id in fold.test_ids if clip_id in expected]
    scores = score_clips(
        checkpoint, reader, test_ids, device=device, num_workers=num_workers, in_memory=in_memory
    )
    subjects = {clip_id: reader.row(clip_id).entry.subject for clip_id in expected}
    source: dict[str, object] = {
        **source_of(reader, protocol, fold.name, expected),
        "trained_on": {"dataset": passport.dataset, "protocol": passport.protocol, "fold": passport.fold},
        "stream": recipe.stream,
        "model": recipe.model,
        "seed": recipe.seed,
        "epoch": passport.epoch,
        "chosen_by": passport.chosen_by,
        TRAINED_ALREADY: num_trained,
    }
    if metric := reader.facts.dataset.protocols.get(protocol, {}).get("metric"):
        source["metric"] = metric
    if accepted:
        source["differs_from_training"] = accepted
    if strange:
        source["left_out_classes"] = strange
    return replace(
        scores,
        labels=expected,
        source=source,
        subjects={clip_id: subject for clip_id, subject in subjects.items() if subject is not None},
    )


def score_clips(
    checkpoint: Checkpoint,
    reader: StoreReader,
    clip_ids: Sequence[str],
    *,
    device: torch.device,
    num_workers: int | None = None,
    in_memory: InMemory = "auto",
) -> Scores:
    """Score clips whose classes nobody need know, in fp32.

    Args:
        checkpoint: the model.
        reader: a store that fits it; ``check_fits`` tells.
        clip_ids: those without data, or with nobody in the slots that the model looks at, get no row.
        device: where the model runs.
        num_workers: processes that read ahead; None: as many as the method needs there.
        in_memory: see ``StreamDataModule``.

    Returns:
        Logits; no labels, no source.

    Raises:
        StoreError: the store is not whole, or does not know a clip.
    """
    if device.type == "cpu":
        keep_freed_memory()
    method = checkpoint.method
    data = method.data(
        reader,
        test_ids=clip_ids,
        class_names=checkpoint.passport.class_names,
        batch_size=method.test_batch,
        num_workers=readers_for(num_workers, [device]),
        in_memory=in_memory,
        passport=checkpoint.passport,
    )
    data.setup("test")
    model = checkpoint.model().to(device)
    places: list[int] = []
    logits = [np.empty((0, len(checkpoint.passport.class_names)), np.float32)]
    with torch.inference_mode():
        for batch in data.batches(data.test_dataloader(), device):
            logits.append(method.logits(model, batch).float().cpu().numpy())
            places += batch["clip"].tolist()
    data.teardown()
    return Scores(
        clip_ids=tuple(clip_ids[place] for place in places),
        class_names=tuple(checkpoint.passport.class_names),
        values=np.concatenate(logits),
        kind="logits",
        labels={},
        where=checkpoint.where,
    )


def join_scores(parts: Sequence[Scores]) -> Scores:
    """Put the scores of folds together, each clip scored by the fold that tests it.

    Raises:
        ScoresError: a clip tests in two folds, or the classes differ.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if part.class_names != first.class_names:
            raise ScoresError(
                f"{part.where}: classes differ from those of {first.where}; evaluate them apart"
            )
    twice = {clip_id for part in parts for clip_id in part.labels}
    if len(twice) < sum(len(part.labels) for part in parts):
        raise ScoresError("folds share test clips, so they cannot be one table; evaluate them apart")
    return replace(
        first,
        clip_ids=tuple(clip_id for part in parts for clip_id in part.clip_ids),
        values=np.concatenate([part.values for part in parts]),
        labels={clip_id: label for part in parts for clip_id, label in part.labels.items()},
        subjects={clip_id: subject for part in parts for clip_id, subject in part.subjects.items()},
        source=join_sources([part.source for part in parts]) | {TRAINED_ALREADY: _sum_trained(parts)},
    )


def write_results(folder: Path, title: str, parts: Mapping[str, Scores]) -> dict[str, Metrics]:
    """Write scores, tables and the confusion picture of a run; of several folds also joined.

    Args:
        folder: of the run.
        title: of the picture.
        parts: fold -> its scores.

    Returns:
        Name of a row -> its metrics: the folds, and last, of several, all of them joined.
    """
    joined = join_scores(list(parts.values()))
    rows = {name: measure(scores) for name, scores in parts.items()}
    whole = measure(joined)
    if len(parts) > 1:
        rows[JOINED] = whole
    make_folder(folder)
    write_file(folder / "results.csv", rows_csv(rows, {}).encode())
    write_file(folder / "classes.csv", classes_csv(whole).encode())
    write_file(folder / "confusion.csv", confusion_csv(whole).encode())
    draw_confusion(folder / "confusion.png", whole, title)
    save_scores(folder / SCORES, joined)
    return rows


def _count_trained(
    checkpoint: Checkpoint, where: str, clip_ids: Collection[str], accept: Collection[str]
) -> int | None:
    """Return how many test clips trained the model, none unless that is accepted; None: nobody knows.

    Raises:
        CheckpointError: some did, and it is not accepted.
    """
    passport = checkpoint.passport
    if passport.train_digests is None:
        logger.warning(
            "%s does not say which clips trained it (it was imported, or made before that was noted), so it "
            "cannot be checked that none of them is tested",
            checkpoint.where,
        )
        return None
    trained = find_trained(passport.train_digests, clip_ids)
    if trained and TRAINING_CLIPS not in accept:
        raise CheckpointError(
            f"{where}: {len(trained)} of the {len(clip_ids)} test clips trained {checkpoint.where}, by their "
            f"ids, such as {trained[0]!r}; expected none. It was trained on {passport.dataset}, "
            f"{passport.protocol}, fold {passport.fold}; clips that were added or split anew since, or "
            "another protocol, make other folds. Train on the store as it is now, into another folder "
            '(make train ARGS="--run FOLDER"), '
            "or give a PROTOCOL whose test clips are others. To test them all the same, and say so: "
            f'ARGS="--accept {TRAINING_CLIPS}"'
        )
    return len(trained)


def _sum_trained(parts: Sequence[Scores]) -> int | None:
    counts = [cast(int | None, part.source.get(TRAINED_ALREADY)) for part in parts]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
