"""Skeleton-MixFormer written layer by layer, as its authors published it: what ours is tested against.

Every formula of specs/mixformer.md 1, 3 and 4 is one line in the order in which the sheet has it: subsets,
groups of channels and branches in loops, convolutions before means. Module names are those of the authors'
state dict. What they hold and do not use is left out, and so is the input transform, which is the identity.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

# (parent, child), from 1 as in specs/mixformer.md 2; joint 2 is the root
NTU_LINKS = (
    (2, 1), (2, 21), (21, 3), (3, 4), (21, 5), (5, 6), (6, 7), (7, 8), (8, 23), (23, 22), (21, 9), (9, 10),
    (10, 11), (11, 12), (12, 25), (25, 24), (1, 13), (13, 14), (14, 15), (15, 16), (1, 17), (17, 18),
    (18, 19), (19, 20),
)  # fmt: skip


def ntu_graph() -> Tensor:
    """Return the published graph, (3, 25, 25): identity, inward, outward; columns sum to 1 or 0."""
    inward = torch.zeros(25, 25)
    for parent, child in NTU_LINKS:
        inward[parent - 1, child - 1] = 1
    return torch.stack([torch.eye(25), *(one / one.sum(0).clamp(min=1) for one in (inward, inward.T))])


class AuthorsMixFormer(nn.Module):
    """MixFormer, (B, C, T, V, M) -> (B, K); arguments as ``train.models.mixformer.MixFormer``."""

    def __init__(
        self,
        graph: Tensor,
        *,
        in_channels: int,
        num_frames: int,
        num_persons: int,
        num_classes: int,
        width: int = 80,
    ) -> None:
        super().__init__()
        num_joints = graph.shape[-1]
        self.to_joint_embedding = nn.Linear(in_channels, width)
        self.pos_embedding = nn.Parameter(torch.randn(1, num_joints, width))
        self.data_bn = nn.BatchNorm1d(num_persons * num_joints * width)
        plan = [(width, width, 1)] * 4 + [(width, 2 * width, 2)] + [(2 * width, 2 * width, 1)] * 2
        plan += [(2 * width, 4 * width, 2)] + [(4 * width, 4 * width, 1)] * 2
        for place, (before, after, stride) in enumerate(plan, start=1):
            num_frames //= stride
            self.add_module(f"l{place}", _Block(before, after, graph, stride, num_frames, place))
        self.first_tram = nn.Sequential(nn.AvgPool2d((4, 1)), *_conv_and_norm(width, 4 * width))
        self.second_tram = nn.Sequential(nn.AvgPool2d((2, 1)), *_conv_and_norm(2 * width, 4 * width))
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, stream: Tensor) -> Tensor:
        """Return logits; all person slots count."""
        batch, _, times, joints, persons = stream.shape
        x = self.to_joint_embedding(stream.permute(0, 4, 2, 3, 1)) + self.pos_embedding  # (B, M, T, V, C)
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(batch, -1, times))
        x = x.reshape(batch * persons, joints, -1, times).permute(0, 2, 3, 1)  # (B * M, C, T, V)
        outputs = []
        for place in range(1, 11):
            x = getattr(self, f"l{place}")(x)
            outputs.append(x)
        x = x + torch.relu(self.first_tram(outputs[3])) + torch.relu(self.second_tram(outputs[6]))
        logits: Tensor = self.fc(x.mean((2, 3)).reshape(batch, persons, -1).mean(1))
        return logits


def _conv_and_norm(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 1, stride=(stride, 1)), nn.BatchNorm2d(after)]


class _Block(nn.Module):
    def __init__(
        self, before: int, after: int, graph: Tensor, stride: int, num_frames: int, place: int
    ) -> None:
        super().__init__()
        self.spa_mixf = _Spatial(before, after, graph)
        self.tem_mixf = _Temporal(after, stride, num_frames)
        self.is_first = place == 1
        if before != after:
            conv, norm = _conv_and_norm(before, after, stride)
            self.residual = nn.Sequential(OrderedDict(conv=conv, bn=norm))

    def forward(self, x: Tensor) -> Tensor:
        y = self.tem_mixf(self.spa_mixf(x))
        if self.is_first:
            return torch.relu(y)
        return torch.relu(y + (self.residual(x) if hasattr(self, "residual") else x))


class _Spatial(nn.Module):
    def __init__(self, before: int, after: int, graph: Tensor) -> None:
        super().__init__()
        num_joints = graph.shape[-1]
        self.fixed = graph.clone()  # as published no buffer
        self.A_GEME = nn.Parameter(graph[:, None].repeat(1, 8, 1, 1))
        self.conv = nn.Conv2d(before, 3 * after, 1)
        self.Spa_Att = nn.ModuleDict({"linear": nn.Linear(num_joints, num_joints)})
        self.linear = nn.Linear(num_joints, num_joints)
        self.ChaRef_conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(after)
        if before != after:
            self.down = nn.Sequential(*_conv_and_norm(before, after))

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        for subset, values in enumerate(self.conv(x).chunk(3, 1)):
            topology = self.topology(values, subset)  # (N, C, V, V)
            outputs.append(torch.einsum("nctv,ncvw->nctw", values, topology))
        y = outputs[0] + outputs[1] + outputs[2]
        gates = torch.sigmoid(self.ChaRef_conv(y.mean((2, 3))[:, None]))[:, 0, :, None, None]
        return torch.relu(self.bn(y * (1 + gates)) + (self.down(x) if hasattr(self, "down") else x))

    def topology(self, values: Tensor, subset: int) -> Tensor:
        groups = values.chunk(4, 1)
        q = [group.chunk(2, 1)[0].mean((1, 2)) for group in groups]  # each (N, V)
        h = [group.chunk(2, 1)[1].mean((1, 2)) for group in groups]
        inside, across = self.Spa_Att["linear"], self.linear
        own = [_attention(inside(q[g]), inside(h[g])) for g in range(4)]
        cross = [_attention(across(h[g]), across(q[g + 1])) for g in range(3)]
        attention = [
            own[0] / 2 + cross[0] / 4,
            own[1] / 2 + cross[0] / 4 + cross[1] / 4,
            own[2] / 2 + cross[1] / 4 + cross[2] / 4,
            own[3] / 2 + cross[2] / 4,
        ]
        channels = values.shape[1]
        return torch.stack(
            [
                0.5 * attention[c // (channels // 4)] + self.fixed[subset] + self.A_GEME[subset, c % 8]
                for c in range(channels)
            ],
            1,
        )


def _attention(sources: Tensor, receivers: Tensor) -> Tensor:
    return torch.softmax(torch.einsum("nv,nw->nvw", torch.relu(sources), torch.relu(receivers)), 2)


class _Temporal(nn.Module):
    def __init__(self, channels: int, stride: int, num_frames: int) -> None:
        super().__init__()
        width = channels // 5
        self.branches = nn.ModuleList()
        for dilation in (1, 2):
            kernel, padding, spacing = (5, 1), (2 * dilation, 0), (dilation, 1)
            conv = nn.Conv2d(width, width, kernel, (stride, 1), padding, spacing)
            last = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(width)))
            self.branches.append(nn.Sequential(*_conv_and_norm(channels, width), nn.ReLU(), last))
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        enter = _conv_and_norm(channels, width)
        self.branches.append(nn.Sequential(*enter, nn.ReLU(), pool, nn.BatchNorm2d(width)))
        transformer = _TemporalTransformer(channels, width, stride, num_frames)
        self.branches.append(nn.Sequential(transformer, nn.BatchNorm2d(width)))
        self.branches.append(nn.Sequential(_Holding(channels, width, stride), nn.BatchNorm2d(width)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class _TemporalTransformer(nn.Module):
    def __init__(self, channels: int, width: int, stride: int, num_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 1, stride=(stride, 1))
        self.linear = nn.Linear(num_frames, num_frames)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        first, last = h.chunk(2, 1)
        q, p = (torch.relu(self.linear(one)) for one in (first.mean((1, 3)), last.amax((1, 3))))
        weights = torch.sigmoid(torch.einsum("nt,nm->ntm", q, p))
        normed: Tensor = self.bn(torch.einsum("nctv,ntm->ncmv", h, weights))
        return normed


class _Holding(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 1, stride=(stride, 1))
        self.combine_conv = nn.Conv2d(2, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        signal = torch.stack([h.mean((1, 3)), h.amax((1, 3))], 1)[..., None]  # (N, 2, T', 1)
        return h * torch.sigmoid(self.combine_conv(signal))
