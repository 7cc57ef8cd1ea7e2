"""What recognising an action from heatmap features costs, network beside network, by one counter.

The second part of each line is what the authors publish, by counters of their own.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from torch import nn

from scripts.bench.table import print_table
from store.exchange.skeletons import coco_17
from train.cost import CONVENTION, cost_of
from train.epam.model import build_epam
from train.epam.slowonly import SlowOnly
from train.models import build_model

Shape = tuple[int, ...]

_HEATMAPS = (48, 17, 56, 56)  # (T, V, H, W)
_LARGE_HEATMAPS = (48, 17, 64, 64)  # of HP-Net's Table X
_FRAMES = (16, 3, 224, 224)
_POOLED = (96, 64, 17, 2)  # (C, T, V, M)
_POSE = (2, 64, 17, 2)


@dataclass(frozen=True, slots=True)
class Line:
    """One network and what it reads.

    Args:
        name: of the network.
        reads: what it is given, in words.
        build: number of classes -> network.
        shapes: of one clip's inputs, without the clip.
        published: parameters and operations as the authors quote them.
    """

    name: str
    reads: str
    build: Callable[[int], nn.Module]
    shapes: tuple[Shape, ...]
    published: str


def _graph_model(name: str, shape: Shape) -> Callable[[int], nn.Module]:
    channels, frames, _, persons = shape
    return lambda num_classes: build_model(
        name,
        in_channels=channels,
        num_frames=frames,
        num_persons=persons,
        skeleton=coco_17(),
        num_classes=num_classes,
    )


# published: HP-Net's Table X and specs/hpnet.md D for the graph models, specs/posec3d.md 2, specs/epam.md E.2
LINES = (
    Line("SlowOnly", "heatmap volume", SlowOnly, (_HEATMAPS,), "2.0 M, 15.9 G"),
    Line("SlowOnly", "heatmap volume of 64 x 64", SlowOnly, (_LARGE_HEATMAPS,), "2.0 M, 20.6 G"),
    Line(
        "X-ShiftNet-Pose",
        "heatmap volume",
        lambda num_classes: build_epam("xshift_pose", num_classes=num_classes),
        (_HEATMAPS,),
        "",
    ),
    Line("CTR-GCN", "pooled features", _graph_model("ctrgcn", _POOLED), (_POOLED,), "1.4 M, 1.8 G"),
    Line("ST-GCN++", "pooled features", _graph_model("stgcnpp", _POOLED), (_POOLED,), ""),
    Line("CTR-GCN", "2-D pose", _graph_model("ctrgcn", _POSE), (_POSE,), ""),
    Line(
        "X-ShiftNet-RGB",
        "RGB",
        lambda num_classes: build_epam("xshift_rgb", num_classes=num_classes),
        (_FRAMES,),
        "",
    ),
    Line(
        "EPAM-Net",
        "RGB, heatmap volume",
        lambda num_classes: build_epam("epam", num_classes=num_classes),
        (_FRAMES, _HEATMAPS),
        "2.5 M, 8.1 G",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return 0."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.cost_table",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--classes", type=int, default=60, help="K (default: %(default)s, NTU RGB+D 60)")
    options = parser.parse_args(argv)
    if options.classes < 1:
        parser.error(f"--classes is {options.classes}; expected 1 or more")
    print_table(
        f"Cost of one clip, {options.classes} classes",
        ("network", "reads", "numbers read", "parameters", "G MAC", "published"),
        [_row(line, options.classes) for line in LINES],
        CONVENTION,
        "Counters of the published figures: PoseConv3D's and EPAM-Net's call a MAC one operation and add "
        "normalisation, activations and pooling; CTR-GCN's are the MACs of its convolutions for 25 joints in "
        "space. Graph models read two persons. The pose network, which all but RGB need, is not counted.",
    )
    return 0


def _row(line: Line, num_classes: int) -> tuple[str, ...]:
    cost = cost_of(line.build(num_classes), *((1, *shape) for shape in line.shapes))
    numbers = sum(prod(shape) for shape in line.shapes)
    return (
        line.name,
        line.reads,
        f"{numbers:,}",
        f"{cost.parameters:,}",
        f"{cost.macs / 1e9:.3f}",
        line.published,
    )


if __name__ == "__main__":
    sys.exit(main())
