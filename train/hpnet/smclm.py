"""The skeleton side of HP-Net: a CTR-GCN per stream of pooled features (specs/hpnet.md D.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from train.models.base import GraphModel

# order of the condition's channels, as published
JOINT, MOTION, BONE = "hpj", "hpjm", "hpb"
SMCLM_STREAMS = (JOINT, MOTION, BONE)


@dataclass(frozen=True, slots=True)
class SkeletonFeatures:
    """What the graph models say of a batch.

    Args:
        joints: (B, V, C), the channels of all streams one after the other.
        logits: stream -> (B, K), by its auxiliary head.
    """

    joints: Tensor
    logits: dict[str, Tensor]


class SMCLM(nn.Module):
    """Multi-stream graph models side by side; one stream of its own is "FPM" of the paper's Table XII.

    The classifier of each graph model is its auxiliary head.

    Args:
        graphs: stream -> graph model, in the order of the condition's channels.
        uses_motion_for_joint: the joint model gets the motion stream too, as in the release, whose in-place
            difference overwrites the joint stream (specs/hpnet.md 0.7).
        has_batch_statistics: BatchNorms stay in training mode at evaluation, as in the release (0.8): scores
            depend on the other clips of the batch, and the running statistics go on to move.

    Raises:
        ValueError: the joint model is to use the motion stream, and there is none.
    """

    def __init__(
        self,
        graphs: Mapping[str, GraphModel],
        *,
        uses_motion_for_joint: bool = False,
        has_batch_statistics: bool = False,
    ) -> None:
        super().__init__()
        if uses_motion_for_joint and not {JOINT, MOTION} <= graphs.keys():
            raise ValueError(
                f"the joint model can use the motion stream only beside it; expected {JOINT} and {MOTION}, "
                f"found {', '.join(graphs)}"
            )
        self.graphs = nn.ModuleDict(graphs)
        self.uses_motion_for_joint = uses_motion_for_joint
        self.has_batch_statistics = has_batch_statistics
        for graph in graphs.values():
            graph.classify.reset_parameters()  # plain linear heads, not the wide start of a classifier alone

    @property
    def streams(self) -> tuple[str, ...]:
        return tuple(self.graphs)

    @property
    def num_features(self) -> int:
        """C."""
        return sum(int(graph.num_features) for graph in self._models().values())

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation, where the BatchNorms can be switched."""
        return super().train(mode or self.has_batch_statistics)

    def forward(self, streams: Mapping[str, Tensor], present: Tensor | None = None) -> SkeletonFeatures:
        """Read the streams.

        Args:
            streams: stream -> (B, C', T, V, M); those that no model reads are ignored.
            present: (B, M) bool, who is there; None: all slots count, as published.

        Raises:
            ValueError: a stream is missing.
        """
        sources = {name: name for name in self.graphs}
        if self.uses_motion_for_joint:
            sources[JOINT] = MOTION
        if missing := sorted(set(sources.values()) - streams.keys()):
            raise ValueError(f"streams {missing} are missing; the batch has {sorted(streams)}")
        joints, logits = [], {}
        for name, graph in self._models().items():
            of_joints = graph.joint_features(streams[sources[name]], present)  # (B, C, V)
            joints.append(of_joints.transpose(1, 2))
            logits[name] = graph.classify(graph.dropout(of_joints.mean(2)))
        return SkeletonFeatures(torch.cat(joints, 2), logits)

    def _models(self) -> dict[str, GraphModel]:
        models: dict[str, GraphModel] = {}
        for name, module in self.graphs.items():
            assert isinstance(module, GraphModel)
            models[name] = module
        return models
