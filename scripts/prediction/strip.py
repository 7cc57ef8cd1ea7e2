"""One video as a strip of moments with boxes and skeletons, beside it what the model says. Pure."""

from collections.abc import Sequence
from typing import Unpack

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.pictures.clip_data import Clip, read_clip
from scripts.pictures.look import GREY, INK, PAGE_STYLE, person_colour, shorten
from scripts.pictures.page import TextStyle
from scripts.pictures.panels import read_panel_rows
from scripts.pictures.poses import draw_poses
from scripts.prediction.verdicts import NUM_TOP, Verdict
from store import StoreReader

_COLUMNS = 6  # moments
_CELL, _GAP, _SAYS, _MARGIN = 1.75, 0.06, 3.0, 0.15  # inches
_HEAD, _FOOT = 0.72, 0.26  # inches, above and below the moments
_DPI = 130
_WIDEST = 1.24  # of the bars' axis: room for numbers beside a bar of 1
_FIRST, _OTHERS = "#0072B2", "#b9cede"
_LONGEST_TITLE, _LONGEST_CLASS, _LONGEST_ASKED = 90, 26, 44


def draw_verdict(reader: StoreReader, verdict: Verdict, asked: str) -> Figure:
    """Draw a video that somebody was found in.

    Args:
        reader: the store that it was extracted into.
        verdict: what is said of it.
        asked: who says it, in words.

    Returns:
        A figure of one row: ``_COLUMNS`` moments, then the classes with their probabilities or scores.

    Raises:
        StoreError: the video has no data there, or its pictures cannot be read.
    """
    clip = read_clip(reader, verdict.row.entry.id)
    steps = [int((column + 0.5) / _COLUMNS * clip.num_steps) for column in range(_COLUMNS)]
    _, panels = read_panel_rows(reader, clip, steps)[0]
    width = 2 * _MARGIN + _COLUMNS * (_CELL + _GAP) + _SAYS
    height = _HEAD + _CELL + _FOOT
    with mpl.rc_context(PAGE_STYLE):
        figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")

        def place(left: float, across: float) -> tuple[float, float, float, float]:
            return left / width, _FOOT / height, across / width, _CELL / height

        def write(left: float, top: float, text: str, **style: Unpack[TextStyle]) -> None:
            figure.text(left / width, 1 - top / height, text, va="center", **style)

        title, what = _titles(clip, verdict)
        write(_MARGIN, 0.22, title, size=13, weight="bold", color=INK)
        write(_MARGIN, 0.5, what, size=8.5, color=GREY)
        for column, (step, panel) in enumerate(zip(steps, panels, strict=True)):
            left = _MARGIN + column * (_CELL + _GAP)
            draw_poses(figure.add_axes(place(left, _CELL)), clip, step, panel)
            write(left + _CELL / 2, height - _FOOT / 2, _stamp(clip, step), size=8, ha="center", color=GREY)
        says = width - _MARGIN - _SAYS + 0.1
        _draw_classes(figure.add_axes(place(says, _SAYS - 0.1)), verdict)
        write(says, 0.5, shorten(asked, _LONGEST_ASKED), size=8.5, color=GREY)
        place_of_person = width - _MARGIN - _SAYS
        for person in reversed(range(clip.num_persons)):
            if clip.valid[:, person].any():
                colour = person_colour(person)
                write(place_of_person, 0.5, f"● person {person}", size=8.5, ha="right", color=colour)
                place_of_person -= 0.85
        return figure


def _draw_classes(axes: Axes, verdict: Verdict) -> None:
    for place, (name, number) in enumerate(verdict.top):
        if verdict.unit == "probability":  # a score has no length
            axes.barh(place, number, 0.78, color=_OTHERS if place else _FIRST, alpha=0.55)
        weight = "normal" if place else "bold"
        axes.text(0.02, place, shorten(name, _LONGEST_CLASS), va="center", size=9.5, weight=weight, color=INK)
        told = verdict.told(number)
        axes.text(_WIDEST, place, told, va="center", ha="right", size=9, weight=weight, color=INK)
    if not verdict.top:
        axes.text(0.5, (NUM_TOP - 1) / 2, "no verdict", va="center", ha="center", size=11, color=GREY)
    axes.set_xlim(0, _WIDEST)
    axes.set_ylim(NUM_TOP - 0.5, -0.5)
    axes.set_axis_off()


def _titles(clip: Clip, verdict: Verdict) -> tuple[str, str]:
    outcome = clip.row.outcome
    title = shorten(clip.row.entry.id, _LONGEST_TITLE)
    if verdict.top:
        name, number = verdict.top[0]
        title = f"{shorten(clip.row.entry.id, _LONGEST_TITLE // 2)}:  {name}, {verdict.told(number)}"
    seconds = outcome.num_frames / outcome.fps if outcome.num_frames and outcome.fps else None
    what: Sequence[str] = [
        f"{outcome.num_frames} frames",
        *([f"{seconds:.2f} s"] if seconds else []),
        f"{outcome.width} x {outcome.height} px",
        *([outcome.reason] if outcome.reason else []),
    ]
    return title, shorten("   ·   ".join(what), _LONGEST_TITLE)


def _stamp(clip: Clip, step: int) -> str:
    return f"{clip.times[step]:.2f} s" if clip.unit == "s" else f"{clip.unit} {clip.times[step]:.0f}"
