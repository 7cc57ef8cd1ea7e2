"""Persons in and out of the batch: the networks see one person per row, clips come and go with up to M."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Rows:
    """The persons of a batch of clips, one per row, all of slot 0 first.

    Args:
        values: (N, C, V, T), N rows in all; time last, so that graph products need no copies.
        counts: rows of each of the M slots.
        places: (N,) int64, slot * B + clip of each row; None where every slot of every clip has one.
        num_clips: B.
    """

    values: Tensor
    counts: tuple[int, ...]
    places: Tensor | None
    num_clips: int


def fold_persons(stream: Tensor, present: Tensor | None) -> Rows:
    """Make every present person a row.

    Args:
        stream: (B, C, T, V, M) float.
        present: (B, M) bool; None: all are.

    Raises:
        ValueError: ``present`` has another shape, or a clip has nobody.
    """
    num_clips, num_slots = stream.shape[0], stream.shape[4]
    slots = stream.permute(4, 0, 1, 3, 2)  # (M, B, C, V, T)
    if present is None:
        return Rows(slots.flatten(0, 1).contiguous(), (num_clips,) * num_slots, None, num_clips)
    if present.shape != (num_clips, num_slots):
        raise ValueError(
            f"present is {tuple(present.shape)}; expected (clips, persons) = {(num_clips, num_slots)}"
        )
    mask = present.T.contiguous()
    places = mask.flatten().nonzero().squeeze(1)
    clips = torch.bincount(places % num_clips, minlength=num_clips).tolist()
    if 0 in clips:
        raise ValueError(
            f"clip {clips.index(0)} of the batch has no person present; leave such clips out of the batch "
            "and count them as missing"
        )
    counts = tuple(mask.sum(1).tolist())
    return Rows(slots[mask].contiguous(), counts, places, num_clips)


def mean_over_persons(pooled: Tensor, rows: Rows) -> Tensor:
    """Return (B, D), the mean over the persons that are there, from (N, D), one per row."""
    shape = (len(rows.counts), rows.num_clips, pooled.shape[1])
    if rows.places is None:
        return pooled.view(shape).mean(0)
    # scattered to unique places and summed, because adding up in place is not deterministic on a GPU
    every = pooled.new_zeros(shape[0] * shape[1], shape[2]).index_copy(0, rows.places, pooled)
    there = pooled.new_zeros(shape[0] * shape[1], 1).index_fill(0, rows.places, 1)
    return every.view(shape).sum(0) / there.view(*shape[:2], 1).sum(0)


class _AllReduced(torch.autograd.Function):
    """The sum over all processes: of values, and on the way back of gradients. Torch's is deprecated."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


# of torch's BatchNorm
_MOMENTUM = 0.1
_EPSILON = 1e-5


class PersonNorm(nn.Module):
    """BatchNorm with statistics and scales per person slot, channel and joint (specs/ctrgcn.md 1, step 2).

    Each slot is normalised over its own rows and frames, so absent persons leave no trace in the statistics;
    a slot without rows keeps its running statistics. Parameters and statistics are (M, C * V), joint fastest.
    Processes that share a batch train with the statistics of all its rows.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_slots: int, num_channels: int, num_joints: int) -> None:
        super().__init__()
        shape = (num_slots, num_channels * num_joints)
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    def forward(self, x: Tensor, counts: tuple[int, ...]) -> Tensor:
        """Normalise (N, C, V, T), whose rows are sorted by slot; ``counts`` of them per slot."""
        chunks = torch.split(x.flatten(1, 2), list(counts))
        if self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            return torch.cat(self._normed_together(chunks)).view(x.shape)
        normed = [
            F.batch_norm(
                chunk, self.running_mean[slot], self.running_var[slot], self.weight[slot], self.bias[slot],
                training=self.training,
            )
            for slot, chunk in enumerate(chunks)
            if counts[slot]
        ]  # fmt: skip
        return torch.cat(normed).view(x.shape)

    def _normed_together(self, chunks: Sequence[Tensor]) -> list[Tensor]:
        """Do the same with the rows of all processes, of which one may have none of a slot."""
        sums = []
        for chunk in chunks:  # (rows of the slot, C * V, T); float64, because variances are differences here
            wide = chunk.double()
            number = torch.full_like(wide[:0].sum((0, 2)), chunk.shape[0] * chunk.shape[2])
            sums.append(torch.stack([number, wide.sum((0, 2)), wide.square().sum((0, 2))]))
        numbers, totals, squares = _AllReduced.apply(torch.stack(sums)).unbind(1)
        means = totals / numbers.clamp(min=1)
        variances = (squares / numbers.clamp(min=1) - means.square()).clamp(min=0)
        with torch.no_grad():
            seen = (numbers[:, 0] > 0)[:, None]
            unbiased = variances * numbers / (numbers - 1).clamp(min=1)
            for running, now in ((self.running_mean, means), (self.running_var, unbiased)):
                running.copy_(
                    torch.where(seen, torch.lerp(running, now.to(running.dtype), _MOMENTUM), running)
                )
        scales = ((variances + _EPSILON).rsqrt() * self.weight).float()
        shifts = (self.bias - means * scales).float()
        return [chunk * scales[slot, :, None] + shifts[slot, :, None] for slot, chunk in enumerate(chunks)]
