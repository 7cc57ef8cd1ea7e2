"""SlowOnly on heatmap volumes: the 3-D network of PoseConv3D, what pooled features are measured against."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from train.models.layers import init_conv

_EXPANSION = 4


class SlowOnly(nn.Module):
    """Heatmaps (B, T, C, H, W) to logits (B, K).

    Args:
        num_classes: K.
        in_channels: C, joints or limbs.
        depths: blocks of the three stages; (3, 4, 6) is the one of Kinetics-400.
        time_strides: of the stages; (1, 1, 1) is RGBPose-Conv3D's.
        width: channels of the stem; published: 32.
        dropout: before the classifier.

    Source: specs/posec3d.md 2.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 17,
        depths: Sequence[int] = (4, 6, 3),
        time_strides: Sequence[int] = (1, 1, 2),
        width: int = 32,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.stem = ConvNorm3d(in_channels, width, (1, 7, 7))
        blocks, before = [], width
        for stage, (depth, time_stride) in enumerate(zip(depths, time_strides, strict=True)):
            for place in range(depth):
                stride = (time_stride, 2) if place == 0 else (1, 1)
                blocks.append(Bottleneck(before, width * 2**stage, stride=stride, sees_time=stage > 0))
                before = _EXPANSION * width * 2**stage
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(before, num_classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)

    def forward(self, heatmaps: Tensor) -> Tensor:
        """Map (B, T, C, H, W) to (B, K)."""
        logits: Tensor = self.classify(self.dropout(self.features(heatmaps).mean((2, 3, 4))))
        return logits

    def features(self, heatmaps: Tensor) -> Tensor:
        """Map (B, T, C, H, W) to (B, D, T', H', W')."""
        x = torch.relu_(self.stem(heatmaps.transpose(1, 2)))
        features: Tensor = self.blocks(F.max_pool3d(x, (1, 3, 3), stride=1, padding=(0, 1, 1)))
        return features


class ConvNorm3d(nn.Module):
    """A convolution without bias that keeps the size at stride 1, and its BatchNorm."""

    def __init__(
        self, before: int, after: int, kernel: tuple[int, int, int], stride: tuple[int, int, int] = (1, 1, 1)
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(before, after, kernel, stride, padding, bias=False)
        init_conv(self.conv.weight)
        self.norm = nn.BatchNorm3d(after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, before, T, H, W) to (B, after, T', H', W')."""
        normed: Tensor = self.norm(self.conv(x))
        return normed


class Bottleneck(nn.Module):
    """Narrow, convolve, widen; beside a shortcut.

    Args:
        before: input channels.
        planes: channels in between; four times as many come out.
        stride: of time, and of height and width.
        sees_time: the first convolution spans three frames ("inflated").
    """

    def __init__(self, before: int, planes: int, *, stride: tuple[int, int], sees_time: bool) -> None:
        super().__init__()
        after, steps = _EXPANSION * planes, (stride[0], stride[1], stride[1])
        self.narrow = ConvNorm3d(before, planes, (3 if sees_time else 1, 1, 1))
        self.between = ConvNorm3d(planes, planes, (1, 3, 3), steps)
        self.widen = ConvNorm3d(planes, after, (1, 1, 1))
        nn.init.zeros_(self.widen.norm.weight)  # at the start a block is its shortcut
        has_conv = before != after or stride != (1, 1)
        self.shortcut = ConvNorm3d(before, after, (1, 1, 1), steps) if has_conv else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, before, T, H, W) to (B, 4 * planes, T', H', W')."""
        y = torch.relu_(self.between(torch.relu_(self.narrow(x))))
        return torch.relu_(self.widen(y) + self.shortcut(x))
