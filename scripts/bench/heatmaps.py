"""Heatmap volumes against one Gaussian, or one ridge, at a time in numpy; 20 times as fast is the bar."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from scripts.bench.plain_heatmaps import plain_joint_volume, plain_limb_volume
from scripts.bench.table import alternate, print_table
from train.epam.heatmaps import COCO_17_LIMBS, MIN_SCORE, SIGMA, SIZE_HW, joint_volume, limb_volume
from train.epam.sampling import NUM_POSE_STEPS
from train.freed_memory import keep_freed_memory

_BODY = 6.0  # pixels; so far joints are from their person's middle


def bench_heatmaps(*, num_clips: int, repeats: int) -> None:
    """Time volumes of 17 x 48 x 56 x 56 for a batch of clips of two persons."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        keep_freed_memory()  # as in training
    points, scores = _poses(num_clips)
    joints = partial(plain_joint_volume, size_hw=SIZE_HW, sigma=SIGMA, min_score=MIN_SCORE)
    limbs = partial(plain_limb_volume, limbs=COCO_17_LIMBS, size_hw=SIZE_HW, sigma=SIGMA, min_score=MIN_SCORE)
    rows = []
    for what, draw, draw_plain in (("joints", joint_volume, joints), ("limbs", limb_volume, limbs)):
        ours = partial(draw, points.to(device), scores.to(device))
        plain = partial(draw_plain, points.numpy(), scores.numpy())
        difference = float(np.abs(ours().cpu().numpy() - plain()).max())
        alternate(2, plain, ours)  # the first ones get their memory from the kernel
        before, after = alternate(repeats, plain, partial(_finish, ours))
        rows.append(
            (
                what,
                *(f"{1e3 * seconds / num_clips:.2f}" for seconds in (before, after)),
                f"**{before / after:.1f}x**",
                f"{difference:.0e}",
            )
        )
    print_table(
        f"Heatmap volumes: {num_clips} clips of two persons, 17 x {NUM_POSE_STEPS} x {SIZE_HW[0]} x "
        f"{SIZE_HW[1]}, {device.type}",
        ("", "one at a time, ms per clip", "ours", "ratio (target 20)", "largest difference"),
        rows,
        "One at a time is numpy on one thread.",
    )


def _finish(draw: Callable[[], Tensor]) -> None:
    if draw().is_cuda:
        torch.cuda.synchronize()


def _poses(num_clips: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    shape = (num_clips, NUM_POSE_STEPS, 2, 17)
    middle = 14 + 28 * torch.rand(num_clips, 1, 2, 1, 2, generator=draw)
    points = middle + _BODY * torch.randn(*shape, 2, generator=draw)
    return points, 0.3 + 0.7 * torch.rand(shape, generator=draw)
