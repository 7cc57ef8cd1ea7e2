"""The confusion matrix as a picture: rows are what clips are, columns what the scores say."""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from store.durable import make_folder, write_file
from train.metrics import Metrics

_MAX_NUMBERED = 40  # classes up to which cells hold their number
_LONGEST_NAME = 26
_STYLE = {"font.family": "DejaVu Sans", "text.usetex": False, "text.parse_math": False}  # a name may hold a $


def draw_confusion(path: Path, metrics: Metrics, title: str) -> None:
    """Write the picture as PNG."""
    num_rows = len(metrics.class_names)
    num_columns = num_rows + int(metrics.class_missing.any())
    cell = 0.27 if num_rows <= _MAX_NUMBERED else 0.16  # inches
    size = 6.5 if num_rows <= _MAX_NUMBERED else 4.5  # points; a letter is about 0.6 of that wide
    names = 0.6 * size / 72 * max(map(len, _columns(metrics)))
    left, right, above, below = names + 0.5, 1.0, 0.75, names + 0.5
    width, height = left + max(cell * num_columns, 3.2) + right, above + max(cell * num_rows, 3.2) + below
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(width, height), dpi=140, facecolor="white")
        FigureCanvasAgg(figure)
        box = (left / width, below / height, 1 - (left + right) / width, 1 - (above + below) / height)
        axes = figure.add_axes(box)
        image = paint_confusion(axes, metrics, size=size)
        axes.set_xlabel("what the scores say", fontsize=8)
        axes.set_ylabel("what the clips are", fontsize=8)
        figure.text(0.02, 1 - 0.3 / height, title, fontsize=9, weight="bold", va="center")
        figure.text(0.02, 1 - 0.52 / height, _summary(metrics), fontsize=7.5, va="center")
        bar = figure.add_axes((1 - 0.75 / width, box[1], 0.13 / width, box[3]))
        figure.colorbar(image, cax=bar)
        bar.tick_params(labelsize=6.5)
        bar.set_title("share\nof row", fontsize=6.5)
        content = io.BytesIO()
        figure.savefig(content, format="png")
    make_folder(path.parent)
    write_file(path, content.getvalue())


def paint_confusion(axes: Axes, metrics: Metrics, *, size: float) -> AxesImage:
    """Fill axes with the matrix; a cell's colour is its share of the row's expected clips.

    Clips without scores have a column of their own, if there are any. ``size`` is of the names, in points.
    """
    counts = metrics.confusion
    says = _columns(metrics)
    num_rows = len(counts)
    if len(says) > num_rows:
        counts = np.column_stack([counts, metrics.class_missing])
        axes.axvline(num_rows - 0.5, color="black", linewidth=0.8)
    shares = counts / np.maximum(metrics.class_expected, 1)[:, None]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(says)), says, rotation=90, fontsize=size)
    axes.set_yticks(range(num_rows), says[:num_rows], fontsize=size)
    axes.tick_params(length=0)
    if num_rows <= _MAX_NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.55 else "#1a1a1a"
            text = str(counts[row, column])
            small = 5.5 if len(text) < 4 else 4.5
            axes.text(column, row, text, ha="center", va="center", fontsize=small, color=colour)
    return image


def _columns(metrics: Metrics) -> list[str]:
    names = [_shortened(name) for name in metrics.class_names]
    return names + (["(no scores)"] if metrics.class_missing.any() else [])


def _summary(metrics: Metrics) -> str:
    return (
        f"top-1 {100 * metrics.top1:.2f} %, mean class {100 * metrics.mean_class:.2f} %; "
        f"{metrics.num_scored} of {metrics.num_expected} clips have scores"
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
