"""Soft labels, Mixup and CutMix: clips of a batch are blended, and so are their labels. Pure."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Blending:
    """How batches are blended in training; the defaults are published (specs/hpnet.md B.4).

    Args:
        probability: that a batch is blended at all.
        cutmix: probability that it is by CutMix, and not by Mixup.
        mixup_alpha, cutmix_alpha: the share is drawn from Beta(alpha, alpha).

    Raises:
        ValueError: a value is outside its range.
    """

    probability: float = 1.0
    cutmix: float = 0.5
    mixup_alpha: float = 0.8
    cutmix_alpha: float = 1.0

    def __post_init__(self) -> None:
        for name in ("probability", "cutmix"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a probability in [0, 1]")
        for name in ("mixup_alpha", "cutmix_alpha"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected more than 0")


@dataclass(frozen=True, slots=True)
class Blend:
    """What a batch is blended with; drawn once, applied to frames, labels and, if wanted, streams.

    Args:
        partners: (B,) int64, the clip that each one is blended with.
        share: of a clip itself; the rest is its partner's.
        box: (top, bottom, left, right) in pixels, what CutMix takes from the partner; None: Mixup.
    """

    partners: Tensor
    share: float
    box: tuple[int, int, int, int] | None

    def frames(self, frames: Tensor) -> Tensor:
        """Blend (B, T, 3, H, W); CutMix has the same box in all frames."""
        if self.box is None:
            return self.values(frames)
        top, bottom, left, right = self.box
        blended = frames.clone()
        partners = frames[self.partners.to(frames.device), ..., top:bottom, left:right]
        blended[..., top:bottom, left:right] = partners
        return blended

    def values(self, values: Tensor) -> Tensor:
        """Blend (B, ...) in proportion, such as soft labels."""
        return torch.lerp(values[self.partners.to(values.device)], values, self.share)


def draw_blend(
    num_clips: int, size_hw: tuple[int, int], blending: Blending, draw: torch.Generator
) -> Blend | None:
    """Draw how a batch is blended; None: it is not.

    Args:
        num_clips: B.
        size_hw: height and width of the frames in pixels.
        blending: how much.
        draw: on the CPU.
    """
    is_blended, is_cut = (
        torch.rand(2, generator=draw) < torch.tensor([blending.probability, blending.cutmix])
    ).tolist()
    if not is_blended:
        return None
    partners = torch.randperm(num_clips, generator=draw)
    # torch draws no Beta from a generator
    beta = np.random.default_rng(int(torch.randint(2**62, (), generator=draw))).beta
    if not is_cut:
        return Blend(partners, float(beta(blending.mixup_alpha, blending.mixup_alpha)), None)
    height, width = size_hw
    centre = (
        torch.rand(2, generator=draw, dtype=torch.float64).mul(torch.tensor([height, width])).long().tolist()
    )
    share = float(beta(blending.cutmix_alpha, blending.cutmix_alpha))
    box = cut_box(share, size_hw, (centre[0], centre[1]))
    top, bottom, left, right = box
    return Blend(partners, 1 - (bottom - top) * (right - left) / (height * width), box)


def cut_box(share: float, size_hw: tuple[int, int], centre_yx: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a box of the frame's shape, cut off at its edges.

    Args:
        share: of the frame that would be left, were the box not cut off.
        size_hw: height and width of the frames in pixels.
        centre_yx: of the box.
    """
    top_left, bottom_right = [], []
    for size, centre in zip(size_hw, centre_yx, strict=True):
        half = int(size * (1 - share) ** 0.5) // 2
        top_left.append(max(0, centre - half))
        bottom_right.append(min(size, centre + half))
    return top_left[0], bottom_right[0], top_left[1], bottom_right[1]


def soft_labels(labels: Tensor, num_classes: int, *, smoothing: float = 0.1) -> Tensor:
    """Return (B, K): 1 - smoothing for the class of each clip, and smoothing shared by all classes.

    Args:
        labels: (B,) int64.
        num_classes: K.
        smoothing: published: 0.1 (specs/hpnet.md B.4).
    """
    return F.one_hot(labels, num_classes) * (1 - smoothing) + smoothing / num_classes
