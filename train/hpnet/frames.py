"""A clip's person crops -> what the video encoder sees: which frames, how they vary (specs/hpnet.md B). Pure.

Everything that is drawn comes from a generator on the CPU, so that all devices draw the same. Pooled features
cannot be mirrored (specs/hpnet.md H.1, 7): a flipped clip keeps the streams that it has.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

NUM_FRAMES = 8  # m of n, published

_GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Variation:
    """How frames vary in training; the defaults are published (specs/hpnet.md B.3).

    Args:
        flip: probability that a clip is mirrored.
        jitter: probability that a clip's colours are.
        brightness: its factor is drawn from 1 - this to 1 + this; contrast, saturation: likewise.
        hue: turned by up to this part of the circle, to either side.
        jitter_per: "frame": every frame of a clip draws its own, which flickers, as published; "clip": one
            for all frames.
        gray: probability that a clip loses its colours.

    Raises:
        ValueError: a value is outside its range.
    """

    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    jitter_per: Literal["frame", "clip"] = "frame"
    gray: float = 0.2

    def __post_init__(self) -> None:
        for name in ("flip", "jitter", "gray"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a probability in [0, 1]")
        for name, most in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 to {most}")


def sample_frames(
    num_frames: int, *, num_samples: int = NUM_FRAMES, draw: torch.Generator | None = None
) -> Tensor:
    """Choose frames: the clip is cut into equal parts, and each gives one.

    Args:
        num_frames: n, how many there are.
        num_samples: m, how many are wanted.
        draw: for training, any frame of its part; None: for testing, the middle one.

    Returns:
        (m,) int64, ascending. Of fewer frames than m: all, and the last again and again (so does the release
        with one too few; with less it fails).

    Raises:
        ValueError: there is no frame.

    Source: specs/hpnet.md B.2.
    """
    if num_frames < 1:
        raise ValueError(
            "the clip has no frame to sample; leave clips without crops out and count them as missing"
        )
    if num_frames < num_samples:
        return torch.arange(num_samples).clamp(max=num_frames - 1)
    edges = num_frames * torch.arange(num_samples + 1) // num_samples
    begin, end = edges[:-1], edges[1:]
    if draw is None:
        return (begin + end) // 2
    luck = torch.rand(num_samples, generator=draw, dtype=torch.float64)
    return begin + (luck * (end - begin)).long()


def vary_frames(frames: Tensor, variation: Variation, draw: torch.Generator) -> Tensor:
    """Mirror clips, change their colours, take them away, in this order.

    Brightness, contrast, saturation and hue follow one another; the release's order is not known.

    Args:
        frames: (B, T, 3, H, W) float, RGB, 0 to 255.
        variation: how much.
        draw: on the CPU.

    Returns:
        The same shape, 0 to 255.
    """
    clips, times = frames.shape[:2]

    def chosen(probability: float) -> Tensor:
        return torch.nonzero(torch.rand(clips, generator=draw) < probability).flatten()

    def spread(strength: float) -> Tensor:
        shape = (clips, times if variation.jitter_per == "frame" else 1, 1, 1, 1)
        return strength * (2 * torch.rand(shape, generator=draw) - 1)

    varied = frames.clone()
    mirrored = chosen(variation.flip)
    varied[mirrored] = frames[mirrored].flip(-1)
    factors = {
        "brightness": 1 + spread(variation.brightness),
        "contrast": 1 + spread(variation.contrast),
        "saturation": 1 + spread(variation.saturation),
        "hue": spread(variation.hue),
    }
    jittered = chosen(variation.jitter)
    its_factors = {name: factor[jittered].to(frames) for name, factor in factors.items()}
    varied[jittered] = adjust_colours(varied[jittered], **its_factors)  # dear: not of clips that keep theirs
    grayed = chosen(variation.gray)
    varied[grayed] = gray(varied[grayed])
    return varied


def adjust_colours(
    frames: Tensor, *, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor
) -> Tensor:
    """Scale brightness, contrast (around a frame's mean) and saturation, and turn the hue.

    Args:
        frames: (..., 3, H, W) float, RGB, 0 to 255.
        brightness: factor that broadcasts to ``frames``; 1 changes nothing.
        contrast: likewise.
        saturation: likewise.
        hue: part of the circle; 0 changes nothing.

    Returns:
        The same shape, cut off at 0 and 255 after each step.
    """
    frames = (frames * brightness).clamp(0, 255)
    mean = gray(frames).mean((-2, -1), keepdim=True)
    frames = (mean + contrast * (frames - mean)).clamp(0, 255)
    colourless = gray(frames)
    frames = (colourless + saturation * (frames - colourless)).clamp(0, 255)
    return turn_hue(frames, hue)


def gray(frames: Tensor) -> Tensor:
    """Return the luma of (..., 3, H, W): (..., 1, H, W)."""
    weights = frames.new_tensor(_GRAY)[:, None, None]
    return (frames * weights).sum(-3, keepdim=True)


def turn_hue(frames: Tensor, hue: Tensor) -> Tensor:
    """Turn the hue of (..., 3, H, W), and keep value and chroma (the hexcone of Smith, 1978).

    Args:
        frames: RGB.
        hue: part of the circle, broadcasts to ``frames``.
    """
    red, green, blue = torch.split(frames, 1, -3)
    value = frames.amax(-3, keepdim=True)
    chroma = value - frames.amin(-3, keepdim=True)
    per = torch.where(chroma == 0, 1, chroma)
    # from 0 to 6: red, yellow, green, cyan, blue, magenta
    sector = torch.where(
        value == red,
        (green - blue) / per,
        torch.where(value == green, 2 + (blue - red) / per, 4 + (red - green) / per),
    )
    place = (sector + 6 * hue + frames.new_tensor((5, 3, 1))[:, None, None]) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)
