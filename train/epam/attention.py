"""The attention through which the pose guides the RGB stream: where, and when (specs/epam.md C)."""

import torch
from torch import Tensor, nn


class NestedAttention(nn.Module):
    """A map over space of each frame, times a weight of the frame that is computed from that map.

    All 107 parameters start as PyTorch draws them; the fact sheet is silent on their initial values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.where = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)
        self.when = nn.Conv1d(1, 1, 7, padding=3, bias=False)

    def forward(self, pose: Tensor) -> Tensor:
        """Map pose features (B, T, C, H, W) to (B, T, 1, H, W), each in (0, 1)."""
        pooled = torch.stack([pose.amax(2), pose.mean(2)], 2).flatten(0, 1)  # (B * T, 2, H, W)
        where = torch.sigmoid(self.norm(self.where(pooled)))
        where = where.reshape(*pose.shape[:2], *where.shape[1:])
        when = torch.sigmoid(self.when(where.mean((2, 3, 4))[:, None]))[:, 0]
        return where * when[..., None, None, None]
