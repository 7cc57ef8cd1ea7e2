"""A short temporal network without a graph, for few clips: our own, published nowhere.

Channels are reduced joint by joint, all joints of a person are joined at each time, and two convolutions look
along time. Persons share every weight and statistic. Unlike in the graph models, who is absent is seen: the
classifier gets sum and maximum over the persons, so that one alone is another thing than two alike.
"""

import torch
from torch import Tensor, nn

from train.models.base import GraphModel, StreamShape
from train.models.layers import Pointwise, TemporalConv
from train.models.persons import PersonNorm, Rows, fold_persons

_PER_JOINT = 8  # channels of each joint after the reduction
_TAPS = 5


class TCN(GraphModel):
    """Temporal convolution network: (B, C, T, V, M) to (B, K).

    Args:
        shape: of the stream.
        adjacency: not used; which joints belong together is learned.
        num_classes: K.
        width: channels of the convolutions; four times as many features.
        dropout: before the classifier.

    Raises:
        ValueError: no such width.
    """

    def __init__(
        self,
        shape: StreamShape,
        adjacency: Tensor,
        *,
        num_classes: int,
        width: int = 32,
        dropout: float = 0.0,
    ) -> None:
        if width <= 0:
            raise ValueError(f"width {width}: expected a number of channels, 1 or more")
        super().__init__(
            shape,
            _Backbone(shape.channels, shape.joints, width),
            num_features=4 * width,
            num_classes=num_classes,
            dropout=dropout,
        )
        self.norm = PersonNorm(1, shape.channels, shape.joints)

    def features(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return (B, D): of mean and maximum over time the sum over persons / M, then the maximum.

        Arguments and errors as those of ``GraphModel.features``; an absent person's features are 0.
        """
        self.check(stream)
        rows = fold_persons(stream, present)
        pooled = self.backbone(self.enter(rows)).flatten(1)  # (N, 2 * width), 0 or more
        if rows.places is not None:
            every = pooled.new_zeros(len(rows.counts) * rows.num_clips, pooled.shape[1])
            pooled = every.index_copy(0, rows.places, pooled)
        persons = pooled.view(len(rows.counts), rows.num_clips, -1)
        return torch.cat([persons.mean(0), persons.amax(0)], 1)

    def enter(self, rows: Rows) -> Tensor:
        """Normalise; all persons share statistics and scales."""
        normed: Tensor = self.norm(rows.values, (len(rows.values),))
        return normed


class _Backbone(nn.Module):
    def __init__(self, channels: int, joints: int, width: int) -> None:
        super().__init__()
        self.reduce = Pointwise(channels, _PER_JOINT)
        self.join = Pointwise(_PER_JOINT * joints, width)
        self.convs = nn.ModuleList(
            TemporalConv(width, taps=_TAPS, dilation=dilation, stride=1) for dilation in (1, 2)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, V, T) to (N, 2 * width, 1, 1): the mean over time, and the maximum."""
        joined = self.join(self.reduce(x).relu_().flatten(1, 2)).unsqueeze(2)  # (N, width, 1, T)
        y: Tensor = self.norms[0](joined).relu_()
        for conv, norm in zip(self.convs, self.norms[1:], strict=True):
            y = y + norm(conv(y)).relu_()
        return torch.cat([y.mean(3, keepdim=True), y.amax(3, keepdim=True)], 1)
