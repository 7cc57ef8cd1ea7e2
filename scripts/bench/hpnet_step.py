"""What a training step of HP-Net takes at the published size, and how long it waits for clips."""

import tempfile
from pathlib import Path

import torch

from scripts.bench.steps import make_seen_store, time_steps
from scripts.bench.table import print_table
from train.freed_memory import keep_freed_memory
from train.hpnet.recipe import HPNetRecipe

_STEP_CLIPS = HPNetRecipe().batch_size
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def bench_hpnet_step(*, repeats: int) -> None:
    """Train the published network, of random weights, on made clips of two persons."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()  # as in training
    # four clips at once are published; a whole step at once is what a large GPU holds
    sizes = (4, _STEP_CLIPS) if device.type == "cuda" else (4,)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        reader = make_seen_store(Path(name), max(sizes) * (repeats + 1))
        for at_once in sizes:
            for precision in _PRECISIONS if device.type == "cuda" else ("fp32",):
                times = time_steps(
                    reader,
                    HPNetRecipe(encoder=None, batch_size=at_once),
                    device,
                    num_steps=repeats,
                    dtype=_PRECISIONS[precision],
                    num_parts=_STEP_CLIPS // at_once,
                )
                rows.append(
                    (
                        at_once,
                        precision,
                        *(f"{part:.3f}" for part in (times.wait, times.prepare, times.learn, times.update)),
                        f"{times.num_parts} x part + AdamW = **{times.step:.1f}**",
                        f"**{times.wait_percent:.2f}** (target 5)",
                        f"{times.memory / 1e9:.1f}",
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
            "AdamW, once in a step",
            f"a step of {_STEP_CLIPS} clips, s",
            "waiting, %",
            "memory, GB",
        ),
        rows,
        "Medians, of the waiting the mean, without the parts whose clips were ready before. A part is what "
        "is seen at once; AdamW moves all parameters once, at the end of a step. Clips are read as in "
        "training: by readers ahead on a GPU, between two parts on a CPU. Memory: the most that torch took "
        "on the GPU, gradients and AdamW's state among it; on a CPU the most that this process ever had.",
    )
