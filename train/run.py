"""A whole run: every fold of a protocol trained, scored, put into one table; goes on where it was stopped."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from store import StoreReader
from store.durable import make_folder
from train.best_epoch import BestEpoch
from train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from train.clip_data import InMemory, readers_for
from train.config import Recipe, RecipeError
from train.device import find_devices
from train.evaluate import score_fold, write_results
from train.freed_memory import keep_freed_memory
from train.history import History
from train.method import method_of
from train.metrics import Metrics
from train.order import num_training_batches
from train.passport import make_passport
from train.progress import Progress
from train.resume import DurableCheckpoints, ResumePoint, Stopped
from train.run_folder import CHECKPOINT, EPOCHS, RESUME, SCORES, TENSORBOARD, fold_folder
from train.scores import Scores, load_scores, save_scores
from train.splits import Fold, class_names_of
from train.stages import train_stages
from train.task import ClassificationTask
from train.validation import with_validation

logger = logging.getLogger(__name__)

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True, slots=True)
class Machine:
    """On what a run is done; may change the last bits of its results, never their meaning.

    Args:
        device: see ``train.device``.
        num_workers: processes of each device that read ahead, where rows do not fit into memory; None: as
            many as the method needs there.
        in_memory: see ``StreamDataModule``.
        compiled: torch.compile; None: on GPUs, where it pays within minutes.
        save_every_seconds: between resume points within an epoch.
    """

    device: str = "auto"
    num_workers: int | None = None
    in_memory: InMemory = "auto"
    compiled: bool | None = None
    save_every_seconds: float = 300.0


def train_run(
    reader: StoreReader,
    found: list[Fold],
    recipe: Recipe,
    *,
    protocol: str,
    folder: Path,
    machine: Machine,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Metrics]:
    """Train and test every fold that is not finished yet, and write the results of all; its stages first.

    Of several processes (one per GPU) the first one returns metrics, the others nothing.

    Args:
        reader: the store.
        found: the folds of ``protocol``.
        recipe: what is trained, and how.
        protocol: of the store, or by subject.
        folder: of the run; begun by ``begin_run``.
        machine: on what.
        should_stop: asked after every step.

    Raises:
        Stopped: ``should_stop`` said so; the same call goes on.
        RecipeError, StoreError, TrainingError: see there.
    """
    train_stages(
        reader,
        found,
        recipe,
        protocol=protocol,
        folder=folder,
        train=lambda stage, place: train_run(
            reader,
            found,
            stage,
            protocol=protocol,
            folder=place,
            machine=machine,
            should_stop=should_stop,
        ),
    )
    parts: dict[str, Scores] = {}
    for number, fold in enumerate(found, start=1):
        place = fold_folder(folder, fold, len(found))
        title = fold.name if len(found) == 1 else f"{fold.name} ({number} of {len(found)})"
        if not (place / CHECKPOINT).exists():
            if should_stop():
                raise Stopped
            _train_fold(
                reader,
                fold,
                recipe,
                protocol=protocol,
                folder=place,
                title=title,
                machine=machine,
                should_stop=should_stop,
            )
        if getattr(rank_zero_only, "rank", 0) == 0:
            parts[fold.name] = _scores_of(reader, fold, place, machine, protocol=protocol)
    return write_results(folder, _title(reader, protocol, recipe), parts) if parts else {}


def _train_fold(
    reader: StoreReader,
    fold: Fold,
    recipe: Recipe,
    *,
    protocol: str,
    folder: Path,
    title: str,
    machine: Machine,
    should_stop: Callable[[], bool],
) -> None:
    """Train one fold from its resume point, if it has one, to its checkpoint."""
    devices = find_devices(machine.device)
    is_cuda, is_several = devices[0].type == "cuda", len(devices) > 1
    if not is_cuda:
        keep_freed_memory()
    at_once, parts = split_batch(recipe, len(devices))
    if recipe.precision == "fp16" and not is_cuda:
        raise RecipeError("precision is fp16, which needs a GPU; expected fp32 or bf16 on the CPU")
    fold, chosen_from = with_validation(reader, fold, recipe)
    class_names = class_names_of(reader, protocol)
    if len(class_names) < 2:
        raise ValueError(
            f"{reader.address}, {protocol}: the only class is {', '.join(class_names) or 'none'}; expected "
            "two or more to tell apart. Add clips of others, or correct labels with `make reindex`"
        )
    method = method_of(recipe)
    source = method.source(reader)
    make_folder(folder)
    data = method.data(
        reader,
        train_ids=fold.train_ids,
        val_ids=fold.val_ids,
        class_names=class_names,
        batch_size=at_once,
        group=parts,
        num_workers=readers_for(machine.num_workers, devices),
        in_memory=machine.in_memory,
    )
    # the gradients of a step are divided by its parts: of an epoch that has fewer, by those
    num_batches = num_training_batches(len(data.part("train")), at_once, num_ranks=len(devices))
    parts = min(parts, max(num_batches, 1))
    passport = make_passport(
        reader,
        recipe,
        source,
        protocol=protocol,
        fold=fold.name,
        class_names=class_names,
        num_frames=data.num_frames,
        num_persons=data.num_persons,
        train_ids=fold.train_ids,
        facts=method.facts(reader, class_names),
    )
    torch.manual_seed(recipe.seed)  # of the first weights
    model = method.first_model(passport, folder)
    if machine.compiled or (machine.compiled is None and is_cuda):
        method.compile(model, devices[0])
    task = ClassificationTask(model, method, seed=recipe.seed, num_classes=len(class_names))
    best = BestEpoch()
    resume = folder / RESUME
    trainer = Trainer(
        accelerator="gpu" if is_cuda else "cpu",
        devices=[device.index for device in devices] if is_cuda else len(devices),
        strategy="ddp" if is_several else "auto",
        # statistics of the whole batch, as on one GPU; torch has it for GPUs only (PersonNorm: everywhere)
        sync_batchnorm=is_several and is_cuda,
        use_distributed_sampler=False,  # the data module knows who reads what
        precision=_PRECISIONS[recipe.precision],  # type: ignore[arg-type]
        deterministic="warn" if is_cuda else None,
        max_epochs=recipe.epochs,
        accumulate_grad_batches=parts,
        gradient_clip_val=recipe.clip_norm,
        limit_val_batches=1.0 if fold.val_ids else 0,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(folder, name=TENSORBOARD, version=""),
        log_every_n_steps=1,  # nothing is logged by step, but Lightning warns of epochs that are shorter
        callbacks=[
            *([best] if fold.val_ids else []),
            History(folder / EPOCHS),
            Progress(title),
            ResumePoint(resume, every_seconds=machine.save_every_seconds, should_stop=should_stop),
        ],
        plugins=[DurableCheckpoints()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(task, data, ckpt_path=str(resume) if resume.exists() else None, weights_only=True)
    if not trainer.is_global_zero:
        return
    passport = replace(
        passport,
        epoch=best.epoch + 1 if best.weights else recipe.epochs,
        chosen_by=f"best top-1 on {chosen_from}" if best.weights else "last epoch",
    )
    save_checkpoint(folder / CHECKPOINT, passport, best.weights or model.state_dict())
    resume.unlink(missing_ok=True)


def split_batch(recipe: Recipe, num_devices: int) -> tuple[int, int]:
    """Return how many clips each device is shown at once, and how often for one step.

    Raises:
        RecipeError: a batch cannot be cut so.
    """
    share, rest = divmod(recipe.batch_size, num_devices)
    if rest:
        raise RecipeError(
            f"batch_size is {recipe.batch_size} and is shared by {num_devices} devices; expected a multiple"
        )
    at_once = min(recipe.at_once or share, share)
    if share % at_once:
        raise RecipeError(
            f"batch_size is {recipe.batch_size}, {share} on each device, and at_once {at_once}; expected a "
            f"multiple of {at_once} on each device"
        )
    return at_once, share // at_once


def _scores_of(reader: StoreReader, fold: Fold, folder: Path, machine: Machine, *, protocol: str) -> Scores:
    """Return the scores of a trained fold; if missing made as ``make evaluate`` does."""
    if (folder / SCORES).exists():
        return load_scores(folder / SCORES)
    checkpoint: Checkpoint = load_checkpoint(folder / CHECKPOINT)
    scores = score_fold(
        checkpoint,
        reader,
        fold,
        protocol=protocol,
        device=find_devices(machine.device)[0],
        num_workers=machine.num_workers,
        in_memory=machine.in_memory,
    )
    save_scores(folder / SCORES, scores)
    return scores


def _title(reader: StoreReader, protocol: str, recipe: Recipe) -> str:
    return f"{reader.facts.dataset.title}, {protocol}: {recipe.stream}, {recipe.model}, seed {recipe.seed}"
