"""RGB of 0 to 255 -> what networks see: which colours are zero, and which one. Pure."""

import torch
from torch import Tensor

# mean and standard deviation of values 0 to 255, RGB. imagenet: as published for both networks of videos
# (specs/hpnet.md B.3, specs/epam.md A.2); clip: those that CLIP was trained with
STATISTICS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "clip": ((122.7709, 116.7460, 104.0937), (68.5005, 66.6322, 70.3232)),
}


def normalise(frames: Tensor, statistics: str = "imagenet") -> Tensor:
    """Subtract the mean of (..., 3, H, W), RGB, 0 to 255, and divide by the standard deviation.

    Args:
        frames: uint8, or float.
        statistics: one of ``STATISTICS``.

    Returns:
        The same shape, float32.

    Raises:
        ValueError: there are no such statistics.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"statistics {statistics!r} are not known; choose one of {', '.join(STATISTICS)}")
    colours = frames.to(torch.float32, copy=True)
    mean, deviation = (colours.new_tensor(values)[:, None, None] for values in STATISTICS[statistics])
    return colours.sub_(mean).div_(deviation)
