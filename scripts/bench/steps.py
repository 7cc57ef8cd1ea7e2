"""Steps of a training as they are in it: clips read ahead, prepared, learned from; what each part takes."""

import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.autograd import backward

from store import StoreReader, open_store
from store.facts import DatasetFacts, StoreFacts
from store.schema import CROP_WH, Layout, array_specs, pooled_array_name
from store.skeleton import COCO_17, make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from train.batches import BatchLoader
from train.clip_data import ClipDataModule, readers_for
from train.config import Recipe
from train.method import method_of
from train.order import BatchPlan, training_batches
from train.passport import make_passport

_TAP, _CHANNELS = "backbone.stage4.1[1]", 96
_STEPS = 64
_WH = (640, 480)
_CLASSES = tuple(map(str, range(60)))
_AHEAD = 2  # batches that a reader of torch's DataLoader has under way


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of what a step does, and the bytes at its peak.

    ``wait`` is a mean: readers bring batches in bursts, and most steps wait for none. The others are medians.

    Args:
        wait, prepare, learn: of each part of a step: clips are waited for, prepared, and gone through
            forward and backward.
        update: the optimiser's, once in a step.
        memory: bytes.
        num_parts: of a step.
    """

    wait: float
    prepare: float
    learn: float
    update: float
    memory: int
    num_parts: int

    @property
    def step(self) -> float:
        return self.num_parts * (self.wait + self.prepare + self.learn) + self.update

    @property
    def wait_percent(self) -> float:
        return 100 * self.num_parts * self.wait / self.step


def time_steps(
    reader: StoreReader,
    recipe: Recipe,
    device: torch.device,
    *,
    num_steps: int,
    dtype: torch.dtype = torch.float32,
    num_parts: int = 1,
) -> Times:
    """Train a network of random weights.

    Args:
        reader: the store, all clips of which train.
        recipe: of what, without pre-trained weights or trainings before; ``batch_size`` clips are a step, or
            a part of one.
        device: where.
        num_steps: that count at least, or parts; on a GPU more, until readers are seen to keep up or not.
        dtype: of mixed precision.
        num_parts: of a step. Each part is followed by an update, which is timed apart; of several, gradients
            are in memory all the time, as they are where they add up.
    """
    method, names = method_of(recipe), reader.facts.dataset.class_names
    data = method.data(
        reader,
        train_ids=reader.clip_ids,
        class_names=names,
        batch_size=recipe.batch_size,
        num_workers=readers_for(None, [device]),
    )
    passport = make_passport(
        reader, recipe, method.source(reader), protocol="", fold="", class_names=names,
        num_frames=data.num_frames, num_persons=data.num_persons, train_ids=reader.clip_ids,
        facts=method.facts(reader, names),
    )  # fmt: skip
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    model = method.first_model(passport, Path()).to(device).train()
    optimizer = method.optimizer(model)
    first, last = steps_that_count(num_steps, data.num_readers)
    found: list[tuple[float, float, float, float]] = []
    begin = time.perf_counter()
    for raw in _batches(data, recipe.batch_size, last, is_pinned=device.type == "cuda"):
        arrived = time.perf_counter()
        moved = move_data_to_device(raw, device)
        batch = cast(Mapping[str, Tensor], data.on_after_batch_transfer(moved, 0))
        _finish(device)
        prepared = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            loss = method.loss(model, batch)
        backward(loss)
        _finish(device)
        learned = time.perf_counter()
        optimizer.step()
        optimizer.zero_grad(set_to_none=num_parts == 1)
        _finish(device)
        end = time.perf_counter()
        found.append((arrived - begin, prepared - arrived, learned - prepared, end - learned))
        begin = end
    waits, prepares, learns, updates = zip(*found[first:], strict=True)
    return Times(
        wait=mean(waits),
        prepare=median(prepares),
        learn=median(learns),
        update=median(updates),
        memory=_peak_bytes(device),
        num_parts=num_parts,
    )


def steps_that_count(wanted: int, num_readers: int) -> tuple[int, int]:
    """Return the first step that counts, and where steps end.

    What readers had ready before the first step hides how fast they are. So that many steps are left out, and
    four times as many, or as many as are wanted, count.
    """
    ready = _AHEAD * num_readers
    first = max(ready, 1)
    return first, first + max(wanted, 4 * ready)


def _batches(
    data: ClipDataModule, batch_size: int, number: int, *, is_pinned: bool
) -> Iterator[Mapping[str, object]]:
    """Read batches, of one epoch after another without a break between."""
    clips = data.part("train")
    plans: list[BatchPlan] = []
    while len(plans) < number:
        plans += training_batches(len(clips), batch_size, seed=0, epoch=len(plans))
    yield from BatchLoader(
        clips, lambda epoch: plans[:number], num_workers=data.num_readers, pin_memory=is_pinned
    )


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_bytes(device: torch.device) -> int:
    """Return the most that torch took on the GPU; on a CPU the most that this process ever had."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in kB on Linux


def make_seen_store(root: Path, num_clips: int) -> StoreReader:
    """Write clips of two persons: poses, pooled features, and crops of about 15 kB, as those of the demo."""
    layout = Layout(_STEPS, 2, len(COCO_17), {_TAP: _CHANNELS}, ("person", "clip"))
    dataset = DatasetFacts("bench", "bench", _CLASSES, {}, None, "made", may_share=True, homepage=None)
    facts = StoreFacts(dataset, make_skeleton(COCO_17, []), layout, {})
    entries = [ClipEntry(str(number), "", "0") for number in range(num_clips)]
    rng = np.random.default_rng(0)
    jpegs = [_jpeg(rng) for _ in range(_STEPS)]
    crops = np.zeros((_STEPS, max(map(len, jpegs))), np.uint8)
    for row, jpeg in zip(crops, jpegs, strict=True):
        row[: len(jpeg)] = jpeg
    with StoreWriter(root, facts, entries, {}) as writer:
        for entry in entries:
            arrays = {spec.name: np.zeros(spec.shape_tail, spec.dtype) for spec in array_specs(layout)}
            arrays["keypoints"][:] = rng.uniform(100, 400, arrays["keypoints"].shape)
            arrays["keypoint_scores"][:] = 0.9
            arrays["person_valid"][:] = True
            pooled = arrays[pooled_array_name(_TAP)]
            pooled[:] = rng.standard_normal(pooled.shape, np.float32)
            for crop in layout.crops:
                arrays[f"frames/{crop}"] = crops
                arrays[f"frames/{crop}_lengths"][:] = [len(jpeg) for jpeg in jpegs]
                arrays[f"frames/{crop}_boxes"][:] = (80, 80, 420, 420)
            outcome = ClipOutcome("ok", num_steps=_STEPS, width=_WH[0], height=_WH[1])
            writer.put(SpooledClip(entry.id, outcome, arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return open_store(str(root))


def _jpeg(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    coarse = rng.integers(0, 256, (56, 56, 3)).astype(np.uint8)
    found: npt.NDArray[np.uint8] = cv2.imencode(".jpg", cv2.resize(coarse, CROP_WH))[1].flatten()
    return found
