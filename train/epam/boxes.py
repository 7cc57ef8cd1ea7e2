"""From source pixels to the small grid of heatmaps: a box per clip, coordinates in it, the mirror.

All of it works on whole batches, wherever they are. Points are (B, ..., 2): x, y. What a point is worth is
said by ``known``, (B, ..., 2): in a store ``person_valid`` says who is there; published, a coordinate that is
exactly 0 is missing (``known_by_value``).
"""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor

PADDING = 0.25  # of the union box
MIN_RANGE = 10.0  # pixels; of less the whole image is taken
_CROP_AREA = (0.56, 1.0)  # shares of the box
_CROP_ASPECT = (3 / 4, 4 / 3)
_CROP_ATTEMPTS = 10


def known_by_value(points: Tensor) -> Tensor:
    """Tell which coordinates are there, the published way: neither NaN nor exactly 0."""
    return points.isfinite() & (points != 0)


def union_boxes(points: Tensor, known: Tensor, image_wh: Tensor, *, is_clamped: bool = True) -> Tensor:
    """Return one padded square around all that is known of each clip.

    Args:
        points: (B, ..., 2) source pixels.
        known: (B, ..., 2) bool, or what broadcasts to it.
        image_wh: (B, 2) width and height of the clips' frames.
        is_clamped: cut at the image's border, and then no longer a square (RGB crops, joint training); the
            pose alone is published with boxes that may leave the image.

    Returns:
        (B, 4) int64 x1, y1, x2, y2; the whole image where the union is less than 10 pixels wide or high, or
        nothing is known. A clamped box is at least one pixel wide and high.

    Source: specs/epam.md A.4.
    """
    flat = points.flatten(1, -2).double()
    is_known = known.expand(points.shape).flatten(1, -2)
    low = flat.masked_fill(~is_known, torch.inf).amin(1)
    high = flat.masked_fill(~is_known, -torch.inf).amax(1)
    has_range = (high - low >= MIN_RANGE).all(1, keepdim=True)  # what is not known has -inf
    wh = image_wh.to(points.device).double()
    whole = torch.cat([torch.zeros_like(wh), wh], 1)
    centre, half = (low + high) / 2, (high - low).amax(1, keepdim=True) / 2 * (1 + PADDING)
    box = torch.where(has_range, torch.cat([centre - half, centre + half], 1), whole).trunc()
    if is_clamped:
        begin = torch.minimum(box[:, :2].clamp(min=0), wh - 1)
        box = torch.cat([begin, torch.maximum(torch.minimum(box[:, 2:], wh), begin + 1)], 1)
    return box.long()


def random_crops(boxes: Tensor, draw: torch.Generator) -> Tensor:
    """Cut a part out of each box, for training on the pose alone.

    Args:
        boxes: (B, 4).
        draw: on the CPU.

    Returns:
        (B, 4) float32: 56 to 100 % of the area, width / height between 3/4 and 4/3 in a square; after ten
        draws that do not fit, the square in the middle.

    Source: specs/epam.md A.3; there on a grid of 64 pixels, here anywhere.
    """
    begin, wh = boxes[:, :2].float(), (boxes[:, 2:] - boxes[:, :2]).float()
    chance = torch.rand(2, len(boxes), _CROP_ATTEMPTS, generator=draw).to(boxes.device)
    place = torch.rand(len(boxes), 2, generator=draw).to(boxes.device)
    area = (_CROP_AREA[0] + (_CROP_AREA[1] - _CROP_AREA[0]) * chance[0]) * wh.prod(1, keepdim=True)
    low, high = log(_CROP_ASPECT[0]), log(_CROP_ASPECT[1])
    aspect = (low + (high - low) * chance[1]).exp()
    sizes = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 2)  # (B, attempt, 2)
    fits = (sizes <= wh[:, None]).all(2)
    first = sizes[torch.arange(len(boxes), device=boxes.device), fits.int().argmax(1)]
    does_fit = fits.any(1, keepdim=True)
    size = torch.where(does_fit, first, wh.amin(1, keepdim=True).expand(-1, 2))
    begin = begin + (wh - size) * torch.where(does_fit, place, place.new_tensor(0.5))
    return torch.cat([begin, begin + size], 1)


def into_boxes(points: Tensor, known: Tensor, boxes: Tensor, size_wh: tuple[int, int]) -> Tensor:
    """Return points in the pixels of their box, scaled to ``size_wh``; 0 where they are not known.

    Args:
        points: (B, ..., 2) source pixels.
        known: (B, ..., 2) bool, or what broadcasts to it.
        boxes: (B, 4) source pixels: the one that a store has its clip crops from, or of ``union_boxes``.
        size_wh: width and height of the grid; each has its own scale, as the crops have.

    Returns:
        (B, ..., 2) float32.
    """
    shape = (len(boxes), *(1,) * (points.ndim - 2), 2)
    begin, wh = boxes[:, :2].float(), (boxes[:, 2:] - boxes[:, :2]).float()
    scale = torch.tensor(size_wh, device=boxes.device) / wh
    return torch.where(known, (points.float() - begin.view(shape)) * scale.view(shape), 0.0)


def mirror(
    points: Tensor, scores: Tensor, known: Tensor, swap: Sequence[int], *, width: float
) -> tuple[Tensor, Tensor]:
    """Mirror points and exchange left and right joints.

    Args:
        points: (..., V, 2) in pixels of the grid.
        scores: (..., V).
        known: (..., V, 2) bool, or what broadcasts to it; x stays where it is not known.
        swap: V places, see ``mirrored_joints``.
        width: of the grid: x becomes ``width - x`` as published, half a pixel beside mirrored images, which
            ``width - 1`` would meet.

    Source: specs/epam.md A.5.
    """
    x = torch.where(known[..., 0], width - points[..., 0], points[..., 0])
    return torch.stack([x, points[..., 1]], -1)[..., swap, :], scores[..., swap]


def mirrored_joints(joint_names: Sequence[str]) -> list[int]:
    """Return, for each joint, the place of the one that it is in a mirror: left and right by their names.

    Raises:
        ValueError: a joint has no partner on the other side.
    """
    place = {name: number for number, name in enumerate(joint_names)}
    swap = []
    for name in joint_names:
        side, _, rest = name.partition("_")
        other = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)
        if other not in place:
            raise ValueError(f"joint {name!r} has no {other!r}, so this skeleton cannot be mirrored")
        swap.append(place[other])
    return swap
