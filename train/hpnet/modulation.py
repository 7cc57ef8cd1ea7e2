"""How pooled features change text features: FiLM, TRMM in two forms, attention (specs/hpnet.md D.5, D.9).

Each maps text features (K, E), the same for all clips, or (B, K, E), and skeleton features (B, V, C), joint
by joint, to a change (B, K, E) that is added to the text features. All but attention look at the mean over
joints.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

Fusion = Literal["trmm", "trmm_paper", "film", "cross_attention", "none"]


class FiLM(nn.Module):
    """gamma * text + beta; both are linear in the mean of the joints.

    Args:
        num_features: C.
        embed_dim: E.
        is_rectified: a ReLU after each projection, as the paper draws them; the release has none.
    """

    def __init__(self, num_features: int, embed_dim: int, *, is_rectified: bool = False) -> None:
        super().__init__()
        self.gamma = projection(num_features, embed_dim, is_rectified=is_rectified)
        self.beta = projection(num_features, embed_dim, is_rectified=is_rectified)

    def forward(self, text: Tensor, joints: Tensor) -> Tensor:
        """Return the change of the text features."""
        condition = joints.mean(1, keepdim=True)
        change: Tensor = self.gamma(condition) * text + self.beta(condition)
        return change


class TRMM(nn.Module):
    """Text refinement modulation module of the release: FiLM, and a relation of the text to itself.

    What differs between clips is FiLM alone. The relation is of the text only, so for text that all clips
    share it is computed once, not once per clip.
    """

    def __init__(self, num_features: int, embed_dim: int) -> None:
        super().__init__()
        self.film = FiLM(num_features, embed_dim)
        self.receiver = projection(embed_dim, embed_dim, is_rectified=True)
        self.source = projection(embed_dim, embed_dim, is_rectified=True)

    def forward(self, text: Tensor, joints: Tensor) -> Tensor:
        """Return the change of the text features."""
        change: Tensor = self.film(text, joints)
        return change + self.relation(text)

    def relation(self, text: Tensor) -> Tensor:
        """Return tanh(a_u - b_d), a and b means over the classes, times the text: the shape of ``text``."""
        receivers, sources = self.receiver(text).mean(-2), self.source(text).mean(-2)
        return text @ torch.tanh(receivers[..., :, None] - sources[..., None, :]).mT


class PaperTRMM(nn.Module):
    """TRMM as the paper writes it: all four projections are of the skeleton, and rectified.

    The paper multiplies the relation with the skeleton features F_c, and leaves open how their number fits
    that of the text. Here the relation is E x C, so that its product with F_c has E numbers; it is the same
    for all classes. The F_c that its eq. 8 has too much and the second relation in its Algorithm 1 are left
    out (specs/hpnet.md D.5).
    """

    def __init__(self, num_features: int, embed_dim: int) -> None:
        super().__init__()
        self.film = FiLM(num_features, embed_dim, is_rectified=True)
        self.receiver = projection(num_features, embed_dim, is_rectified=True)
        self.source = projection(num_features, num_features, is_rectified=True)

    def forward(self, text: Tensor, joints: Tensor) -> Tensor:
        """Return the change of the text features."""
        change: Tensor = self.film(text, joints)
        return change + self.relation(joints.mean(1))[:, None]

    def relation(self, condition: Tensor) -> Tensor:
        """Map F_c (B, C) to (B, E)."""
        receivers, sources = self.receiver(condition), self.source(condition)
        related = torch.tanh(receivers[:, :, None] - sources[:, None, :])  # (B, E, C)
        return (related @ condition[:, :, None]).squeeze(2)


class CrossAttention(nn.Module):
    """Classes ask, joints answer. No code is published; attention to a single vector would be trivial."""

    def __init__(self, num_features: int, embed_dim: int) -> None:
        super().__init__()
        self.num_heads = max(1, embed_dim // 64)  # as wide as those of the text encoder
        self.query = nn.Linear(embed_dim, embed_dim)
        self.key = nn.Linear(num_features, embed_dim)
        self.value = nn.Linear(num_features, embed_dim)
        self.out = nn.Linear(embed_dim, embed_dim)

    def forward(self, text: Tensor, joints: Tensor) -> Tensor:
        """Return the change of the text features."""
        queries = self._heads(self.query(text).expand(len(joints), -1, -1))
        answers = F.scaled_dot_product_attention(
            queries, self._heads(self.key(joints)), self._heads(self.value(joints))
        )
        change: Tensor = self.out(answers.transpose(1, 2).flatten(2))
        return change

    def _heads(self, tokens: Tensor) -> Tensor:
        """Turn (B, L, E) into (B, head, L, E / heads)."""
        return tokens.view(*tokens.shape[:2], self.num_heads, -1).transpose(1, 2)


MODULATIONS: Mapping[str, Callable[[int, int], nn.Module]] = {
    "trmm": TRMM,
    "trmm_paper": PaperTRMM,
    "film": FiLM,
    "cross_attention": CrossAttention,
}


def projection(before: int, after: int, *, is_rectified: bool) -> nn.Sequential:
    """Return two linear layers, with nothing between them, and a ReLU after them or not."""
    layers: list[nn.Module] = [nn.Linear(before, after), nn.Linear(after, after)]
    return nn.Sequential(*layers, *([nn.ReLU()] if is_rectified else []))
