"""A CTR-GCN training step against the layer-by-layer formulation, same weights (design, section 7)."""

import copy
import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from scripts.bench.layerwise_ctrgcn import LayerwiseCTRGCN
from scripts.bench.table import alternate, print_table
from store.skeleton import COCO_17, make_skeleton
from train.graph import graph_subsets
from train.models import StreamShape
from train.models.author_weights import ctrgcn_from_authors
from train.models.compiled import compile_backbone
from train.models.ctrgcn import CTRGCN

_SHAPE = StreamShape(channels=96, frames=64, joints=17, persons=2)  # HP-Net's
_NUM_CLASSES = 60
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def bench_training_step(*, batch_size: int, repeats: int) -> None:
    """Time forward, backward and SGD step, with two different persons in every clip."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    layerwise, ours = _pair(device)
    generator = torch.Generator().manual_seed(1)
    shape = (batch_size, _SHAPE.channels, _SHAPE.frames, _SHAPE.joints, _SHAPE.persons)
    stream = torch.randn(shape, generator=generator).to(device)
    labels = torch.randint(_NUM_CLASSES, (batch_size,), generator=generator).to(device)
    difference = _difference(layerwise, ours, stream)

    sides: dict[tuple[str, str, str], Callable[[], None]] = {}
    can_compile = compile_backbone(copy.deepcopy(ours), device)
    modes = ("eager", "compiled") if can_compile else ("eager",)
    for precision, mode in itertools.product(_PRECISIONS if device.type == "cuda" else ("fp32",), modes):
        networks = {"layer by layer": copy.deepcopy(layerwise), "ours": copy.deepcopy(ours)}
        for name, network in networks.items():
            if mode == "compiled":
                part = network.backbone if isinstance(network, CTRGCN) else network
                part.compile()
            sides[name, mode, precision] = _step(network, stream, labels, _PRECISIONS[precision])
    for step in sides.values():
        step()
        step()
    seconds = dict(zip(sides, alternate(repeats, *sides.values()), strict=True))
    base = seconds["layer by layer", "eager", "fp32"]
    print_table(
        f"Training step: CTR-GCN, {batch_size} clips of two persons, 96 x 64 x 17, {torch.get_num_threads()} "
        "threads",
        ("", "", "", "seconds", "times as fast as layer by layer, eager, fp32", "… in the same mode"),
        [
            (*side, f"{time:.3f}", f"{base / time:.2f}", f"{seconds['layer by layer', *side[1:]] / time:.2f}")
            for side, time in seconds.items()
        ],
        "Targets: 1.3 on CPU eager, 1.5 compiled; 3 on GPU compiled with bf16. Same weights and clips; "
        f"largest difference of the logits in train mode {difference:.1e}.",
    )


def _pair(device: torch.device) -> tuple[LayerwiseCTRGCN, CTRGCN]:
    """Build both formulations with the same weights."""
    torch.manual_seed(0)
    adjacency = torch.from_numpy(graph_subsets(make_skeleton(COCO_17, [])))
    layerwise = LayerwiseCTRGCN(
        adjacency, in_channels=_SHAPE.channels, num_persons=_SHAPE.persons, num_classes=_NUM_CLASSES
    )
    for name, parameter in layerwise.named_parameters():
        if name.endswith("alpha"):
            nn.init.constant_(parameter, 0.5)  # at the initial 0 the topology would not count
    ours = CTRGCN(_SHAPE, adjacency, num_classes=_NUM_CLASSES)
    ours.load_state_dict(ctrgcn_from_authors(layerwise.state_dict(), num_persons=_SHAPE.persons))
    return layerwise.to(device), ours.to(device)


def _step(network: nn.Module, stream: Tensor, labels: Tensor, dtype: torch.dtype) -> Callable[[], None]:
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=4e-4)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(stream.device.type, dtype=dtype, enabled=dtype != torch.float32):
            loss = F.cross_entropy(network(stream), labels)
        torch.autograd.backward(loss)
        optimizer.step()
        if stream.device.type == "cuda":
            torch.cuda.synchronize()

    return step


def _difference(layerwise: nn.Module, ours: nn.Module, stream: Tensor) -> float:
    with torch.no_grad():
        both = [copy.deepcopy(network)(stream) for network in (layerwise, ours)]
    return float((both[0] - both[1]).abs().max())
