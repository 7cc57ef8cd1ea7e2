"""Training of the detector: ultralytics' own trainer, for a time that is given."""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from extract.detect_yolo import PERSON, YOLO
from store.durable import make_folder, write_file

logger = logging.getLogger(__name__)

IMAGE_SIZE = 320  # longer side of its input, pixels
_DEPTH, _WIDTH = 0.33, 0.125  # of YOLOv8, whose smallest has 0.33 and 0.25
_WARM_UP_EPOCHS = 0.5
_WHOLE_PICTURES_FROM = 0.85  # share of the time after which pictures are no longer put together from four
_NUM_VALIDATED = 48  # pictures that ultralytics looks at when it stops; ours are measured elsewhere
_LINE_EVERY_SECONDS = 60.0
_OPTIONS = {
    "imgsz": IMAGE_SIZE, "batch": 16, "nbs": 16, "epochs": 10_000, "patience": 100_000, "optimizer": "AdamW",
    "lr0": 2e-3, "weight_decay": 5e-4, "warmup_epochs": _WARM_UP_EPOCHS, "warmup_bias_lr": 0.01,
    "mosaic": 0.7, "close_mosaic": 0, "scale": 0.5, "translate": 0.15, "degrees": 5.0, "fliplr": 0.5,
    "hsv_v": 0.5, "cache": "ram", "plots": False, "val": False, "amp": False, "pretrained": False,
    "verbose": False, "exist_ok": True, "single_cls": True,
}  # fmt: skip


def train_detector(
    pictures: Sequence[Path], *, work: Path, minutes: float, device: str, seed: int
) -> dict[str, object]:
    """Train until ``minutes`` are used up, over as many runs as it takes.

    Args:
        pictures: to learn from, below a folder ``images`` that has ``labels`` beside it.
        work: folder for ultralytics' checkpoint, one per epoch; a run that was killed goes on from there.
        minutes: of training in all; learning rates follow the share of them that is used up.
        device: "cpu", "cuda:0", …
        seed: of the first weights and of what is drawn by lot.

    Returns:
        what ``extract/detect_yolo.py`` reads: architecture, names, input size and weights by name.

    Raises:
        ValueError: a checkpoint in ``work`` is damaged.
        OSError: ``work`` cannot be written to.
    """
    work = work.absolute()
    make_folder(work)
    last, clock = work / "run" / "weights" / "last.pt", work / "seconds.json"
    made_of = {"seed": seed, "pictures": len(pictures)}
    seconds = _seconds_so_far(last, clock, made_of)
    if seconds < minutes * 60:
        options = {**_OPTIONS, "project": str(work), "name": "run", "device": device, "seed": seed}
        options |= _files(pictures, work)
        if last.is_file():
            logger.info("detector: goes on after %.1f minutes", seconds / 60)
            options["resume"] = str(last)
        _train(options, clock=clock, made_of=made_of, seconds=seconds, budget=minutes * 60)
    network = YOLO(str(last)).model.float()
    architecture = ("nc", "depth_multiple", "width_multiple", "backbone", "head")
    return {
        "yaml": {key: network.yaml[key] for key in architecture},
        "names": {0: PERSON},
        "image_size": IMAGE_SIZE,
        "state_dict": network.state_dict(),
    }


def _seconds_so_far(last: Path, clock: Path, made_of: Mapping[str, int]) -> float:
    if not (last.is_file() and clock.is_file()):
        return 0.0
    try:
        YOLO(str(last))
        state = json.loads(clock.read_text())
        seconds = float(state.pop("seconds"))
    except Exception as error:  # a damaged file raises whatever it stumbles over
        raise ValueError(
            f"{last}: not the state of this training ({error}); remove {clock.parent} to begin again"
        ) from error
    if state != made_of:
        raise ValueError(
            f"{last} was trained with {state}, asked for {made_of}; remove {clock.parent} to begin again"
        )
    return seconds


def _files(pictures: Sequence[Path], work: Path) -> dict[str, object]:
    """Write what ultralytics reads: the architecture, and lists of pictures. JSON is YAML too."""
    architecture = {
        key: value for key, value in YOLO("yolov8n.yaml").model.yaml.items() if key in ("backbone", "head")
    }
    architecture |= {"nc": 1, "depth_multiple": _DEPTH, "width_multiple": _WIDTH}
    write_file(work / "narrow.yaml", json.dumps(architecture).encode())
    absolute = [str(path.absolute()) for path in pictures]
    write_file(work / "train.txt", "\n".join(absolute).encode())
    write_file(work / "val.txt", "\n".join(absolute[:_NUM_VALIDATED]).encode())
    data = {"path": str(work), "train": "train.txt", "val": "val.txt", "names": {0: PERSON}}
    write_file(work / "data.yaml", json.dumps(data).encode())
    return {"model": str(work / "narrow.yaml"), "data": str(work / "data.yaml")}


def _train(
    options: dict[str, Any], *, clock: Path, made_of: Mapping[str, int], seconds: float, budget: float
) -> None:
    begin = time.monotonic()
    line = begin
    is_whole = False

    def spent() -> float:
        return seconds + time.monotonic() - begin

    def schedule(trainer: Any) -> None:  # noqa: ANN401 - untyped, here and below
        """Learning rates by the time that is used up: its own schedule counts epochs."""
        trainer.lf = lambda _: 0.01 + 0.99 * (1 + math.cos(math.pi * min(spent() / budget, 1))) / 2
        trainer.scheduler = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, lr_lambda=trainer.lf)

    def on_batch(trainer: Any) -> None:  # noqa: ANN401
        nonlocal line
        for group in trainer.optimizer.param_groups:  # during warm-up it overrides this
            group["lr"] = group["initial_lr"] * trainer.lf(0)
        trainer.stop = spent() > budget
        if time.monotonic() - line > _LINE_EVERY_SECONDS:
            line = time.monotonic()
            losses = ", ".join(f"{name} {float(value):.3f}" for name, value in (trainer.tloss or {}).items())
            left = tqdm.format_interval(max(budget - spent(), 0))
            logger.info("detector: epoch %d, %s, %s left", trainer.epoch + 1, losses, left)

    def on_epoch(trainer: Any) -> None:  # noqa: ANN401
        nonlocal is_whole
        if not is_whole and spent() / budget > _WHOLE_PICTURES_FROM:
            is_whole = True
            trainer._close_dataloader_mosaic()
            trainer.train_loader.reset()

    # its tables need polars, and its last look at the best epoch is not wanted: the last one is taken
    methods: dict[str, Any] = {
        "_setup_scheduler": schedule,
        "read_results_csv": lambda trainer: {},
        "final_eval": lambda trainer: None,
    }
    base = YOLO(options["model"], task="detect").task_map["detect"]["trainer"]
    trainer = type("TimedTrainer", (base,), methods)(overrides=options)
    trainer.add_callback("on_train_batch_end", on_batch)
    trainer.add_callback("on_train_epoch_start", on_epoch)
    trainer.add_callback(
        "on_model_save",
        lambda trainer: write_file(clock, json.dumps({"seconds": spent(), **made_of}).encode()),
    )
    trainer.train()
