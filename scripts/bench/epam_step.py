"""A training step of EPAM-Net and of its streams at the published size, and how long it waits for clips."""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from scripts.bench.steps import make_seen_store, time_steps
from scripts.bench.table import print_table
from train.epam.recipe import EpamRecipe
from train.epam.xshift import XShiftNet, xshift_pose, xshift_rgb

_BACKBONES: Mapping[str, tuple[Callable[[], XShiftNet], tuple[int, ...]]] = {
    "xshift_pose": (xshift_pose, (48, 17, 56, 56)),
    "xshift_rgb": (xshift_rgb, (16, 3, 224, 224)),
}


def bench_epam_step(*, batch_size: int, repeats: int) -> None:
    """Train each network for some steps on made clips of two persons."""
    logging.getLogger("train").setLevel(logging.WARNING)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    joint = EpamRecipe(batch_size=batch_size)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        reader = make_seen_store(Path(name), batch_size * (repeats + 1))
        for recipe in (*joint.stages(), joint):
            times = time_steps(reader, recipe, device, num_steps=repeats)
            parts = (times.wait, times.prepare, times.learn)
            rows.append(
                (
                    recipe.stream,
                    *(f"{1e3 * seconds / batch_size:.1f}" for seconds in parts),
                    f"{times.wait_percent:.1f} (target 5)",
                    f"{times.memory / 1e9:.1f}" if device.type == "cuda" else "-",
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
        "Medians, of the waiting the mean, without the steps whose clips were ready before. Clips are "
        "read as in training: by readers ahead on a GPU, on a CPU by the same process between two steps.",
    )
    if device.type == "cpu":
        _bench_layout(repeats=repeats)


def _bench_layout(*, repeats: int) -> None:
    """Time each backbone, forward and backward, with its channels last in memory and with pixels last."""
    rows = []
    for stream, (build, shape) in _BACKBONES.items():
        frames, as_built, plain = torch.rand(2, *shape), build(), build()
        plain.stem.register_forward_pre_hook(_to_pixels_last)
        pairs = [(_seconds(as_built, frames), _seconds(plain, frames)) for _ in range(repeats + 1)][1:]
        ours, theirs = (median(seconds) for seconds in zip(*pairs, strict=True))
        rows.append((stream, f"{500 * ours:.0f}", f"{500 * theirs:.0f}", f"{theirs / ours:.2f}"))
    print_table(
        f"X-ShiftNet: layout in memory, fp32, {torch.get_num_threads()} threads",
        ("backbone", "channels last, ms per clip", "pixels last", "times as fast"),
        rows,
        "Medians of forward and backward of two clips, in turn.",
    )


def _to_pixels_last(module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return inputs[0].contiguous()


def _seconds(backbone: XShiftNet, frames: Tensor) -> float:
    begin = time.perf_counter()
    backbone(frames).mean().backward()
    return time.perf_counter() - begin
