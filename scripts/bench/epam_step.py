"""A training step of EPAM-Net and of its streams at the published size, and how long it waits for clips."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from scripts.bench.steps import make_seen_store, time_steps
from scripts.bench.table import print_table
from train.epam.recipe import EpamRecipe
from train.freed_memory import keep_freed_memory


def bench_epam_step(*, batch_size: int, repeats: int) -> None:
    """Train each network for some steps on made clips of two persons."""
    logging.getLogger("train").setLevel(logging.WARNING)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()  # as in training
    joint = EpamRecipe(batch_size=batch_size)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        reader = make_seen_store(Path(name), batch_size * (repeats + 1))
        for recipe in (*joint.stages(), replace(joint, pose_epochs=0, rgb_epochs=0)):
            times = time_steps(reader, recipe, device, num_steps=repeats)
            parts = (times.wait, times.prepare, times.learn + times.update)
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
