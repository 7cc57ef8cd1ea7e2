"""CTR-GCN (Chen et al., ICCV 2021) as HP-Net uses it; formulas and layer table: specs/ctrgcn.md.

The same numbers as layer by layer, with less work: time is averaged before the convolutions that only need
the mean, the convolutions of the three subsets and of the temporal branches are stacked, and with time as the
last axis the sum over subsets and joints is one matrix product per row and channel.
"""

import torch
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
    init_conv,
)
from train.models.persons import PersonNorm, Rows


class CTRGCN(GraphModel):
    """Channel-wise topology refinement graph convolution network: (B, C, T, V, M) to (B, K).

    Args:
        shape: of the stream.
        adjacency: (3, V, V), row = receiver (train/graph.py).
        num_classes: K.
        width: channels of the first blocks, a multiple of 4 (published: 64); the last have four times that.
        dropout: before the classifier; 0 is published.

    Raises:
        ValueError: no such width.
    """

    def __init__(
        self,
        shape: StreamShape,
        adjacency: Tensor,
        *,
        num_classes: int,
        width: int = 64,
        dropout: float = 0.0,
    ) -> None:
        if width <= 0 or width % 4:
            raise ValueError(
                f"width {width}: CTR-GCN has four temporal branches, so it must be a multiple of 4"
            )
        blocks = [
            Block(
                SpatialUnit(before, after, adjacency),
                TemporalUnit(after, stride),
                before=before,
                after=after,
                stride=stride,
                has_shortcut=place > 0,
            )
            for place, (before, after, stride) in enumerate(block_plan(shape.channels, width))
        ]
        super().__init__(
            shape, nn.Sequential(*blocks), num_features=4 * width, num_classes=num_classes, dropout=dropout
        )
        self.norm = PersonNorm(shape.persons, shape.channels, shape.joints)

    def enter(self, rows: Rows) -> Tensor:
        """Normalise each person slot."""
        normed: Tensor = self.norm(rows.values, rows.counts)
        return normed


class SpatialUnit(nn.Module):
    """Graph convolution with a topology per row and channel (specs/ctrgcn.md 3.1, 3.2).

    ``relate`` holds phi of the three subsets, then psi; ``refine`` xi; ``transform`` theta, its output
    channels ordered channel by channel, subset fastest.
    """

    def __init__(self, before: int, after: int, adjacency: Tensor) -> None:
        super().__init__()
        relations = 8 if before < 16 else before // 8  # for 2, 3 and 9 channels as published
        self.graph = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.relate = Pointwise(before, *[relations] * (2 * NUM_SUBSETS))
        self.refine = nn.Parameter(torch.empty(NUM_SUBSETS, after, relations))
        self.refine_bias = nn.Parameter(torch.zeros(NUM_SUBSETS, after))
        for subset in self.refine:
            init_conv(subset)
        self.transform = Pointwise(before, *[after] * NUM_SUBSETS)
        self.norm = nn.BatchNorm2d(after)
        nn.init.constant_(self.norm.weight, 1e-6)  # at the start a unit is little more than its shortcut
        self.down = nn.Identity() if before == after else Shortcut(before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, V, T) to (N, after, V, T)."""
        topology = self.topology(x).flatten(0, 1).flatten(1, 2).transpose(1, 2)
        y: Tensor = self.norm(aggregate(topology, self.transform(x)))
        y = y + self.down(x)
        return y.relu_()

    def topology(self, x: Tensor) -> Tensor:
        """Return (N, after, subset, source, receiver): what each joint takes from each."""
        rows, _, joints, _ = x.shape
        related: Tensor = self.relate(x.mean(3))
        receiver, source = related.view(rows, 2, NUM_SUBSETS, -1, joints).unbind(1)
        difference = torch.tanh(receiver[..., None, :] - source[..., None])  # (N, subset, relation, V, V)
        refined = torch.matmul(self.refine * self.alpha, difference.flatten(3))  # (N, subset, after, V * V)
        shared = self.graph.transpose(1, 2) + (self.refine_bias * self.alpha).T[..., None, None]
        return refined.view(rows, NUM_SUBSETS, -1, joints, joints).transpose(1, 2) + shared


class TemporalUnit(Branches):
    """Dilations 1 and 2, a maximum, single frames: a quarter of the channels each (specs/ctrgcn.md 3.3)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__(channels, widths=[channels // 4] * 3, dilations=(1, 2), taps=5, stride=stride)
        for norm in (self.norm_in, self.norm_out):
            nn.init.normal_(norm.weight, 1, 0.02)
