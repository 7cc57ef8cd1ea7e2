"""Poses in units of bodies, and how they may be varied: mirrored, turned, scaled. Pure.

Only of the pose streams: pooled features cannot be mirrored or turned after pooling (specs/hpnet.md H.1, 7).
"""

from collections.abc import Sequence
from math import pi
from typing import Literal

import torch
from torch import Tensor

from train.augment import Augment

# pixels: as published (specs/hpnet.md C.1), where a clip's place and size in the picture are part of the
# stream. body: nothing of a clip's place and size is left, so that few clips can speak for other cameras.
PoseUnit = Literal["pixels", "body"]


def in_bodies(rows: Tensor, valid: Tensor, clip_of_row: Tensor, num_clips: int) -> Tensor:
    """Take the place and the size of the persons of a clip out of their poses.

    The origin is the middle of all persons at all times at which they are there. The unit, one for all of
    them, is the root mean square distance of joints from the middle of their person at their time. So how
    persons stand and move towards each other stays.

    Args:
        rows: (R, T, V, D) in pixels or metres.
        valid: (R, T) bool, where each person is there.
        clip_of_row: (R,) int64, which of the B clips.
        num_clips: B.

    Returns:
        (R, T, V, D) float32; a clip whose joints are all in one place keeps its unit.
    """
    rows = rows.float()
    there = valid[:, :, None].float()
    middles = rows.mean(2)  # (R, T, D)
    spreads = (rows - middles[:, :, None]).square().sum(3).mean(2, keepdim=True)  # (R, T, 1)
    sums = torch.cat([middles * there, spreads * there, there], dim=2).sum(1)  # (R, D + 2)
    # a product, because adding up in place is not deterministic on a GPU
    members = (torch.arange(num_clips, device=rows.device)[:, None] == clip_of_row).float()
    of_clips = members @ sums
    origins, spread = (of_clips[:, :-1] / of_clips[:, -1:].clamp(min=1)).tensor_split([-1], 1)
    units = torch.where(spread > 0, spread, 1).sqrt()
    return (rows - origins[clip_of_row][:, None, None]) / units[clip_of_row][:, None, None]


def vary_poses(
    rows: Tensor,
    partners: Sequence[int],
    clip_of_row: Tensor,
    num_clips: int,
    augment: Augment,
    draw: torch.Generator,
) -> Tensor:
    """Mirror, turn and scale the poses of each clip about the origin; all persons and times of it alike.

    Args:
        rows: (R, T, V, D) about the origin, x and y first.
        partners: of each joint the one on the other side, see ``mirror_partners``.
        clip_of_row: (R,) int64, which of the B clips.
        num_clips: B.
        augment: how much.
        draw: on the CPU.

    Returns:
        (R, T, V, D). Comes before any bone: a mirrored left arm is a right arm.
    """
    if augment.mirror:
        is_turned = torch.rand(num_clips, generator=draw) < augment.mirror
        chosen = is_turned.to(rows.device)[clip_of_row][:, None, None, None]
        rows = torch.where(chosen, mirrored(rows, partners), rows)
    if augment.turn or augment.scale:
        angles = augment.turn * pi / 180 * (2 * torch.rand(num_clips, generator=draw) - 1)
        factors = 1 + augment.scale * (2 * torch.rand(num_clips, generator=draw) - 1)
        cos, sin = angles.cos() * factors, angles.sin() * factors
        plane = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)  # (B, 2, 2)
        turns = torch.diag_embed(factors[:, None].expand(-1, rows.shape[3]).contiguous())
        turns[:, :2, :2] = plane
        rows = rows @ turns.to(rows.device)[clip_of_row][:, None]
    return rows


def facing_others(
    rows: Tensor, valid: Tensor, partners: Sequence[int], clip_of_row: Tensor, num_clips: int
) -> Tensor:
    """Mirror those who stand to the right of the others, so that everybody has the others to the right.

    What somebody does to another is then the same movement, whoever of the two does it; how far they are
    from each other stays. Who is alone stays as they are.

    Args:
        rows: (R, T, V, D) about the middle of all persons, see ``in_bodies``.
        valid: (R, T) bool, where each person is there.
        partners: of each joint the one on the other side, see ``mirror_partners``.
        clip_of_row: (R,) int64, which of the B clips.
        num_clips: B.

    Returns:
        (R, T, V, D).
    """
    times = valid.sum(1).clamp(min=1)
    places = (rows[..., 0].mean(2) * valid).sum(1) / times
    has_others = torch.bincount(clip_of_row, minlength=num_clips)[clip_of_row] > 1
    is_right = has_others & (places > 0)
    return torch.where(is_right[:, None, None, None], mirrored(rows, partners), rows)


def mirrored(rows: Tensor, partners: Sequence[int]) -> Tensor:
    """Return poses (R, T, V, D) about the origin as a mirror shows them: x turned round, sides exchanged."""
    flipped = rows[:, :, list(partners)]
    return torch.cat([-flipped[..., :1], flipped[..., 1:]], dim=3)


def mirror_partners(joint_names: Sequence[str]) -> list[int]:
    """Return of each joint the one on the other side of the body, by name; of a middle one itself."""
    place = {name: index for index, name in enumerate(joint_names)}
    other = [
        name.replace("left", "right") if "left" in name else name.replace("right", "left")
        for name in joint_names
    ]
    return [place.get(name, index) for index, name in enumerate(other)]
