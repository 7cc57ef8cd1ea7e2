"""What linking costs on the thread that feeds the networks: whole frames at once against box by box."""

from functools import partial

import numpy as np

from extract.interfaces import Detections
from extract.tracking import link_detections
from scripts.bench import plain_tracking
from scripts.bench.table import alternate, print_table

_FPS = 30


def make_crowd(num_persons: int, *, num_looks: int, seed: int) -> dict[int, Detections]:
    """Make boxes of people who walk to and fro, hide each other, are missed, doubled and seen in part."""
    rng = np.random.default_rng(seed)
    height, feet = rng.uniform(60, 150, num_persons), rng.uniform(180, 220, num_persons)
    start = rng.uniform(0, 60 * num_persons + 100, num_persons)
    speed, turn = rng.uniform(-150, 150, num_persons), rng.uniform(0, 3, num_persons)
    grid = 4 if seed % 2 else 0.01  # ties on a coarse one
    clip: dict[int, Detections] = {}
    frame = 0
    for _ in range(num_looks):
        seconds = frame / _FPS
        x = start + speed * (np.minimum(seconds, turn) - np.maximum(seconds - turn - 1, 0))
        whole = np.stack([x - 0.2 * height, feet - height, x + 0.2 * height, feet], axis=1)
        near = np.abs(x[:, None] - x) < 0.25 * height
        is_hidden = np.triu(near, 1).any(1) & (rng.random(num_persons) < 0.9)
        is_found = ~is_hidden & (rng.random(num_persons) > 0.15) & (rng.random() > 0.05)
        double, part = rng.random((2, num_persons)) < 0.1
        upper = whole - [0, 0, 0, 1] * (height * rng.uniform(0.1, 0.6, num_persons))[:, None]
        boxes = np.concatenate([whole[is_found], whole[double & is_found], upper[part]])
        boxes = np.round((boxes + rng.normal(0, 2, boxes.shape)) / grid) * grid
        scores = np.round(rng.uniform(0.3, 0.95, len(boxes)), 1)
        clip[frame] = Detections(boxes.astype(np.float32), scores.astype(np.float32))
        frame += int(rng.choice([1, 2, 6]))
    return clip


def bench_persons(*, repeats: int) -> None:
    """Link crowds of several sizes."""
    rows = []
    for num_persons in (2, 10, 40, 80):
        crowd = make_crowd(num_persons, num_looks=60, seed=0)
        plain, ours = alternate(
            repeats,
            partial(plain_tracking.link_detections, crowd, fps=_FPS),
            partial(link_detections, crowd, fps=_FPS),
        )
        rows.append((num_persons, f"{plain:.2f}", f"{ours:.2f}", f"**{plain / ours:.1f}**"))
    print_table(
        "Persons: linking 60 looks (tests/unit/test_tracking_oracle.py: the same tracks)",
        ("persons", "box by box, s", "whole frames, s", "times faster"),
        rows,
    )
