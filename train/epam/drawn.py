"""Views of clips as they left the reading process -> what the networks see, on their device."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from train.colours import normalise
from train.epam.boxes import into_boxes, mirror, random_crops
from train.epam.heatmaps import SIGMA, joint_volume, limb_volume
from train.epam.views import RawViews


@dataclass(frozen=True, slots=True)
class Drawing:
    """How views become tensors.

    Args:
        size: width and height of heatmaps.
        sigma: of their Gaussians, in their pixels.
        limbs: pairs of joints whose ridges are drawn; none: joints are.
        flip: probability that a training clip is mirrored, poses and RGB alike.
        has_crops: heatmaps of training clips show a random part of the box; for the pose alone.
        exact_mirror: training clips are mirrored as pixels are, see ``boxes.mirror``; published: half a pixel
            beside.
        in_mirror: each view that is not trained on is followed by itself, mirrored as pixels are.
    """

    size: int = 56
    sigma: float = SIGMA
    limbs: Sequence[tuple[int, int]] = ()
    flip: float = 0.5
    has_crops: bool = False
    exact_mirror: bool = False
    in_mirror: bool = False


def draw_views(raw: RawViews, drawing: Drawing, swap: Sequence[int]) -> tuple[Tensor | None, Tensor | None]:
    """Make what the networks see.

    Args:
        raw: views of clips, on the device.
        drawing: how.
        swap: the joints' partners, see ``mirrored_joints``.

    Returns:
        RGB frames (views, M, 3, H, W) and heatmaps (views, N, V, H, W), or None where they are not shown.
    """
    num_views = len(raw["boxes"]) if "boxes" in raw else len(raw["crops"])
    is_training = raw["part"] == "train"
    draw = torch.Generator().manual_seed(raw["seed"])
    is_turned = torch.rand(num_views, generator=draw) < drawing.flip if is_training else None
    twice = drawing.in_mirror and not is_training
    if twice:
        is_turned = torch.arange(2 * num_views) % 2 == 1
    frames = heatmaps = None
    if "crops" in raw:
        crops = raw["crops"].repeat_interleave(2, 0) if twice else raw["crops"]
        if is_turned is not None:
            is_left = is_turned.to(crops.device).view(-1, 1, 1, 1, 1)
            crops = torch.where(is_left, crops.flip(-1), crops)
        frames = normalise(crops)
    if "points" in raw:
        boxes = raw["boxes"]
        if drawing.has_crops and is_training:
            boxes = random_crops(boxes, draw)
        points = into_boxes(raw["points"], raw["known"], boxes, (drawing.size, drawing.size))
        scores, known = raw["scores"], raw["known"]
        if twice:
            points, scores, known = (part.repeat_interleave(2, 0) for part in (points, scores, known))
        if is_turned is not None:
            is_left = is_turned.to(points.device).view(-1, 1, 1, 1)
            # a published test turns the drawn heatmaps (specs/posec3d.md 1)
            width = drawing.size - 1 if twice or drawing.exact_mirror else drawing.size
            turned, exchanged = mirror(points, scores, known, swap, width=width)
            points = torch.where(is_left[..., None], turned, points)
            scores = torch.where(is_left, exchanged, scores)
        volume = partial(limb_volume, limbs=drawing.limbs) if drawing.limbs else joint_volume
        heatmaps = volume(points, scores, size_hw=(drawing.size, drawing.size), sigma=drawing.sigma)
    return frames, heatmaps
