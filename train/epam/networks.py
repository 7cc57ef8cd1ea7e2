"""The networks of heatmaps alone, by the name that ``model`` of a recipe of ``xshift_pose`` gives."""

from collections.abc import Callable

from torch import nn

from train.epam.model import EPAMNet, StreamNet, build_epam
from train.epam.slowonly import SlowOnly


def _xshift(num_classes: int, *, in_channels: int, width: int, dropout: float) -> EPAMNet | StreamNet:
    return build_epam(
        "xshift_pose", num_classes=num_classes, num_joints=in_channels, width=width, dropout=dropout
    )


# Each maps heatmaps (B, T, V, H, W) to logits (B, K) and is called as
# network(K, in_channels=V, width=recipe.width, dropout=recipe.dropout), V joints or limbs.
HEATMAP_NETWORKS: dict[str, Callable[..., nn.Module]] = {"xshift": _xshift, "slowonly": SlowOnly}
