"""Bars: how right each line is of each kind of class."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from scripts.demo_results.kinds import Kinds, counts_right, movement_only
from scripts.demo_results.lines import Line
from scripts.pictures.look import GREY, INK, PAGE_STYLE, person_colour

_SHARE_OF_KIND = 0.8  # of the room of a kind that its bars take


def draw_bars(lines: Sequence[Line], kinds: Kinds) -> Figure:
    """Draw a group of bars per kind, one bar per line, with what luck would give."""
    with mpl.rc_context(PAGE_STYLE):
        figure = Figure(
            figsize=(1.2 + 2.2 * len(kinds), 3.9), dpi=140, facecolor="white", layout="constrained"
        )
        axes = figure.add_subplot()
        width = _SHARE_OF_KIND / len(lines)
        for number, line in enumerate(lines):
            for place, names in enumerate(kinds.values()):
                left = place - _SHARE_OF_KIND / 2 + number * width
                percent = line.percent(names)
                axes.bar(
                    left, percent, 0.94 * width, align="edge", color=person_colour(number),
                    label=line.name if place == 0 else None,
                )  # fmt: skip
                axes.text(
                    left + 0.47 * width, percent + 1, f"{percent:.1f}", ha="center", va="bottom", size=8
                )
        chance = 100 / len(lines[0].metrics.class_names)
        axes.axhline(
            chance, color=GREY, linewidth=1, linestyle="--", label=f"chance: {chance:.1f}", zorder=0.5
        )
        for place, names in enumerate(kinds.values()):
            guess = movement_only(names)
            if guess is not None:
                axes.hlines(
                    100 * guess, place - 0.48, place + 0.48, color=INK, linewidth=1.2, linestyle=":",
                    label=f"movement known, object guessed: {100 * guess:.1f}",
                )  # fmt: skip
        titles = [
            f"{kind}\n{counts_right(lines[0].metrics, names)[1]} clips" for kind, names in kinds.items()
        ]
        axes.set_xticks(range(len(kinds)), titles, size=9)
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.55, len(kinds) - 0.45)
        axes.set_ylim(0, 108)
        axes.set_yticks(range(0, 101, 20))
        axes.set_ylabel("percent of test clips that are right")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            frameon=False, fontsize=8, ncols=len(lines) + 2, loc="lower center", bbox_to_anchor=(0.5, 1)
        )
    return figure
