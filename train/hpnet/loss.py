"""HP-Net's loss: cross-entropy with soft labels, of scores and auxiliary heads (specs/hpnet.md D.6)."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from train.hpnet.model import Scores


def hpnet_loss(
    scores: Scores, targets: Tensor, *, auxiliary_targets: Tensor | None = None, weight: float = 1.0
) -> Tensor:
    """Return the mean over clips, a scalar.

    Args:
        scores: of a batch.
        targets: (B, K), each row sums to 1.
        auxiliary_targets: those of the heads; None: the same, as published, also where frames are blended
            and streams are not.
        weight: of each auxiliary head, the paper's lambda (Table XIV: 1 is best, and published).
    """
    heads = targets if auxiliary_targets is None else auxiliary_targets
    auxiliary = [F.cross_entropy(logits, heads) for logits in scores.auxiliary.values()]
    return F.cross_entropy(scores.logits, targets) + weight * sum(auxiliary, torch.zeros_like(targets[0, 0]))
