"""X-ShiftNet, EPAM-Net's backbone: X3D without convolutions over time, which features shift along instead.

Time is folded into the batch, so that all convolutions are two-dimensional; only the shift and the gates know
which frames are of one clip. Tables and formulas: specs/epam.md B.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from train.models.layers import init_conv

_BOTTLENECK = 2.25
_GATE_SHARE = 16


class XShiftNet(nn.Module):
    """Frames (B, T, C, H, W) to features (B, T, D, H', W'); time is neither strided nor pooled.

    Args:
        in_channels: C, 3 colours or V joints.
        depths: blocks per stage; each halves height and width, and all but the first double the channels.
        stem_stride: of height and width.
        shift: one part in ``shift`` of a block's channels sees the next frame, another the previous one.
        width: channels of the stem and the first stage; published: 24.

    Attributes:
        num_features: D.
    """

    def __init__(
        self, in_channels: int, *, depths: Sequence[int], stem_stride: int, shift: int, width: int = 24
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(in_channels, width, kernel=3, stride=stem_stride)
        blocks, before = [], width
        for stage, depth in enumerate(depths):
            after = width * 2**stage
            for place in range(depth):
                stride, has_gate = 2 if place == 0 else 1, place % 2 == 0
                blocks.append(Block(before, after, stride=stride, has_gate=has_gate, shift=shift))
                before = after
        self.blocks = nn.ModuleList(blocks)
        self.num_features = int(_BOTTLENECK * before)
        self.last = ConvNorm(before, self.num_features)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (B, T, C, H, W) to (B, T, D, H', W')."""
        num_frames = frames.shape[1]
        x = frames.flatten(0, 1)
        # a CPU convolves faster where the channels of a pixel lie side by side; all layers keep it so
        if x.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last)
        x = torch.relu_(self.stem(x))
        for block in self.blocks:
            x = block(x, num_frames)
        features: Tensor = torch.relu_(self.last(x))
        return features.reshape(-1, num_frames, *features.shape[1:])


def xshift_rgb(width: int = 24) -> XShiftNet:
    """Return X-ShiftNet-RGB, which has the geometry of X3D-M: 224 pixels to 7."""
    return XShiftNet(3, depths=(3, 5, 11, 7), stem_stride=2, shift=8, width=width)


def xshift_pose(num_joints: int = 17, width: int = 24) -> XShiftNet:
    """Return X-ShiftNet-Pose: heatmaps of 56 pixels to 7."""
    return XShiftNet(num_joints, depths=(5, 11, 7), stem_stride=1, shift=4, width=width)


class ConvNorm(nn.Module):
    """A convolution without bias and its BatchNorm."""

    def __init__(self, before: int, after: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        init_conv(self.conv.weight)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, before, H, W) to (N, after, H / stride, W / stride)."""
        normed: Tensor = self.norm(self.conv(x))
        return normed


class Block(nn.Module):
    """Shift, widen, convolve each channel by itself, weigh channels, narrow; beside an unshifted shortcut.

    Args:
        before: input channels.
        after: output channels; 2.25 times as many are in between.
        stride: of height and width.
        has_gate: channels are weighed by what is seen in the whole clip (squeeze and excitation).
        shift: see ``XShiftNet``.
    """

    def __init__(self, before: int, after: int, *, stride: int, has_gate: bool, shift: int) -> None:
        super().__init__()
        between = int(_BOTTLENECK * after)
        self.fold = before // shift
        self.widen = ConvNorm(before, between)
        self.each = ConvNorm(between, between, kernel=3, stride=stride, groups=between)
        self.gate = Gate(between) if has_gate else None
        self.narrow = ConvNorm(between, after)
        nn.init.zeros_(self.narrow.norm.weight)  # at the start a block is its shortcut
        has_conv = stride != 1 or before != after
        self.shortcut = ConvNorm(before, after, stride=stride) if has_conv else nn.Identity()

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        """Map (B * T, before, H, W) to (B * T, after, H / stride, W / stride)."""
        y = torch.relu_(self.widen(shift_time(x, num_frames, self.fold)))
        y = self.each(y)
        if self.gate is not None:
            y = self.gate(y, num_frames)
        y = self.narrow(F.silu(y))
        return torch.relu_(y + self.shortcut(x))


class Gate(nn.Module):
    """Squeeze and excitation over a whole clip: (B * T, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = gate_width(channels)
        self.squeeze, self.excite = nn.Linear(channels, narrow), nn.Linear(narrow, channels)
        for linear in (self.squeeze, self.excite):
            init_conv(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        """Weigh the channels of each clip."""
        of_clips = x.mean((2, 3)).reshape(-1, num_frames, x.shape[1]).mean(1)
        weights = torch.sigmoid(self.excite(torch.relu_(self.squeeze(of_clips))))
        return x * weights.repeat_interleave(num_frames, 0)[..., None, None]


def gate_width(channels: int) -> int:
    """Return a gate's inner width: a sixteenth, rounded to a multiple of 8, 8 or more, not below 90 %."""
    exact = channels / _GATE_SHARE
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


def shift_time(x: Tensor, num_frames: int, fold: int) -> Tensor:
    """Move channels along time: the first ``fold`` from the next frame, as many more from the previous one.

    Args:
        x: (B * T, C, H, W).
        num_frames: T.
        fold: channels of each direction; where there is no such frame they are 0.

    Returns:
        The same, in the memory layout of ``x``, so that convolutions need not change it back.
    """
    shifted: Tensor = _Shift.apply(x, num_frames, slice(0, fold), slice(fold, 2 * fold))
    return shifted


class _Shift(torch.autograd.Function):
    """``shift_time``; its derivative is the shift in the other direction."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, num_frames: int, from_next: slice, from_previous: slice
    ) -> Tensor:
        ctx.back = num_frames, from_previous, from_next  # type: ignore[attr-defined]
        shifted = torch.empty_like(x)
        before, after = (part.view(-1, num_frames, *x.shape[1:]) for part in (x, shifted))
        after[:, :-1, from_next], after[:, -1, from_next] = before[:, 1:, from_next], 0
        after[:, 1:, from_previous], after[:, 0, from_previous] = before[:, :-1, from_previous], 0
        rest = max(from_next.stop, from_previous.stop)
        after[:, :, rest:] = before[:, :, rest:]
        return shifted

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _Shift.apply(gradient, *ctx.back), None, None, None  # type: ignore[attr-defined]
