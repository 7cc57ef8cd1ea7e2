"""The page's geometry: a figure that is filled from the top, in inches."""

from typing import TypedDict, Unpack

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# inches; TEXT_LEFT and TEXT_RIGHT are the margins, counted from the left edge of the plots
_PAGE_WIDTH, _LEFT, _RIGHT, _MARGIN = 13.0, 1.35, 0.95, 0.35
PLOT_WIDTH = _PAGE_WIDTH - _LEFT - _RIGHT
TEXT_LEFT = _MARGIN - _LEFT
TEXT_RIGHT = PLOT_WIDTH + _RIGHT - _MARGIN
_DPI = 140


class TextStyle(TypedDict, total=False):
    """The properties of a text that the page sets; ``size`` in points."""

    size: float
    color: str
    weight: str
    ha: str
    va: str
    linespacing: float


class Page:
    """A figure that is filled from the top; everything is in inches, so that all axes share one time axis."""

    def __init__(self) -> None:
        self.figure = Figure(dpi=_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.top = _MARGIN
        self._axes: list[tuple[Axes, tuple[float, float, float, float]]] = []
        self._texts: list[tuple[float, float, str, TextStyle]] = []

    def axes(self, label: str, *, left: float, width: float, height: float) -> Axes:
        """Add axes whose upper edge is at the present place; ``left`` counts from the edge of the plots."""
        axes = self.figure.add_axes((0, 0, 1, 1), label=label)
        self._axes.append((axes, (_LEFT + left, self.top, width, height)))
        return axes

    def text(self, left: float, text: str, *, down: float = 0.0, **style: Unpack[TextStyle]) -> None:
        """Add a text; ``left`` counts from the edge of the plots, ``down`` from the present place."""
        self._texts.append((_LEFT + left, self.top + down, text, style))

    def finish(self) -> Figure:
        """Give the page its height and put everything in its place."""
        height = self.top + _MARGIN
        self.figure.set_size_inches(_PAGE_WIDTH, height)
        for axes, (left, top, width, tall) in self._axes:
            axes.set_position(
                (left / _PAGE_WIDTH, 1 - (top + tall) / height, width / _PAGE_WIDTH, tall / height)
            )
        for left, top, text, style in self._texts:
            self.figure.text(left / _PAGE_WIDTH, 1 - top / height, text, **style)
        return self.figure
