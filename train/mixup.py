"""Mixup: a step learns from mixtures of pairs of its clips (Zhang et al., ICLR 2018). Pure but for chance."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mixture:
    """Clips of a batch, each mixed with a partner.

    Args:
        stream: (B, C, T, V, M).
        present: (B, M) bool, who is in a clip or in its partner.
        partners: (B,) int64, whom each clip was mixed with.
        share: of the clip itself, in [0, 1]; the partner's is the rest.
    """

    stream: Tensor
    present: Tensor
    partners: Tensor
    share: float


def mix(stream: Tensor, present: Tensor, *, share: float, partners: Tensor) -> Mixture:
    """Mix clips with their partners: share * clip + (1 - share) * partner, slot by slot.

    A person who is in one of the two alone stays as it is: absence is never read as data.

    Args:
        stream: (B, C, T, V, M).
        present: (B, M) bool.
        share: in [0, 1].
        partners: (B,) int64, places in the batch.
    """
    others, are_there = stream[partners], present[partners]
    weights = torch.full(present.shape, share, dtype=stream.dtype, device=stream.device)
    weights = torch.where(present & ~are_there, 1.0, torch.where(are_there & ~present, 0.0, weights))
    weights = weights[:, None, None, None]
    return Mixture(weights * stream + (1 - weights) * others, present | are_there, partners, share)


def draw_mixture(stream: Tensor, present: Tensor, *, strength: float) -> Mixture:
    """Mix with partners and a share, Beta(strength, strength), drawn from torch's own generator."""
    share = float(torch.distributions.Beta(strength, strength).sample())
    partners = torch.randperm(len(stream)).to(stream.device)
    return mix(stream, present, share=share, partners=partners)
