"""What the graph models have in common: persons to rows, a backbone, the mean, class scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import sqrt

from torch import Tensor, nn

from train.models.persons import Rows, fold_persons, mean_over_persons


@dataclass(frozen=True, slots=True)
class StreamShape:
    """What a stream (B, C, T, V, M) has of everything but clips.

    Args:
        channels: C.
        frames: T.
        joints: V.
        persons: M, slots of a clip.
    """

    channels: int
    frames: int
    joints: int
    persons: int


class GraphModel(nn.Module, ABC):
    """A network over the joints of a clip.

    Args:
        shape: of the stream.
        backbone: rows (N, C', V, T) to (N, num_features, V, T'); the part that is worth compiling.
        num_features: D, length of the pooled vector.
        num_classes: K.
        dropout: share of the pooled vector that is dropped in training; 0 is published.
    """

    def __init__(
        self, shape: StreamShape, backbone: nn.Module, *, num_features: int, num_classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = backbone
        self.num_features = num_features
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(num_features, num_classes)
        nn.init.normal_(self.classify.weight, std=sqrt(2 / num_classes))

    def forward(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return (B, K) logits; arguments as ``features``."""
        logits: Tensor = self.classify(self.dropout(self.features(stream, present)))
        return logits

    def features(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the pooled vectors.

        Args:
            stream: (B, C, T, V, M) float.
            present: (B, M) bool. An absent person costs nothing and leaves no trace: not in the mean, not in
                any statistic. None: all slots count, as published.

        Returns:
            (B, D), the mean over time, joints and persons.

        Raises:
            ValueError: the stream is not of the kind that the model was built for, or a clip has nobody.
        """
        self.check(stream)
        rows = fold_persons(stream, present)
        pooled = self.backbone(self.enter(rows)).mean((2, 3))
        return mean_over_persons(pooled, rows)

    def joint_features(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        """Return (B, D, V): ``features`` of each joint, whose mean is that of the clip."""
        self.check(stream)
        rows = fold_persons(stream, present)
        pooled = self.backbone(self.enter(rows)).mean(3)
        return mean_over_persons(pooled.flatten(1), rows).view(-1, *pooled.shape[1:])

    def check(self, stream: Tensor) -> None:
        """Refuse a stream of another kind than the model was built for (ValueError)."""
        expected = (self.shape.channels, self.shape.joints, self.shape.persons)
        if stream.ndim != 5 or (stream.shape[1], *stream.shape[3:]) != expected:
            raise ValueError(
                f"the stream is {tuple(stream.shape)}; this model takes (clips, channels, frames, "
                f"joints, persons) with {expected[0]} channels, {expected[1]} joints, {expected[2]} persons"
            )

    @abstractmethod
    def enter(self, rows: Rows) -> Tensor:
        """Return the backbone's input, (N, C', V, T): normalise, embed."""
