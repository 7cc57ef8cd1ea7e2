"""Confusion matrices side by side."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from scripts.demo_results.kinds import Kinds
from scripts.demo_results.lines import Line
from scripts.pictures.look import GREY, PAGE_STYLE
from train.report_confusion import paint_confusion

_CELL = 0.27  # inches


def draw_matrices(lines: Sequence[Line], kinds: Kinds) -> Figure:
    """Draw one matrix per line; thin lines are between the kinds of classes."""
    side = _CELL * len(lines[0].metrics.class_names)
    with mpl.rc_context(PAGE_STYLE):
        figure = Figure(
            figsize=(1.3 + (side + 0.25) * len(lines), side + 1.7),
            dpi=140,
            facecolor="white",
            layout="constrained",
        )
        for number, line in enumerate(lines):
            axes = figure.add_subplot(1, len(lines), number + 1)
            paint_confusion(axes, line.metrics, size=7.0)
            axes.set_title(f"{line.name}: {100 * line.metrics.top1:.1f} % right", fontsize=10, weight="bold")
            axes.set_xlabel("what the scores say")
            if number == 0:
                axes.set_ylabel("what the clips are")
            else:
                axes.set_yticklabels([])
            for names in kinds.values():
                edge = line.metrics.class_names.index(names[-1]) + 0.5
                axes.axhline(edge, color=GREY, linewidth=0.6)
                axes.axvline(edge, color=GREY, linewidth=0.6)
    return figure
