"""Layers of more than one model. Inside a model the axes are (N, C, V, T): row, channel, joint, time."""

from collections.abc import Sequence
from math import sqrt

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

NUM_SUBSETS = 3  # of a graph (train/graph.py)


def init_conv(weight: Tensor) -> None:
    """Draw the weights (C_out, C_in, ...) of a convolution in place: Kaiming, fan-out, for ReLU."""
    with torch.no_grad():
        weight.normal_(std=sqrt(2 / (weight.shape[0] * weight[0, 0].numel())))


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with a 1x1 kernel: (N, C_in, ...) to (N, C_out, ...) with weights (C_out, C_in).

    One matrix product per row; on a CPU a convolution spends about as much time again on memory layouts.
    """
    product = torch.baddbmm(bias[:, None], weight.expand(len(x), -1, -1), x.flatten(2))
    return product.view(len(x), -1, *x.shape[2:])


class Pointwise(nn.Module):
    """1x1 convolutions of the same input, stacked: each has its own fan-out; biases start at 0."""

    def __init__(self, before: int, *widths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sum(widths), before))
        self.bias = nn.Parameter(torch.zeros(sum(widths)))
        for part in torch.split(self.weight.detach(), list(widths)):
            init_conv(part)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, ...) to (N, sum of widths, ...)."""
        return pointwise(x, self.weight, self.bias)


def aggregate(weights: Tensor, values: Tensor) -> Tensor:
    """Sum the values of all subsets and joints, weighted by the topology: one product per row and channel.

    Args:
        weights: (N * C, receiver, subset * source).
        values: (N, C * subset, V, T), subset fastest.

    Returns:
        (N, C, V, T). In mixed precision too the product is float32 (specs/ctrgcn.md 14).
    """
    rows, channels, joints, frames = values.shape
    flat = values.reshape(rows * channels // NUM_SUBSETS, NUM_SUBSETS * joints, frames)
    with torch.autocast(values.device.type, enabled=False):
        return torch.bmm(weights.float(), flat.float()).view(rows, -1, joints, frames)


class Shortcut(nn.Module):
    """A 1x1 convolution and its BatchNorm, where width or length changes."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.point = Pointwise(before, after)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, V, T) to (N, after, V, T / stride)."""
        normed: Tensor = self.norm(self.point(x[..., :: self.stride]))
        return normed


class TemporalConv(nn.Conv2d):
    """A convolution along time that keeps the width and, at stride 1, the length; its bias starts at 0."""

    def __init__(self, width: int, *, taps: int, dilation: int, stride: int) -> None:
        super().__init__(width, width, (1, taps), (1, stride), (0, taps // 2 * dilation), (1, dilation))
        init_conv(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)


class Branches(nn.Module):
    """Temporal branches side by side: dilated convolutions, a maximum over three frames, and single frames.

    All begin with a 1x1 convolution; all but the last go on with BatchNorm and ReLU; all end in a BatchNorm.
    The 1x1 convolutions are stacked, and so are the BatchNorms, which work channel by channel.

    Args:
        channels: C, of input and output.
        widths: channels of each convolution, in the order of ``dilations``, then of the maximum.
        dilations: of the convolutions.
        taps: of the convolutions.
        stride: of time.
    """

    def __init__(
        self, channels: int, *, widths: Sequence[int], dilations: Sequence[int], taps: int, stride: int
    ) -> None:
        super().__init__()
        self.widths, self.stride = list(widths), stride
        self.enter = Pointwise(channels, *widths, channels - sum(widths))
        self.norm_in = nn.BatchNorm2d(sum(widths))
        self.convs = nn.ModuleList(
            TemporalConv(width, taps=taps, dilation=dilation, stride=stride)
            for width, dilation in zip(widths[:-1], dilations, strict=True)
        )
        self.norm_out = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, V, T) to (N, C, V, T / stride)."""
        moving, single = self._entered(x)
        *convolved, most = self.norm_in(moving).relu_().split(self.widths, 1)
        parts = [conv(part) for conv, part in zip(self.convs, convolved, strict=True)]
        parts.append(F.max_pool2d(most, (1, 3), (1, self.stride), (0, 1)))
        normed: Tensor = self.norm_out(torch.cat([*parts, self.last(single)], 1))
        return normed

    def last(self, single: Tensor) -> Tensor:
        """Work on the single frames, (N, C', V, T / stride)."""
        return single

    def _entered(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = sum(self.widths)
        if self.stride == 1:
            moving, single = self.enter(x).tensor_split([first], 1)
            return moving, single
        weights, biases = self.enter.weight.tensor_split([first]), self.enter.bias.tensor_split([first])
        return (
            pointwise(x, weights[0], biases[0]),
            pointwise(x[..., :: self.stride], weights[1], biases[1]),
        )


class Block(nn.Module):
    """Spatial unit, temporal unit, shortcut, ReLU: the block of all models.

    Args:
        spatial: unit from ``before`` to ``after`` channels.
        temporal: unit that keeps the channels and takes every ``stride``-th frame.
        before: input channels.
        after: output channels.
        stride: of time.
        has_shortcut: False for the first block.
    """

    def __init__(
        self,
        spatial: nn.Module,
        temporal: nn.Module,
        *,
        before: int,
        after: int,
        stride: int,
        has_shortcut: bool,
    ) -> None:
        super().__init__()
        self.spatial, self.temporal, self.has_shortcut = spatial, temporal, has_shortcut
        is_same = before == after and stride == 1
        self.shortcut = Shortcut(before, after, stride) if has_shortcut and not is_same else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, V, T) to (N, after, V, T / stride)."""
        y: Tensor = self.temporal(self.spatial(x))
        if self.has_shortcut:
            y = y + self.shortcut(x)
        return y.relu_()


def block_plan(before: int, width: int) -> list[tuple[int, int, int]]:
    """Return (channels before, channels after, stride) of the ten blocks of all models."""
    after = [width] * 4 + [2 * width] * 3 + [4 * width] * 3
    strides = [2 if place in (4, 7) else 1 for place in range(10)]
    return list(zip([before, *after[:-1]], after, strides, strict=True))
