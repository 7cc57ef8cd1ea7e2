"""CTR-GCN written layer by layer, as its authors published it: what ours is measured and tested against.

Every formula of specs/ctrgcn.md 3 is one line in the order in which the sheet has it: three subsets in a
loop, convolutions before the mean over time, one convolution per branch. Module names are those of the
authors' state dict, so that their weights load as they are.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LayerwiseCTRGCN(nn.Module):
    """CTR-GCN, (B, C, T, V, M) -> (B, K); arguments as ``train.models.ctrgcn.CTRGCN``."""

    def __init__(
        self, adjacency: Tensor, *, in_channels: int, num_persons: int, num_classes: int, width: int = 64
    ) -> None:
        super().__init__()
        num_joints = adjacency.shape[-1]
        self.data_bn = nn.BatchNorm1d(num_persons * num_joints * in_channels)
        plan = [(in_channels, width, 1, False), *[(width, width, 1, True)] * 3, (width, 2 * width, 2, True)]
        plan += [(2 * width, 2 * width, 1, True)] * 2 + [(2 * width, 4 * width, 2, True)]
        plan += [(4 * width, 4 * width, 1, True)] * 2
        for place, (before, after, stride, has_residual) in enumerate(plan, start=1):
            self.add_module(f"l{place}", _Block(before, after, adjacency, stride, has_residual))
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, stream: Tensor) -> Tensor:
        """Return logits; all person slots count."""
        logits: Tensor = self.fc(self.features(stream))
        return logits

    def features(self, stream: Tensor) -> Tensor:
        """Return (B, D), the mean over time, joints and persons."""
        batch, channels, times, joints, persons = stream.shape
        x = stream.permute(0, 4, 3, 1, 2).reshape(batch, persons * joints * channels, times)
        x = self.data_bn(x).reshape(batch, persons, joints, channels, times)
        x = x.permute(0, 1, 3, 4, 2).reshape(batch * persons, channels, times, joints)
        for place in range(1, 11):
            x = getattr(self, f"l{place}")(x)
        pooled: Tensor = x.reshape(batch, persons, x.shape[1], -1).mean(3).mean(1)
        return pooled


class _Block(nn.Module):
    def __init__(self, before: int, after: int, adjacency: Tensor, stride: int, has_residual: bool) -> None:
        super().__init__()
        self.gcn1 = _SpatialUnit(before, after, adjacency)
        self.tcn1 = _TemporalUnit(after, stride)
        self.has_residual = has_residual
        if before != after and has_residual:
            conv = nn.Conv2d(before, after, 1, stride=(stride, 1))
            self.residual = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(after)))

    def forward(self, x: Tensor) -> Tensor:
        y = self.tcn1(self.gcn1(x))
        if not self.has_residual:
            return torch.relu(y)
        if hasattr(self, "residual"):
            return torch.relu(y + self.residual(x))
        return torch.relu(y + x)


class _SpatialUnit(nn.Module):
    def __init__(self, before: int, after: int, adjacency: Tensor) -> None:
        super().__init__()
        self.PA = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(_Topology(before, after) for _ in adjacency)
        self.bn = nn.BatchNorm2d(after)
        if before != after:
            self.down = nn.Sequential(nn.Conv2d(before, after, 1), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros(())
        for subset, conv in enumerate(self.convs):
            y = conv(x, self.PA[subset], self.alpha) + (y if subset else 0)
        return torch.relu(self.bn(y) + (self.down(x) if hasattr(self, "down") else x))


class _Topology(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        relation = 8 if before < 16 else before // 8
        self.conv1 = nn.Conv2d(before, relation, 1)
        self.conv2 = nn.Conv2d(before, relation, 1)
        self.conv3 = nn.Conv2d(before, after, 1)
        self.conv4 = nn.Conv2d(relation, after, 1)

    def forward(self, x: Tensor, shared: Tensor, alpha: Tensor) -> Tensor:
        q, r = self.conv1(x).mean(2), self.conv2(x).mean(2)  # (N, R, V)
        difference = torch.tanh(q[..., :, None] - r[..., None, :])  # (N, R, V, V)
        topology = self.conv4(difference) * alpha + shared
        return torch.einsum("ncuv,nctv->nctu", topology, self.conv3(x))


class _TemporalUnit(nn.Module):
    def __init__(self, channels: int, stride: int, dilations: Sequence[int] = (1, 2)) -> None:
        super().__init__()
        width = channels // (len(dilations) + 2)

        def enter(stride: int = 1) -> list[nn.Module]:
            return [nn.Conv2d(channels, width, 1, stride=(stride, 1)), nn.BatchNorm2d(width)]

        self.branches = nn.ModuleList()
        for dilation in dilations:
            padding = (2 * dilation, 0)
            conv = nn.Conv2d(width, width, (5, 1), (stride, 1), padding, dilation=(dilation, 1))
            last = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(width)))
            self.branches.append(nn.Sequential(*enter(), nn.ReLU(), last))
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(nn.Sequential(*enter(), nn.ReLU(), pool, nn.BatchNorm2d(width)))
        self.branches.append(nn.Sequential(*enter(stride)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)
