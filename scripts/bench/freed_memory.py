"""What a training step on the CPU gains by keeping the buffers that it frees, and what this costs."""

import logging
import tempfile
from pathlib import Path
from statistics import median

import torch

from scripts.bench.steps import Times, make_seen_store, time_steps
from scripts.bench.table import print_table
from scripts.processes import start_pool
from store import open_store
from train.config import Recipe
from train.epam.recipe import EpamRecipe
from train.freed_memory import keep_freed_memory
from train.graph_recipe import GraphRecipe

_CLIPS = 8


def bench_freed_memory(*, repeats: int) -> None:
    """Train networks at the published sizes with glibc as it is, and with freed memory kept, in turns."""
    recipes: tuple[Recipe, ...] = (GraphRecipe(batch_size=_CLIPS), *EpamRecipe(batch_size=_CLIPS).stages())
    rows = []
    with tempfile.TemporaryDirectory() as name:
        make_seen_store(Path(name), 2 * _CLIPS)
        for recipe in recipes:
            sides: dict[bool, list[Times]] = {False: [], True: []}
            for _ in range(repeats):
                for is_kept, times in sides.items():
                    times.append(_time_alone(name, recipe, is_kept))
            before, after = (median(one.learn for one in times) for times in sides.values())
            memory = (f"{max(one.memory for one in times) / 1e9:.1f}" for times in sides.values())
            rows.append(
                (recipe.stream, f"{before:.2f}", f"{after:.2f}", f"**{before / after:.2f}x**", *memory)
            )
    print_table(
        f"Keeping what a training step frees: {_CLIPS} clips, fp32, cpu, {torch.get_num_threads()} threads",
        ("stream", "glibc as it is, s", "kept, s", "ratio", "memory as it is, GB", "kept, GB"),
        rows,
        "Medians of forward and backward; memory: the most that a process had.",
    )


def _time_alone(store: str, recipe: Recipe, is_kept: bool) -> Times:
    """Time one step in a process of its own, for what is kept stays kept."""
    with start_pool(1) as pool:
        return pool.submit(_time, store, recipe, is_kept, torch.get_num_threads()).result()


def _time(store: str, recipe: Recipe, is_kept: bool, threads: int) -> Times:
    logging.getLogger("train").setLevel(logging.WARNING)
    torch.set_num_threads(threads)
    if is_kept:
        keep_freed_memory()
    return time_steps(open_store(store), recipe, torch.device("cpu"), num_steps=1)
