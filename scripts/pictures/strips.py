"""Curves over time: who is there, how sure the joints are, where the boxes are."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from scripts.pictures.clip_data import Clip
from scripts.pictures.look import ABSENT, GREY, person_colour
from scripts.pictures.page import PLOT_WIDTH, Page
from scripts.pictures.time_bins import average_in_bins


def draw_strips(page: Page, clip: Clip, steps: Sequence[int]) -> None:
    """Draw validity, mean score and place of each person; marks show the ``steps`` that have pictures."""
    page.top += 0.2
    strips = [("validity", 0.17 * clip.num_persons + 0.06)]
    strips += [("score", 0.8)] if clip.scores is not None else []
    strips += [("centre", 1.05)] if clip.boxes is not None else []
    drawn = []
    for name, height in strips:
        axes = page.axes(name, left=0, width=PLOT_WIDTH, height=height)
        drawn.append(axes)
        {"validity": _validity, "score": _scores, "centre": _centres}[name](axes, clip)
        if name != "validity":
            title = "mean\nkeypoint\nscore" if name == "score" else "box: x of\ncentre and\nedges (px)"
            page.text(
                -0.45, title, down=height / 2, size=8, ha="right", va="center", color=GREY, linespacing=1.3
            )
            for step in steps:
                axes.axvline(
                    clip.times[step], color="#b5b5b5", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0
                )
        else:
            marks = [clip.times[step] for step in steps]
            axes.scatter(
                marks, [1.0] * len(marks), marker="v", s=12, color=GREY,
                transform=axes.get_xaxis_transform(), clip_on=False, zorder=6, linewidths=0,
            )  # fmt: skip
        axes.set_xlim(*clip.span)
        axes.tick_params(labelbottom=False)
        page.top += height + 0.1
    drawn[-1].tick_params(labelbottom=True)
    page.text(PLOT_WIDTH / 2, clip.time_label, down=0.22, size=8, ha="center", va="center", color=GREY)
    page.top += 0.52


def _validity(axes: Axes, clip: Clip) -> None:
    left, right = clip.span
    width = (right - left) / clip.num_steps
    for person in range(clip.num_persons):
        axes.add_patch(
            Rectangle(
                (left, person - 0.38),
                right - left,
                0.76,
                facecolor=ABSENT,
                hatch="//////",
                edgecolor="#c4c4c4",
                lw=0,
            )
        )
        runs = [(left + begin * width, (end - begin) * width) for begin, end in _runs(clip.valid[:, person])]
        axes.broken_barh(runs, (person - 0.38, 0.76), facecolors=person_colour(person), linewidth=0)
        axes.text(
            1.008, person, f"{_percent(clip.valid[:, person])} there", transform=axes.get_yaxis_transform(),
            va="center", size=7.5, color=GREY,
        )  # fmt: skip
    axes.set_ylim(clip.num_persons - 0.5, -0.5)
    axes.set_yticks(range(clip.num_persons), [f"person {person}" for person in range(clip.num_persons)])
    axes.tick_params(axis="y", length=0, labelsize=8)
    for person, label in enumerate(axes.get_yticklabels()):
        label.set_color(person_colour(person))
    axes.tick_params(axis="x", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _scores(axes: Axes, clip: Clip) -> None:
    assert clip.scores is not None
    for person in range(clip.num_persons):
        times, (scores,) = _curve(clip, person, clip.scores[:, person].mean(1))
        axes.plot(times, scores, color=person_colour(person), linewidth=1.2, **_markers(clip))
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    _clean(axes)


def _centres(axes: Axes, clip: Clip) -> None:
    assert clip.boxes is not None
    for person in range(clip.num_persons):
        edges = clip.boxes[:, person, [0, 2]]
        times, (centre, low, high) = _curve(clip, person, edges.mean(1), edges[:, 0], edges[:, 1])
        axes.fill_between(times, low, high, color=person_colour(person), alpha=0.14, linewidth=0)
        axes.plot(times, centre, color=person_colour(person), linewidth=1.2, **_markers(clip))
    edges = clip.boxes[clip.valid][:, [0, 2]]
    lowest, highest = (float(edges.min()), float(edges.max())) if edges.size else (0.0, clip.image_wh[0])
    room = max(0.05 * (highest - lowest), 1.0)
    axes.set_ylim(lowest - room, highest + room)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _clean(axes)


def _curve(
    clip: Clip, person: int, *values: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float32]]]:
    """Return columns of time and of values, NaN where the person is absent."""
    valid = clip.valid[:, person]
    times = average_in_bins(clip.times.astype(np.float64), np.ones_like(valid))
    return times.astype(np.float64), [average_in_bins(value, valid) for value in values]


def _markers(clip: Clip) -> dict[str, Any]:
    # a person who is there for a single sample time is a point, which no line shows
    return {"marker": "o", "markersize": 1.8, "markeredgewidth": 0} if clip.num_steps <= 160 else {}


def _clean(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _percent(valid: npt.NDArray[np.bool_]) -> str:
    share = 100 * float(valid.mean())
    if 0 < share < 1 or 99 < share < 100:
        return f"{share:.1f} %"  # never round "nearly" to "never" or "always"
    return f"{share:.0f} %"


def _runs(valid: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of the stretches where ``valid`` is true."""
    padded = np.concatenate([[False], valid, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    for begin, end in changes.reshape(-1, 2):
        yield int(begin), int(end)
