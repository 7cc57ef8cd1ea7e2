"""The models: streams (B, C, T, V, M) to logits (B, K). ``build_model`` makes one by name."""

import torch

from store.skeleton import Skeleton
from train.graph import GraphName, graph_subsets
from train.models.base import GraphModel, StreamShape
from train.models.ctrgcn import CTRGCN
from train.models.mixformer import MixFormer
from train.models.stgcnpp import STGCNPP
from train.models.tcn import TCN

MODELS: dict[str, type[CTRGCN] | type[MixFormer] | type[STGCNPP] | type[TCN]] = {
    "ctrgcn": CTRGCN,
    "mixformer": MixFormer,
    "stgcnpp": STGCNPP,
    "tcn": TCN,
}

__all__ = ["MODELS", "GraphModel", "StreamShape", "build_model"]


def build_model(
    name: str,
    *,
    in_channels: int,
    num_frames: int,
    num_persons: int,
    skeleton: Skeleton,
    num_classes: int,
    width: int | None = None,
    graph: GraphName = "published",
    root: str | None = None,
    dropout: float = 0.0,
) -> GraphModel:
    """Build a model for a stream.

    Args:
        name: a key of ``MODELS``.
        in_channels: C.
        num_frames: T; only MixFormer's weights depend on it.
        num_persons: M.
        skeleton: the store's joints and bones.
        num_classes: K.
        width: channels of the first blocks; None: as published.
        graph: "published" or "tree" (train/graph.py); they differ for COCO-17.
        root: joint that the graph's links lead to, see ``train.graph.published_root``.
        dropout: before the classifier.

    Raises:
        ValueError: there is no such model, width, graph or joint.
    """
    if name not in MODELS:
        raise ValueError(f"model {name!r} is not known; choose one of {sorted(MODELS)}")
    shape = StreamShape(in_channels, num_frames, len(skeleton.joint_names), num_persons)
    adjacency = torch.from_numpy(graph_subsets(skeleton, graph, root=root))
    if width is None:
        return MODELS[name](shape, adjacency, num_classes=num_classes, dropout=dropout)
    return MODELS[name](shape, adjacency, num_classes=num_classes, width=width, dropout=dropout)
