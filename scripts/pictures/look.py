"""Colours and fonts of the page, and how long its texts may be."""

from typing import Any

from matplotlib.typing import RcKeyType

# Okabe & Ito: told apart by colour-blind eyes too
_PERSON_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
# the same hues, light enough for dark frames
_ON_PICTURE_COLOURS = ("#56B4E9", "#FF9A1F", "#2BD9A0", "#F0A6D0")
INK, GREY = "#1a1a1a", "#6b6b6b"  # of texts
ABSENT = "#e9e9e9"  # ground where a person is absent

PAGE_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": GREY,
    "axes.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.0,
    "hatch.linewidth": 0.5,
    "axes.spines.top": True,
    "axes.spines.right": True,
    "axes.grid": False,
    "text.usetex": False,
    "text.parse_math": False,  # a clip id may hold a dollar sign
}


def person_colour(person: int, *, on_picture: bool = False) -> str:
    """Return a person's colour on white ground, or on a picture."""
    colours = _ON_PICTURE_COLOURS if on_picture else _PERSON_COLOURS
    return colours[person % len(colours)]


def shorten(text: str, longest: int) -> str:
    """Cut a text to at most ``longest`` characters; the last one is then an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
