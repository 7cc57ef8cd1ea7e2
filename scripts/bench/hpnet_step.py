"""What a part of a training step of HP-Net takes at the published size, and how long it waits for clips."""

import resource
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import cast

import cv2
import numpy as np
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.autograd import backward

from scripts.bench.reading import made_features, make_store
from scripts.bench.table import print_table
from store import StoreReader
from store.schema import CROP_WH
from train.hpnet.method import HPNetMethod
from train.hpnet.recipe import HPNetRecipe
from train.passport import make_passport

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
_GB = 1e9


@dataclass(frozen=True, slots=True)
class Times:
    """Median seconds of what a part of a step does, and the bytes at its peak."""

    wait: float
    prepare: float
    learn: float
    memory: int


def bench_hpnet_step(*, repeats: int) -> None:
    """Train the published network, of random weights, on made clips of two persons."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # four clips at once are published; a whole step at once is what a large GPU holds
    sizes = (4, 64) if device.type == "cuda" else (4,)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        num_clips = max(sizes) * (repeats + 1)
        reader = make_store(Path(name), made_features(num_clips), num_persons=2, jpeg=_jpeg())
        for at_once in sizes:
            for precision in _PRECISIONS if device.type == "cuda" else ("fp32",):
                recipe = HPNetRecipe(encoder=None, at_once=at_once)
                times = _times(reader, recipe, device, _PRECISIONS[precision], repeats + 1)
                whole = times.wait + times.prepare + times.learn
                rows.append(
                    (
                        at_once,
                        precision,
                        *(f"{part:.3f}" for part in (times.wait, times.prepare, times.learn)),
                        f"**{100 * times.wait / whole:.2f}** (target 5)",
                        f"{times.memory / _GB:.1f}",
                    )
                )
    print_table(
        f"HP-Net: 8 frames of 224 px, B/16, three CTR-GCNs of two persons; {device.type}, "
        f"{torch.get_num_threads()} threads",
        (
            "clips at once",
            "precision",
            "waiting for clips, s",
            "varying, blending",
            "forward, backward",
            "waiting, %",
            "memory, GB",
        ),
        rows,
        "Medians without the first. A step is 64 clips, and one AdamW at its end, which is not in it. Clips "
        "are read as in training: by readers ahead on a GPU, between two parts on a CPU. Memory: the most "
        "that torch took on the GPU; on a CPU the most that this process ever had.",
    )


def _times(
    reader: StoreReader, recipe: HPNetRecipe, device: torch.device, dtype: torch.dtype, num_batches: int
) -> Times:
    recipe = replace(recipe, batch_size=recipe.at_once or 1)
    method, names = HPNetMethod(recipe), reader.facts.dataset.class_names
    data = method.data(reader, train_ids=reader.clip_ids, class_names=names, batch_size=recipe.batch_size)
    passport = make_passport(
        reader, recipe, method.source(reader), protocol="", fold="", class_names=names,
        num_frames=data.num_frames, num_persons=data.num_persons, num_train=len(reader.clip_ids),
        facts=method.facts(reader, names),
    )  # fmt: skip
    model = method.model(passport).to(device).train()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    found: list[tuple[float, float, float]] = []
    begin = time.perf_counter()
    for raw in islice(data.train_dataloader(), num_batches):
        arrived = time.perf_counter()
        moved = move_data_to_device(raw, device)
        batch = cast(Mapping[str, Tensor], data.on_after_batch_transfer(moved))
        _finish(device)
        prepared = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            loss = method.loss(model, batch)
        backward(loss)
        _finish(device)
        end = time.perf_counter()
        found.append((arrived - begin, prepared - arrived, end - prepared))
        begin = end
    wait, prepare, learn = (median(part) for part in zip(*found[1:], strict=True))
    return Times(wait, prepare, learn, _peak_bytes(device))


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in kB on Linux


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _jpeg() -> bytes:
    """Return a crop of about 15 kB, as real ones have."""
    coarse = np.random.default_rng(0).integers(0, 256, (56, 56, 3)).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", cv2.resize(coarse, CROP_WH))[1].tobytes())
