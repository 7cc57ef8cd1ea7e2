"""ST-GCN++ (Duan et al., ACM MM 2022): three learned graphs, no refinement; specs/baselines.md."""

import torch
from torch import Tensor, nn

from train.models.base import GraphModel, StreamShape
from train.models.layers import NUM_SUBSETS, Block, Branches, Pointwise, Shortcut, aggregate, block_plan
from train.models.persons import PersonNorm, Rows

_DILATIONS = (1, 2, 3, 4)
_NUM_BRANCHES = len(_DILATIONS) + 2


class STGCNPP(GraphModel):
    """ST-GCN++: (B, C, T, V, M) to (B, K).

    The fact sheet is silent on initial weights: convolutions start as those of CTR-GCN do.

    Args:
        shape: of the stream.
        adjacency: (3, V, V); here row = source, column = receiver, of the same matrices.
        num_classes: K.
        width: channels of the first blocks, at least 6 (published: 64); the last have four times that.
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
        if width < _NUM_BRANCHES:
            raise ValueError(f"width {width}: ST-GCN++ has six temporal branches, so it must be at least 6")
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
        self.norm = PersonNorm(1, shape.channels, shape.joints)

    def enter(self, rows: Rows) -> Tensor:
        """Normalise; all persons share statistics and scales."""
        normed: Tensor = self.norm(rows.values, (len(rows.values),))
        return normed


class SpatialUnit(nn.Module):
    """Graph convolution over three learned graphs; ``transform`` is ordered as CTR-GCN's."""

    def __init__(self, before: int, after: int, adjacency: Tensor) -> None:
        super().__init__()
        self.graph = nn.Parameter(adjacency.clone())
        self.transform = Pointwise(before, *[after] * NUM_SUBSETS)
        self.norm = nn.BatchNorm2d(after)
        self.down = nn.Identity() if before == after else Shortcut(before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, V, T) to (N, after, V, T)."""
        values = self.transform(x)
        num_products = values.shape[0] * values.shape[1] // NUM_SUBSETS
        weights = self.graph.flatten(0, 1).T.expand(num_products, -1, -1)
        y: Tensor = self.norm(aggregate(weights, values))
        y = y + self.down(x)
        return y.relu_()


class TemporalUnit(Branches):
    """Dilations 1 to 4, a maximum and single frames; mixed by a 1x1 convolution at the end."""

    def __init__(self, channels: int, stride: int) -> None:
        width = channels // _NUM_BRANCHES
        widths = [channels - width * (_NUM_BRANCHES - 1), *[width] * (_NUM_BRANCHES - 2)]
        super().__init__(channels, widths=widths, dilations=_DILATIONS, taps=3, stride=stride)
        self.mix = Pointwise(channels, channels)
        self.norm_mixed = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, V, T) to (N, C, V, T / stride)."""
        mixed: Tensor = self.norm_mixed(self.mix(torch.relu_(super().forward(x))))
        return mixed
