"""X-ShiftNet channel by channel in memory, its shift by padding and joining: to compare ours with."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from train.epam.xshift import Block, XShiftNet


def plain_xshift(network: XShiftNet, frames: Tensor) -> Tensor:
    """Do what ``network`` does, with its weights: (B, T, C, H, W) to (B, T, D, H', W')."""
    num_frames = frames.shape[1]
    x = torch.relu(network.stem(frames.flatten(0, 1)))
    for block in network.blocks:
        assert isinstance(block, Block)
        y = block.each(torch.relu(block.widen(_shift(x, num_frames, block.fold))))
        if block.gate is not None:
            y = block.gate(y, num_frames)
        x = torch.relu(block.narrow(F.silu(y)) + block.shortcut(x))
    features: Tensor = torch.relu(network.last(x))
    return features.reshape(-1, num_frames, *features.shape[1:])


def _shift(x: Tensor, num_frames: int, fold: int) -> Tensor:
    clips = x.reshape(-1, num_frames, *x.shape[1:])
    future = F.pad(clips[:, 1:, :fold], (0, 0, 0, 0, 0, 0, 0, 1))
    past = F.pad(clips[:, :-1, fold : 2 * fold], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([future, past, clips[:, :, 2 * fold :]], 2).flatten(0, 1)
