"""HP-Net: videos are compared with texts, which pooled features refine (specs/hpnet.md D)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from train.hpnet.modulation import MODULATIONS, Fusion
from train.hpnet.smclm import SMCLM


@dataclass(frozen=True, slots=True)
class Scores:
    """Of a batch.

    Args:
        logits: (B, K).
        auxiliary: stream -> (B, K), of the heads that only training uses.
    """

    logits: Tensor
    auxiliary: dict[str, Tensor]


class HPNet(nn.Module):
    """Frames and pooled streams to the similarity with each class; K is the number of texts.

    Rows of the paper's Table XII, from the baseline down: no ``skeleton``; ``skeleton`` of one stream with
    "cross_attention", "film", "trmm"; of three streams with "trmm".

    Args:
        video: frames (B, T, 3, H, W) to (B, E).
        text: (K, E), of a frozen text encoder, which is not needed any more; goes with the weights.
        scale: factor of the cosines, a scalar; frozen.
        skeleton: what changes the text; None: nothing does.
        fusion: how.

    Raises:
        ValueError: there is no such fusion, or a skeleton without fusion, or the other way round.
    """

    text: Tensor
    scale: Tensor

    def __init__(
        self, video: nn.Module, text: Tensor, scale: Tensor, *, skeleton: SMCLM | None, fusion: Fusion
    ) -> None:
        super().__init__()
        if fusion not in get_args(Fusion):
            raise ValueError(f"fusion {fusion!r} is not known; choose one of {', '.join(get_args(Fusion))}")
        if (skeleton is None) != (fusion == "none"):
            raise ValueError(
                f"fusion {fusion!r} {'without' if skeleton is None else 'with'} a skeleton; expected both or "
                "neither, as what is not fused changes no score"
            )
        self.video = video
        self.register_buffer("text", text.detach().clone())
        self.register_buffer("scale", scale.detach().clone())
        self.skeleton = skeleton
        self.modulation = (
            None if skeleton is None else MODULATIONS[fusion](skeleton.num_features, text.shape[1])
        )

    def forward(self, frames: Tensor, streams: Mapping[str, Tensor], present: Tensor | None = None) -> Scores:
        """Compare clips with classes.

        Args:
            frames: (B, T, 3, H, W), normalised.
            streams: stream -> (B, C, T', V, M).
            present: (B, M) bool; None: all slots count, as published.
        """
        video = self.video(frames)
        text, auxiliary = self.text, dict[str, Tensor]()
        if self.skeleton is not None and self.modulation is not None:
            features = self.skeleton(streams, present)
            text, auxiliary = text + self.modulation(text, features.joints), features.logits
        with torch.autocast(frames.device.type, enabled=False):  # times 100, of bf16 two digits would be left
            seen, said = (F.normalize(features.float(), dim=-1) for features in (video, text))
            cosines = (said @ seen[:, :, None]).squeeze(2)
        return Scores(self.scale * cosines, auxiliary)
