"""ST-GCN++ from the lines of specs/baselines.md, in float64: loops over taps, subsets and branches.

Nothing of ``train/models`` is used but the names and the stacking of its state dict, so that both can be
wrong only in the same way by chance.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_MOMENTUM, _EPSILON = 0.1, 1e-5  # of torch's BatchNorm


class PlainSTGCNPP:
    """ST-GCN++, (B, C, T, V, M) -> (B, K); all person slots count.

    Args:
        state: of ``STGCNPP``.
        is_training: BatchNorms take the statistics of the batch; ``statistics`` are the running ones then.
    """

    def __init__(self, state: Mapping[str, Tensor], *, is_training: bool) -> None:
        self.state = {name: value.double() for name, value in state.items()}
        self.is_training = is_training
        self.statistics: dict[str, Tensor] = {}

    def __call__(self, stream: Tensor) -> Tensor:
        batch, channels, times, joints, persons = stream.shape
        x = stream.double().permute(4, 0, 1, 3, 2).reshape(persons * batch, channels * joints, times)
        x = self.normed("norm", x).reshape(-1, channels, joints, times)  # persons share scales
        for place in range(10):
            x = self.block(f"backbone.{place}", x, stride=2 if place in (4, 7) else 1)
        pooled = x.mean((2, 3)).reshape(persons, batch, -1).mean(0)
        return self.point("classify", pooled)

    def block(self, name: str, x: Tensor, *, stride: int) -> Tensor:
        y = self.temporal(f"{name}.temporal", self.spatial(f"{name}.spatial", x), stride)
        if name == "backbone.0":
            return y.relu()
        return (y + self.shortcut(f"{name}.shortcut", x[..., ::stride])).relu()

    def shortcut(self, name: str, x: Tensor) -> Tensor:
        if f"{name}.point.weight" not in self.state:
            return x
        return self.normed(f"{name}.norm", self.point(f"{name}.point", x))

    def spatial(self, name: str, x: Tensor) -> Tensor:
        graph = self.state[f"{name}.graph"]  # row = source, column = receiver
        values = self.point(f"{name}.transform", x)
        y = torch.zeros(())
        for subset in range(3):
            y = y + torch.einsum("ncvt,vw->ncwt", values[:, subset::3], graph[subset])  # subset fastest
        return (self.normed(f"{name}.norm", y) + self.shortcut(f"{name}.down", x)).relu()

    def temporal(self, name: str, x: Tensor, stride: int) -> Tensor:
        channels = x.shape[1]
        width = channels // 6
        widths = [channels - 5 * width] + [width] * 5
        entered = self.point(f"{name}.enter", x)
        moving = self.normed(f"{name}.norm_in", entered[:, : channels - width]).relu()
        *convolved, most = moving.split(widths[:5], 1)
        parts = [self.conv(f"{name}.convs.{d}", part, d + 1, stride) for d, part in enumerate(convolved)]
        low = torch.full_like(most[..., :1], -torch.inf)
        most = torch.cat([low, most, low], -1)
        parts.append(torch.stack([most[..., :-2], most[..., 1:-1], most[..., 2:]]).amax(0)[..., ::stride])
        parts.append(entered[:, channels - width :, :, ::stride])
        mixed = self.point(f"{name}.mix", self.normed(f"{name}.norm_out", torch.cat(parts, 1)).relu())
        return self.normed(f"{name}.norm_mixed", mixed)

    def conv(self, name: str, x: Tensor, dilation: int, stride: int) -> Tensor:
        """Convolve over frames at -dilation, 0 and dilation; there are zeros beyond the ends."""
        weight, times = self.state[f"{name}.weight"], x.shape[-1]  # (C_out, C_in, 1, tap)
        frames = []
        for time in range(0, times, stride):
            seen = [time - dilation, time, time + dilation]
            frames.append(
                sum(
                    torch.einsum("oi,niv->nov", weight[:, :, 0, tap], x[..., other])
                    for tap, other in enumerate(seen)
                    if 0 <= other < times
                )
                + self.state[f"{name}.bias"][:, None]
            )
        return torch.stack(frames, -1)

    def point(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return torch.einsum("oi,ni...->no...", weight, x) + bias.reshape(-1, *[1] * (x.ndim - 2))

    def normed(self, name: str, x: Tensor) -> Tensor:
        """Normalise axis 1 over all others."""
        shape, others = (-1, *[1] * (x.ndim - 2)), [axis for axis in range(x.ndim) if axis != 1]
        mean, var, scale, shift = (
            self.state[f"{name}.{part}"].flatten()
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        if self.is_training:
            now, spread = x.mean(others), x.var(others, correction=0)
            unbiased = x.var(others, correction=1)
            self.statistics[f"{name}.running_mean"] = ((1 - _MOMENTUM) * mean + _MOMENTUM * now).detach()
            self.statistics[f"{name}.running_var"] = ((1 - _MOMENTUM) * var + _MOMENTUM * unbiased).detach()
            mean, var = now, spread
        mean, deviation = mean.view(shape), (var + _EPSILON).sqrt().view(shape)
        return (x - mean) / deviation * scale.view(shape) + shift.view(shape)
