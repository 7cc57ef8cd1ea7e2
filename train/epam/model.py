"""EPAM-Net and its streams: an RGB and a pose network, each usable alone, and both with attention between."""

from math import log
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from train.epam.attention import NestedAttention
from train.epam.sampling import rgb_stride
from train.epam.xshift import XShiftNet, xshift_pose, xshift_rgb

Attention = Literal["nested", "none"]
Fusion = Literal["logit_sum", "softmax_mean"]


class StreamNet(nn.Module):
    """A backbone and its classifier: X-ShiftNet-RGB or X-ShiftNet-Pose alone.

    Args:
        backbone: frames (B, T, C, H, W) to features (B, T, D, H', W'), with ``num_features`` D.
        num_classes: K.
        dropout: share of the pooled features that is dropped in training.
    """

    def __init__(self, backbone: XShiftNet, *, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(backbone.num_features, num_classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (B, T, C, H, W) to logits (B, K)."""
        return self.scores(self.backbone(frames))

    def scores(self, features: Tensor) -> Tensor:
        """Map features (B, T, D, H, W) to logits (B, K)."""
        logits: Tensor = self.classify(self.dropout(features.mean((1, 3, 4))))
        return logits


class EPAMLogits(NamedTuple):
    """Logits of both streams, (B, K) each."""

    rgb: Tensor
    pose: Tensor


class EPAMNet(nn.Module):
    """Both streams; what the pose network sees says where and when the RGB features count.

    ``rgb`` and ``pose`` take the state dicts of the same networks trained alone.

    Args:
        rgb: X-ShiftNet-RGB.
        pose: X-ShiftNet-Pose, of an N that is a multiple of the RGB stream's M.
        attention: "nested" as published; "none": the streams only meet in the score.
        detach: the RGB loss does not reach the pose network; published, it does.
        phase: which of N / M neighbours is of an RGB frame's moment; the first is published.
    """

    def __init__(
        self,
        rgb: StreamNet,
        pose: StreamNet,
        *,
        attention: Attention = "nested",
        detach: bool = False,
        phase: int = 0,
    ) -> None:
        super().__init__()
        self.rgb, self.pose, self.detach, self.phase = rgb, pose, detach, phase
        self.attention = NestedAttention() if attention == "nested" else None

    def forward(self, frames: Tensor, heatmaps: Tensor) -> EPAMLogits:
        """Classify clips.

        Args:
            frames: (B, M, 3, 224, 224) normalised RGB.
            heatmaps: (B, N, V, 56, 56) of the same box; from ``phase`` on every (N / M)-th is of the moment
                of an RGB frame.

        Raises:
            ValueError: N is no multiple of M, or the streams end on different grids.
        """
        seen, pose = self.rgb.backbone(frames), self.pose.backbone(heatmaps)
        if self.attention is not None:
            seen = seen * (1 + self.attention_map(pose, seen.shape))
        return EPAMLogits(self.rgb.scores(seen), self.pose.scores(pose))

    def attention_map(self, pose: Tensor, rgb_shape: torch.Size) -> Tensor:
        """Return (B, M, 1, H, W) for RGB features of ``rgb_shape`` from pose features (B, N, C, H, W)."""
        stride = rgb_stride(pose.shape[1], rgb_shape[1])
        if pose.shape[-2:] != rgb_shape[-2:]:
            raise ValueError(
                f"the pose features are {tuple(pose.shape[-2:])} and the RGB features "
                f"{tuple(rgb_shape[-2:])} high and wide; expected the same, so RGB frames 4 times as large "
                "as heatmaps"
            )
        assert self.attention is not None
        guide = pose[:, self.phase :: stride]
        found: Tensor = self.attention(guide.detach() if self.detach else guide)
        return found


def build_epam(
    name: Literal["epam", "xshift_rgb", "xshift_pose"],
    *,
    num_classes: int,
    num_joints: int = 17,
    width: int = 24,
    dropout: float = 0.5,
    attention: Attention = "nested",
    detach: bool = False,
    phase: int = 0,
) -> EPAMNet | StreamNet:
    """Build EPAM-Net, or one of its streams alone.

    Args:
        name: which.
        num_classes: K.
        num_joints: V of the heatmaps, or the number of limbs.
        width: channels of the first stages; published: 24.
        dropout: before the classifiers.
        attention: see ``EPAMNet``.
        detach: see ``EPAMNet``.
        phase: see ``EPAMNet``.

    Raises:
        ValueError: there is no such network.
    """
    if name not in ("epam", "xshift_rgb", "xshift_pose"):
        raise ValueError(f"network {name!r} is not known; choose one of epam, xshift_rgb, xshift_pose")
    streams = {}
    if name != "xshift_pose":
        streams["rgb"] = StreamNet(xshift_rgb(width), num_classes=num_classes, dropout=dropout)
    if name != "xshift_rgb":
        backbone = xshift_pose(num_joints, width)
        streams["pose"] = StreamNet(backbone, num_classes=num_classes, dropout=dropout)
    if name == "epam":
        return EPAMNet(**streams, attention=attention, detach=detach, phase=phase)
    return next(iter(streams.values()))


def fuse(logits: EPAMLogits, fusion: Fusion = "logit_sum", *, rgb_share: float = 0.5) -> Tensor:
    """Return class scores (B, K) from both streams.

    Args:
        logits: of both.
        fusion: "logit_sum": of the raw logits, as published, so the stream with larger ones counts more;
            "softmax_mean": of probabilities.
        rgb_share: weight of the RGB stream, the pose has the rest; equal is published.

    Raises:
        ValueError: there is no such fusion or share.
    """
    if not 0 <= rgb_share <= 1:
        raise ValueError(f"rgb_share is {rgb_share}; expected a share in [0, 1]")
    if fusion == "logit_sum":
        return 2 * (rgb_share * logits.rgb + (1 - rgb_share) * logits.pose)
    if fusion == "softmax_mean":
        return rgb_share * logits.rgb.softmax(1) + (1 - rgb_share) * logits.pose.softmax(1)
    raise ValueError(f"fusion {fusion!r} is not known; choose logit_sum or softmax_mean")


def stream_scores(logits: EPAMLogits, fusion: Fusion = "logit_sum", *, rgb_share: float = 0.5) -> Tensor:
    """Return ``fuse`` in the terms of logits: of probabilities their logarithms, (B, K)."""
    fused = fuse(logits, fusion, rgb_share=rgb_share)
    return fused if fusion == "logit_sum" else fused.clamp(min=torch.finfo(fused.dtype).tiny).log()


def mean_of_views(logits: Tensor, num_clips: int) -> Tensor:
    """Return the scores (B, K) of clips from the logits (B * W, K) of their views.

    Of several views it is the logarithm of their mean probability (specs/posec3d.md 2.1).
    """
    if len(logits) == num_clips:
        return logits
    views = logits.reshape(num_clips, -1, logits.shape[1])
    return torch.logsumexp(views.log_softmax(2), 1) - log(views.shape[1])


def epam_loss(logits: EPAMLogits, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the sum of both streams' cross-entropies (specs/epam.md D.2; published without smoothing)."""
    rgb, pose = (F.cross_entropy(part, labels, label_smoothing=label_smoothing) for part in logits)
    return rgb + pose
