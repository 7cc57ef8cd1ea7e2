"""Skeleton-MixFormer (Xin et al., ACM MM 2023) for any number of joints; formulas: specs/mixformer.md.

Its input transform "joint minus k-th ancestor" is left out: as published it is the identity on the NTU
skeleton, and it has no meaning on a graph with a cycle. So are its unused parameters.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from train.models.base import GraphModel, StreamShape
from train.models.layers import (
    NUM_SUBSETS,
    Block,
    Branches,
    Pointwise,
    Shortcut,
    aggregate,
    block_plan,
    pointwise,
)
from train.models.persons import PersonNorm, Rows

_NUM_GROUPS = 4  # of channels with one attention each: contiguous quarters
_NUM_STATIC = 8  # learned graphs per subset, shared by every eighth channel


class MixFormer(GraphModel):
    """Skeleton-MixFormer: (B, C, T, V, M) to (B, K).

    Args:
        shape: of the stream; the number of frames is part of the weights.
        adjacency: (3, V, V); here row = source, column = receiver, of the same matrices.
        num_classes: K.
        width: channels of the first blocks, a multiple of 40 (published: 80); the last have four times that.
        dropout: before the classifier; 0 is published.

    Raises:
        ValueError: no such width, or a number of frames that is not a multiple of 4.
    """

    def __init__(
        self,
        shape: StreamShape,
        adjacency: Tensor,
        *,
        num_classes: int,
        width: int = 80,
        dropout: float = 0.0,
    ) -> None:
        if width <= 0 or width % 40:
            raise ValueError(
                f"width {width}: MixFormer has five branches and eight learned graphs, so it must be a "
                "multiple of 40"
            )
        if shape.frames % 4:
            raise ValueError(
                f"{shape.frames} frames: MixFormer halves time twice, so it must be a multiple of 4"
            )
        super().__init__(
            shape,
            _Backbone(shape, adjacency, width),
            num_features=4 * width,
            num_classes=num_classes,
            dropout=dropout,
        )
        self.embed = nn.Linear(shape.channels, width)
        self.joints = nn.Parameter(torch.randn(shape.joints, width))
        self.norm = PersonNorm(shape.persons, width, shape.joints)

    def enter(self, rows: Rows) -> Tensor:
        """Embed each joint, then normalise each person slot."""
        if rows.values.shape[3] != self.shape.frames:
            raise ValueError(
                f"clips of {rows.values.shape[3]} frames; this MixFormer was built for {self.shape.frames}"
            )
        embedded = self.embed(rows.values.permute(0, 3, 2, 1)) + self.joints  # (N, T, V, C)
        normed: Tensor = self.norm(embedded.permute(0, 3, 2, 1).contiguous(), rows.counts)
        return normed


class _Backbone(nn.Module):
    """Ten blocks; what the first four and the next three made is added to the end ("retrospect")."""

    def __init__(self, shape: StreamShape, adjacency: Tensor, width: int) -> None:
        super().__init__()
        blocks, frames = [], shape.frames
        for place, (before, after, stride) in enumerate(block_plan(width, width)):
            frames //= stride
            blocks.append(
                Block(
                    SpatialUnit(before, after, adjacency),
                    TemporalUnit(after, stride, frames),
                    before=before,
                    after=after,
                    stride=stride,
                    has_shortcut=place > 0,
                )
            )
        self.first, self.second, self.third = (
            nn.Sequential(*part) for part in (blocks[:4], blocks[4:7], blocks[7:])
        )
        self.first_again = Shortcut(width, 4 * width)
        self.second_again = Shortcut(2 * width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, V, T) to (N, 4 * width, V, T / 4)."""
        first = self.first(x)
        second = self.second(first)
        third: Tensor = self.third(second)
        third = third + torch.relu(self.first_again(F.avg_pool2d(first, (1, 4))))
        return third + torch.relu(self.second_again(F.avg_pool2d(second, (1, 2))))


class SpatialUnit(nn.Module):
    """Graph convolution: attention between joints plus learned graphs (specs/mixformer.md 3)."""

    fixed: Tensor

    def __init__(self, before: int, after: int, adjacency: Tensor) -> None:
        super().__init__()
        num_joints = adjacency.shape[-1]
        self.graph = nn.Parameter(adjacency[:, None].repeat(1, _NUM_STATIC, 1, 1))
        self.register_buffer("fixed", adjacency.clone(), persistent=False)
        self.transform = Pointwise(before, *[after * NUM_SUBSETS])  # published as one convolution
        self.own = nn.Linear(num_joints, num_joints)
        self.cross = nn.Linear(num_joints, num_joints)
        self.gate = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.down = nn.Identity() if before == after else Shortcut(before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, V, T) to (N, after, V, T)."""
        topology = self.topology(x).flatten(0, 1).flatten(1, 2).transpose(1, 2)
        y = aggregate(topology, self.transform(x))
        gates = torch.sigmoid(self.gate(y.mean((2, 3))[:, None])).transpose(1, 2)[..., None]  # (N, C, 1, 1)
        normed: Tensor = self.norm(y * (1 + gates))
        return torch.relu_(normed + self.down(x))

    def topology(self, x: Tensor) -> Tensor:
        """Return (N, after, subset, source, receiver): what each joint gives to each."""
        attention = self.attention(x).transpose(1, 2)[:, :, None]  # (N, group, 1, subset, V, V)
        static = (self.fixed[:, None] + self.graph).transpose(0, 1)  # (8, subset, V, V)
        repeats = len(self.transform.bias) // NUM_SUBSETS // _NUM_STATIC
        static = static.repeat(repeats, 1, 1, 1)  # channel c has graph c mod 8
        return (0.5 * attention + static.view(_NUM_GROUPS, -1, *static.shape[1:])).flatten(1, 2)

    def attention(self, x: Tensor) -> Tensor:
        """Return (N, subset, group, V, V), attention within each group of channels and between neighbours."""
        first, second = self._halves(x)
        own = _affinity(self.own(first), self.own(second))
        cross = _affinity(self.cross(second[:, :, :-1]), self.cross(first[:, :, 1:]))
        return own / 2 + (F.pad(cross, (0, 0, 0, 0, 0, 1)) + F.pad(cross, (0, 0, 0, 0, 1, 0))) / 4

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Describe the joints by either half of each group of channels: two of (N, subset, group, V).

        The means over a half's channels and over time commute with the convolution, so they come first.
        """
        shape = (_NUM_GROUPS, 2, -1, NUM_SUBSETS)  # of the convolution's output channels
        weight = self.transform.weight.view(*shape, x.shape[1]).mean(2)
        bias = self.transform.bias.view(shape).mean(2)
        means = pointwise(x.mean(3), weight.flatten(0, 2), bias.flatten())
        halves = means.view(x.shape[0], _NUM_GROUPS, 2, NUM_SUBSETS, x.shape[2]).transpose(1, 3)
        return halves[:, :, 0], halves[:, :, 1]


def _affinity(sources: Tensor, receivers: Tensor) -> Tensor:
    """Return (..., V, V) from two of (..., V): each source's row sums to 1."""
    return torch.softmax(torch.relu(sources)[..., None] * torch.relu(receivers)[..., None, :], -1)


class TemporalUnit(Branches):
    """Branches of a fifth of the channels each; two of them work on single frames (specs/mixformer.md 4).

    Args:
        channels: C.
        stride: of time.
        frames: T / stride, which is part of the weights.
    """

    def __init__(self, channels: int, stride: int, frames: int) -> None:
        super().__init__(channels, widths=[channels // 5] * 3, dilations=(1, 2), taps=5, stride=stride)
        self.between = nn.Linear(frames, frames)
        self.norm_between = nn.BatchNorm2d(channels // 5)
        self.hold = nn.Conv1d(2, 1, 1)
        nn.init.normal_(self.hold.weight, std=2**0.5)
        assert self.hold.bias is not None
        nn.init.zeros_(self.hold.bias)

    def last(self, single: Tensor) -> Tensor:
        """Mix frames by attention over time in one half, weigh frames in the other."""
        mixed, held = single.chunk(2, 1)
        first, second = mixed.chunk(2, 1)
        query = torch.relu(self.between(first.mean((1, 2))))  # (N, T')
        key = torch.relu(self.between(second.amax((1, 2))))
        weights = torch.sigmoid(query[:, :, None] * key[:, None, :])[:, None]
        mixed = self.norm_between(torch.matmul(mixed, weights))
        summary = torch.stack([held.mean((1, 2)), held.amax((1, 2))], 1)  # (N, 2, T')
        return torch.cat([mixed, held * torch.sigmoid(self.hold(summary))[:, :, None]], 1)
