"""Example clips as strips of frames, beside them what each line says of them."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.demo_results.examples import Case, top_classes
from scripts.demo_results.lines import Line
from scripts.pictures.clip_data import Clip, read_clip
from scripts.pictures.look import GREY, INK, PAGE_STYLE, shorten
from scripts.pictures.panels import Panel, read_panel_rows
from scripts.pictures.poses import draw_poses
from store import StoreReader

_COLUMNS = 6  # moments
_CELL, _SAYS, _GAP = 1.3, 2.1, 0.12  # inches
_HEAD, _TITLE = 0.42, 0.22  # inches, of a case and of a clip
_RIGHT, _WRONG = "#2a9d5c", "#c9c9c9"
_NUM_CLASSES = 3
_LONGEST_TITLE = 90


def draw_strips(reader: StoreReader, cases: Sequence[Case], lines: Sequence[Line]) -> Figure:
    """Draw the clips of each case: moments from left to right, then the classes that each line finds likely.

    Raises:
        StoreError: a clip's pictures cannot be read.
    """
    row = _CELL + _TITLE
    width = _CELL * _COLUMNS + (_SAYS + _GAP) * len(lines)
    height = sum(_HEAD + row * len(case.clip_ids) for case in cases)
    with mpl.rc_context(PAGE_STYLE):
        figure = Figure(figsize=(width, height), dpi=110, facecolor="white")
        top = 0.0
        for case in cases:
            title = f"{case.title}: {case.num_clips} of {lines[0].metrics.num_expected} test clips"
            figure.text(0.05 / width, 1 - (top + 0.2) / height, title, size=11, weight="bold", va="center")
            top += _HEAD
            for clip_id in case.clip_ids:
                label = lines[0].scores.labels[clip_id]
                words = shorten(f"{label}   {clip_id}", _LONGEST_TITLE)
                figure.text(0.05 / width, 1 - (top + 0.1) / height, words, size=8.5, va="center")
                clip = read_clip(reader, clip_id)
                steps = [round((step + 0.5) / _COLUMNS * clip.num_steps - 0.5) for step in range(_COLUMNS)]
                bottom = 1 - (top + row) / height
                for column, (step, panel) in enumerate(zip(steps, _panels(reader, clip, steps), strict=True)):
                    place = (column * _CELL / width, bottom, 0.985 * _CELL / width, (_CELL - 0.03) / height)
                    _draw_moment(figure.add_axes(place), clip, step, panel)
                for number, line in enumerate(lines):
                    left = _CELL * _COLUMNS + (_SAYS + _GAP) * number + _GAP
                    place = (left / width, bottom, _SAYS / width, (_CELL - 0.03) / height)
                    _draw_opinion(figure.add_axes(place), line, clip_id, label)
                top += row
    return figure


def _panels(reader: StoreReader, clip: Clip, steps: Sequence[int]) -> list[Panel]:
    rows = read_panel_rows(reader, clip, steps)
    return rows[0][1] if rows else [Panel((0.0, 0.0, *clip.image_wh), (1, 1), None) for _ in steps]


def _draw_moment(axes: Axes, clip: Clip, step: int, panel: Panel) -> None:
    if panel.image is None:
        draw_poses(axes, clip, step, panel)
        return
    axes.imshow(panel.image, interpolation="antialiased", aspect="auto")  # without the pose: it hides objects
    axes.set_axis_off()


def _draw_opinion(axes: Axes, line: Line, clip_id: str, label: str) -> None:
    """Draw the likeliest classes as bars; the true one is green."""
    for place, (name, share) in enumerate(top_classes(line, clip_id, _NUM_CLASSES)):
        axes.barh(place, share, 0.72, color=_RIGHT if name == label else _WRONG)
        axes.text(0.02, place, f"{name}  {100 * share:.0f} %", va="center", size=8, color=INK)
    axes.set_title(line.name, size=8, color=GREY, pad=2, loc="left")
    axes.set_xlim(0, 1)
    axes.set_ylim(_NUM_CLASSES - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
