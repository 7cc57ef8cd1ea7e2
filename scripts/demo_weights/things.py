"""Teaches a pose network's features what objects are where, as training on photographs teaches real ones.

A network that learns nothing but joints from random weights learns to overlook what is in a hand. The layers
here are thrown away after training; what they ask for stays in the features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from scripts.demo_videos.objects import OBJECTS
from scripts.demo_weights.crops import Crop

_SIGMA_PX = 10.0  # of the crop: an object's spot reaches the wrist of the hand that holds it
_RARE = 20.0  # weight of a spot against the emptiness around it
_UNLIKELY = -4.0  # first logit of an object


class ThingMaps(nn.Module):
    """Tells from the feature maps of a narrow HRNet's levels which objects are where.

    Args:
        backbone: the HRNet; its levels H1, H2, H3 are looked at, which the presets' taps read.
    """

    def __init__(self, backbone: Any) -> None:  # noqa: ANN401 - mmpose is untyped
        super().__init__()
        widths = backbone.stage4_cfg["num_channels"][:3]
        self.tell = nn.ModuleList(nn.Conv2d(width, len(OBJECTS), 1) for width in widths)
        for layer in self.tell:
            assert isinstance(layer.bias, Tensor)
            nn.init.constant_(layer.bias, _UNLIKELY)
        self._levels: list[Tensor] = []
        backbone.stage4[1].register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: object, output: Sequence[Tensor]) -> None:
        self._levels = [*output]  # the next module writes into the list itself

    def loss(self, finest: Tensor, crops: Sequence[Crop]) -> Tensor:
        """Return how far the maps of the last forward pass are from where the crops' objects are.

        Args:
            finest: (B, C, h, w), level H1.
            crops: B.
        """
        total = finest.new_zeros(())
        for layer, level in zip(self.tell, (finest, *self._levels[1:3]), strict=True):
            map_wh = (level.shape[3], level.shape[2])
            spots = torch.from_numpy(np.stack([draw_spots(crop, map_wh=map_wh) for crop in crops])).to(level)
            total = total + functional.binary_cross_entropy_with_logits(
                layer(level), spots, weight=1 + _RARE * spots
            )
        return total


def draw_spots(crop: Crop, *, map_wh: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return (kinds, rows, columns) in [0, 1]: 1 where an object of the kind lies."""
    height, width, _ = crop.picture.shape
    spots = np.zeros((len(OBJECTS), map_wh[1], map_wh[0]), np.float32)
    for kind, x, y in crop.things:
        over_x, over_y = (
            np.exp(-np.square((np.arange(count) + 0.5) * length / count - (place + 0.5)) / (2 * _SIGMA_PX**2))
            for place, count, length in ((x, map_wh[0], width), (y, map_wh[1], height))
        )
        spots[int(kind)] = np.maximum(spots[int(kind)], over_y[:, None] * over_x)
    return spots
