"""A training step of EPAM-Net and of its streams at the published size, and how long it waits for clips."""

import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.autograd import backward

from scripts.bench.table import print_table
from store import StoreReader, open_store
from store.facts import DatasetFacts, StoreFacts
from store.schema import CROP_WH, Layout, array_specs
from store.skeleton import COCO_17, make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from train.epam.method import EpamMethod
from train.epam.recipe import EpamRecipe, XShiftRecipe
from train.epam.views import RawViews
from train.passport import make_passport

_STEPS = 64
_WH = (640, 480)
_CLASSES = tuple(map(str, range(60)))


def bench_epam_step(*, batch_size: int, repeats: int) -> None:
    """Train each network for some steps on made clips of two persons."""
    logging.getLogger("train").setLevel(logging.WARNING)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    joint = EpamRecipe(batch_size=batch_size)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        reader = _make_store(Path(name), batch_size * (repeats + 1))
        for recipe in (*joint.stages(), joint):
            assert isinstance(recipe, XShiftRecipe)
            waits, draws, steps, memory = _times(reader, recipe, device)
            total = waits + draws + steps
            rows.append(
                (
                    recipe.stream,
                    *(f"{1e3 * seconds / batch_size:.1f}" for seconds in (waits, draws, steps)),
                    f"{100 * waits / total:.1f} (target 5)",
                    f"{memory / 1e9:.1f}" if memory else "-",
                )
            )
    print_table(
        f"EPAM-Net: a training step of {batch_size} clips, RGB 16 x 224 x 224, heatmaps 48 x 17 x 56 x 56, "
        f"fp32, {device.type}, {torch.get_num_threads()} threads",
        (
            "stream",
            "waiting for clips, ms per clip",
            "drawing and normalising",
            "forward, backward, SGD",
            "waiting, %",
            "GPU memory, GB",
        ),
        rows,
        "Medians of steps after the first one. Clips are read as in training: by readers ahead on a GPU, "
        "on a CPU by the same process between two steps.",
    )


def _times(
    reader: StoreReader, recipe: XShiftRecipe, device: torch.device
) -> tuple[float, float, float, int]:
    """Return the seconds of a step's parts, and the bytes of its memory on a GPU."""
    method = EpamMethod(recipe)
    ids = reader.clip_ids
    data = method.data(reader, train_ids=ids, class_names=_CLASSES, batch_size=recipe.batch_size)
    passport = make_passport(
        reader, recipe, method.source(reader), protocol="", fold="", class_names=_CLASSES,
        num_frames=data.num_frames, num_persons=data.num_persons, num_train=len(ids),
    )  # fmt: skip
    model = method.model(passport).to(device).train()
    optimizer = method.optimizer(model)
    times: list[tuple[float, float, float]] = []
    batches = iter(data.train_dataloader())
    begin = time.perf_counter()
    for raw in batches:
        arrived = time.perf_counter()
        moved = cast(RawViews, move_data_to_device(raw, device))
        batch = cast(Mapping[str, Tensor], data.on_after_batch_transfer(moved))
        _wait(device)
        drawn = time.perf_counter()
        optimizer.zero_grad()
        backward(method.loss(model, batch))
        optimizer.step()
        _wait(device)
        end = time.perf_counter()
        times.append((arrived - begin, drawn - arrived, end - drawn))
        begin = end
    waits, draws, steps = (median(part) for part in zip(*times[1:], strict=True))
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return waits, draws, steps, memory


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _make_store(root: Path, num_clips: int) -> StoreReader:
    """Write clips of two persons who stand, with crops of about 15 kB, as those of the demo."""
    layout = Layout(_STEPS, 2, len(COCO_17), {}, ("clip",))
    dataset = DatasetFacts("bench", "bench", _CLASSES, {}, None, "made", may_share=True, homepage=None)
    facts = StoreFacts(dataset, make_skeleton(COCO_17, []), layout, {})
    entries = [ClipEntry(str(number), "", "0") for number in range(num_clips)]
    rng = np.random.default_rng(0)
    jpegs = [_jpeg(rng) for _ in range(_STEPS)]
    with StoreWriter(root, facts, entries, {}) as writer:
        for entry in entries:
            arrays = {spec.name: np.zeros(spec.shape_tail, spec.dtype) for spec in array_specs(layout)}
            arrays["keypoints"][:] = rng.uniform(100, 400, arrays["keypoints"].shape)
            arrays["keypoint_scores"][:] = 0.9
            arrays["person_valid"][:] = True
            arrays["frames/clip"] = np.zeros((_STEPS, max(map(len, jpegs))), np.uint8)
            for row, jpeg in zip(arrays["frames/clip"], jpegs, strict=True):
                row[: len(jpeg)] = jpeg
            arrays["frames/clip_lengths"][:] = [len(jpeg) for jpeg in jpegs]
            arrays["frames/clip_boxes"][:] = (80, 80, 420, 420)
            outcome = ClipOutcome("ok", num_steps=_STEPS, width=_WH[0], height=_WH[1])
            writer.put(SpooledClip(entry.id, outcome, arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return open_store(str(root))


def _jpeg(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    coarse = rng.integers(0, 256, (56, 56, 3)).astype(np.uint8)
    found: npt.NDArray[np.uint8] = cv2.imencode(".jpg", cv2.resize(coarse, CROP_WH))[1].flatten()
    return found
