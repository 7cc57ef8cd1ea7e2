"""What a training step on the CPU gains by keeping the buffers that it frees."""

import logging
import tempfile
from pathlib import Path

import torch

from scripts.bench.steps import Times, make_seen_store, time_steps
from scripts.bench.table import print_table
from train.config import Recipe
from train.epam.recipe import EpamRecipe
from train.freed_memory import keep_freed_memory
from train.graph_recipe import GraphRecipe

_CLIPS = 8


def bench_freed_memory(*, repeats: int) -> None:
    """Train networks at the published sizes, first with glibc as it is; to be run before other trainings."""
    logging.getLogger("train").setLevel(logging.WARNING)
    recipes: tuple[Recipe, ...] = (
        GraphRecipe(batch_size=_CLIPS),
        *EpamRecipe(batch_size=_CLIPS).stages(),
    )
    with tempfile.TemporaryDirectory() as name:
        reader = make_seen_store(Path(name), _CLIPS * (repeats + 1))

        def time_all() -> list[Times]:
            return [time_steps(reader, recipe, torch.device("cpu"), num_steps=repeats) for recipe in recipes]

        plain = time_all()
        keep_freed_memory()
        kept = time_all()
    print_table(
        f"Keeping what a training step frees: {_CLIPS} clips, fp32, cpu, {torch.get_num_threads()} threads",
        ("stream", "glibc as it is, s", "kept, s", "ratio"),
        [
            (
                recipe.stream,
                f"{before.learn:.2f}",
                f"{after.learn:.2f}",
                f"**{before.learn / after.learn:.2f}x**",
            )
            for recipe, before, after in zip(recipes, plain, kept, strict=True)
        ],
        "Medians of forward, backward and the optimiser's step.",
    )
