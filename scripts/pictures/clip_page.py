"""One page that shows a clip as its store holds it: poses on frames, who is there when, features. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import RcKeyType

from store import StoreReader
from store.errors import StoreDamagedError, StoreFormatError
from store.schema import CROP_WH, Crop
from store.table import ClipRow

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

PERSON_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
)  # Okabe & Ito: told apart by colour-blind eyes too
ON_PICTURE_COLOURS = (
    "#56B4E9",
    "#FF9A1F",
    "#2BD9A0",
    "#F0A6D0",
)  # the same hues, light enough for dark frames
_INK, _GREY, _ABSENT = "#1a1a1a", "#6b6b6b", "#e9e9e9"

MAX_PANELS = 8
NUM_CHANNELS = 48  # rows of the channel image
_MAX_COLUMNS = 1200  # more sample times than a page has pixels are averaged in bins
_CHUNK_STEPS = 512  # features are turned into float32 so many steps at a time
_CLEAR_SHARE = 0.6  # of the clip's 95th percentile of scores: from there on a joint is drawn in full
_FAINTEST = 0.12

# inches
_PAGE_WIDTH, _LEFT, _RIGHT, _MARGIN = 13.0, 1.35, 0.95, 0.35
_PLOT_WIDTH = _PAGE_WIDTH - _LEFT - _RIGHT
_PANEL_GAP = 0.07
_DPI = 140

_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": _GREY,
    "axes.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
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


@dataclass(frozen=True, slots=True)
class _Clip:
    """What the page needs of a clip but its pictures and features; T sample times, M persons, V joints."""

    row: ClipRow
    valid: Bools  # (T, M)
    keypoints: Floats  # (T, M, V, 2) source pixels
    scores: Floats  # (T, M, V)
    boxes: Floats  # (T, M, 4) source pixels
    times: npt.NDArray[np.float64]  # (T,) in ``unit``
    unit: str  # "s", or "frame" where nobody knows the frame rate
    image_wh: tuple[float, float]
    links: Sequence[tuple[int, int]]

    @property
    def num_steps(self) -> int:
        return len(self.times)

    @property
    def num_persons(self) -> int:
        return self.valid.shape[1]

    @property
    def span(self) -> tuple[float, float]:
        """Where the time axis begins and ends: every sample time has the same room."""
        width = (self.times[-1] - self.times[0]) / (self.num_steps - 1) if self.num_steps > 1 else 0.0
        if width <= 0:
            width = 1.0
        return float(self.times[0] - width / 2), float(self.times[0] + width * (self.num_steps - 0.5))

    @property
    def clear_score(self) -> float:
        """The score from which a joint is drawn in full; SimCC's peaks are lower than those of heatmaps."""
        scores = self.scores[self.valid]
        return max(_CLEAR_SHARE * float(np.percentile(scores, 95)), 1e-6) if scores.size else 1.0


@dataclass(frozen=True, slots=True)
class _Panel:
    """One picture to draw poses on: an image of ``box_xyxy``, or a plain canvas of it."""

    box_xyxy: tuple[float, float, float, float]
    size_wh: tuple[int, int]
    image: npt.NDArray[np.uint8] | None  # RGB


@dataclass(frozen=True, slots=True)
class _Features:
    """The pooled features of one person, reduced to what is drawn; B columns of time, NaN where absent."""

    norms: Floats  # (B, V) L2 over channels
    means: Floats  # (B, C) mean over joints
    variances: npt.NDArray[np.float64]  # (C,) over time, mean over joints


def draw_clip_page(reader: StoreReader, clip_id: str, *, tap: str | None = None) -> Figure:
    """Draw one clip of a store.

    Frames and curves share the time axis: a frame stands above its own time.

    Args:
        reader: the store.
        clip_id: a clip with data.
        tap: which pooled features; the store's first unless named.

    Returns:
        A figure of 13 inches width and a height that fits its content; its canvas is Agg's.

    Raises:
        ClipNotFoundError: there is no such clip, or it has no data; the message has its status and reason.
        StoreFormatError: the store has no such tap.
        StoreDamagedError: a file of the store is missing or damaged, or a crop is no JPEG.
    """
    clip = _read_clip(reader, clip_id)
    steps = _sample_steps(clip.num_steps)
    rows = _picture_rows(reader, clip, steps)
    if tap is None:
        tap = next(iter(reader.facts.layout.taps), None)
    features = [] if tap is None else _read_features(reader, clip, tap)
    with mpl.rc_context(_STYLE):
        page = _Page()
        _header(page, reader, clip)
        for number, (name, panels) in enumerate(rows):
            _frames(page, clip, steps, name, panels, has_times=number == 0)
        _strips(page, clip, steps)
        if tap is not None:
            _heat_images(page, reader, clip, tap, features)
        return page.finish()


def to_crop_pixels(
    points_xy: npt.NDArray[np.floating[Any]], box_xyxy: Sequence[float], crop_wh: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Map (..., 2) source pixels into a crop stretched from ``box_xyxy``; integers are pixel centres."""
    x1, y1, x2, y2 = box_xyxy
    scale = np.array([crop_wh[0] / (x2 - x1), crop_wh[1] / (y2 - y1)])
    return np.asarray((points_xy + 0.5 - np.array([x1, y1])) * scale - 0.5, np.float64)


class _TextStyle(TypedDict, total=False):
    """The properties of a text that this page sets."""

    size: float
    color: str
    weight: str
    ha: str
    va: str
    linespacing: float


class _Page:
    """A figure that is filled from the top; everything is in inches, so that all axes share one time axis."""

    def __init__(self) -> None:
        self.figure = Figure(dpi=_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.top = _MARGIN
        self._axes: list[tuple[Axes, tuple[float, float, float, float]]] = []
        self._texts: list[tuple[float, float, str, _TextStyle]] = []

    def axes(self, label: str, *, left: float, width: float, height: float) -> Axes:
        """Add axes whose upper edge is at the present place; ``left`` counts from the edge of the plots."""
        axes = self.figure.add_axes((0, 0, 1, 1), label=label)
        self._axes.append((axes, (_LEFT + left, self.top, width, height)))
        return axes

    def text(self, left: float, text: str, *, down: float = 0.0, **style: Unpack[_TextStyle]) -> None:
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


def _read_clip(reader: StoreReader, clip_id: str) -> _Clip:
    valid = reader.person_valid(clip_id)
    row = reader.row(clip_id)
    keypoints = reader.keypoints(clip_id)
    boxes = np.asarray(reader.read("boxes", clip_id), np.float32)
    positions = np.asarray(reader.read("frame_positions", clip_id), np.float64)
    fps = row.outcome.fps
    if row.outcome.width and row.outcome.height:
        image_wh = (float(row.outcome.width), float(row.outcome.height))
    else:  # as much of the image as anybody was seen in
        corners = np.concatenate([keypoints[valid].reshape(-1, 2), boxes[valid].reshape(-1, 2), [[1, 1]]])
        image_wh = (float(corners[:, 0].max()), float(corners[:, 1].max()))
    return _Clip(
        row=row,
        valid=valid,
        keypoints=keypoints,
        scores=np.asarray(reader.read("keypoint_scores", clip_id), np.float32),
        boxes=boxes,
        times=positions / fps if fps else positions,
        unit="s" if fps else "frame",
        image_wh=image_wh,
        links=reader.facts.skeleton.link_indices() or _bone_indices(reader),
    )


def _bone_indices(reader: StoreReader) -> list[tuple[int, int]]:
    skeleton = reader.facts.skeleton
    return [(skeleton.joint_names.index(a), skeleton.joint_names.index(b)) for a, b in skeleton.bones]


def _sample_steps(num_steps: int) -> list[int]:
    """Return the sample times in the middle of equal parts of the clip."""
    parts = min(MAX_PANELS, num_steps)
    return [int((part + 0.5) * num_steps / parts) for part in range(parts)]


# ------------------------------------------------------------------------------------------------ header


def _header(page: _Page, reader: StoreReader, clip: _Clip) -> None:
    entry, outcome, facts = clip.row.entry, clip.row.outcome, reader.facts
    left = _MARGIN - _LEFT
    names = [("subject", entry.subject), ("camera", entry.camera), ("setup", entry.setup)]
    names += [("replication", entry.replication)]
    who = [entry.label or "no label", *(f"{name} {value}" for name, value in names if value is not None)]
    who.append(f"status {outcome.status}" + (f" ({outcome.reason})" if outcome.reason else ""))
    seconds = outcome.num_frames / outcome.fps if outcome.num_frames and outcome.fps else None
    persons = int(clip.valid.any(0).sum()) if outcome.num_persons is None else outcome.num_persons
    clock = "every frame" if facts.layout.is_native else f"{clip.num_steps} sample times"
    what = [
        facts.dataset.title,
        f"{outcome.num_frames} frames" if outcome.num_frames else "unknown number of frames",
        f"{outcome.fps:.4g} fps" if outcome.fps else "unknown fps",
        *([f"{seconds:.2f} s"] if seconds else []),
        f"{outcome.width} x {outcome.height} px" if outcome.width else "unknown size",
        f"{persons} person{'' if persons == 1 else 's'}",
        f"clock: {clock}",
    ]
    place = _PLOT_WIDTH + _RIGHT - _MARGIN
    for person in reversed(range(clip.num_persons)):
        style: _TextStyle = {
            "color": _colour(person),
            "size": 9.5,
            "ha": "right",
            "va": "center",
            "weight": "bold",
        }
        page.text(place, f"● person {person}", down=0.1, **style)
        place -= 0.95
    page.text(left, _fit(entry.id, 80), down=0.1, size=15, weight="bold", va="center")
    page.text(left, _fit("   ·   ".join(who), 150), down=0.41, size=10, va="center")
    page.text(left, _fit("   ·   ".join(what), 165), down=0.64, size=8.5, va="center", color=_GREY)
    page.top += 0.98


def _fit(text: str, longest: int) -> str:
    text = " ".join(text.split(" "))
    return text if len(text) <= longest else text[: longest - 1] + "…"


# ---------------------------------------------------------------------------------------------- pictures


def _picture_rows(reader: StoreReader, clip: _Clip, steps: Sequence[int]) -> list[tuple[str, list[_Panel]]]:
    """Return rows of panels: the clip's and the persons' crops, as far as stored; else plain canvases."""
    rows = []
    crops: tuple[Crop, Crop] = ("clip", "person")
    for crop in crops:
        panels = _crop_panels(reader, clip, crop, steps)
        if panels is not None:
            rows.append((f"{crop} crops", panels))
    if rows:
        return rows
    return [("no frames\nin this store", [_canvas(clip) for _ in steps])]


def _crop_panels(reader: StoreReader, clip: _Clip, crop: Crop, steps: Sequence[int]) -> list[_Panel] | None:
    clip_id = clip.row.entry.id
    try:
        jpegs = reader.jpegs(clip_id, crop)
        boxes = reader.read(f"frames/{crop}_boxes", clip_id)
    except StoreFormatError:
        return None  # made, or copied, without these crops
    panels = []
    for step in steps:
        jpeg = jpegs[step]
        x1, y1, x2, y2 = (float(value) for value in boxes[step])
        if not jpeg or x2 <= x1 or y2 <= y1:
            panels.append(_Panel((0.0, 0.0, *clip.image_wh), CROP_WH, None))
            continue
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise StoreDamagedError(
                f"{clip_id}: the {crop} crop of sample time {step} is no JPEG; run `make verify`"
            )
        size_wh = (image.shape[1], image.shape[0])
        panels.append(_Panel((x1, y1, x2, y2), size_wh, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
    return panels


def _canvas(clip: _Clip) -> _Panel:
    width, height = clip.image_wh
    return _Panel((0.0, 0.0, width, height), (max(1, round(width)), max(1, round(height))), None)


def _frames(
    page: _Page, clip: _Clip, steps: Sequence[int], name: str, panels: Sequence[_Panel], *, has_times: bool
) -> None:
    cell = _PLOT_WIDTH / len(steps)
    width = min(cell - _PANEL_GAP, _PLOT_WIDTH / 4)
    height = width * min(max(panel.size_wh[1] / panel.size_wh[0] for panel in panels), 1.6)
    kind = name.split("\n")[0].replace(" ", "_")
    for number, (step, panel) in enumerate(zip(steps, panels, strict=True)):
        middle = (number + 0.5) * cell
        if has_times:
            stamp = f"{clip.times[step]:.2f} s" if clip.unit == "s" else f"frame {clip.times[step]:.0f}"
            page.text(middle, stamp, down=-0.04, size=8, ha="center", va="bottom", color=_INK)
        axes = page.axes(f"{kind} {number}", left=middle - width / 2, width=width, height=height)
        _picture(axes, clip, step, panel)
    page.text(-0.12, name, down=height / 2, size=8, ha="right", va="center", color=_GREY, linespacing=1.4)
    page.top += height + _PANEL_GAP


def _picture(axes: Axes, clip: _Clip, step: int, panel: _Panel) -> None:
    width, height = panel.size_wh
    axes.set_facecolor("#f4f4f4")
    axes.set_xticks([])
    axes.set_yticks([])
    if panel.image is not None:
        axes.imshow(panel.image, interpolation="antialiased", aspect="auto", zorder=0)
    on_picture = panel.image is not None
    for person in np.flatnonzero(clip.valid[step]):
        _person(axes, clip, step, int(person), panel, on_picture=on_picture)
    if not clip.valid[step].any():
        bubble = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "boxstyle": "round,pad=0.35"}
        axes.text(0.5, 0.5, "absent", transform=axes.transAxes, ha="center", va="center", size=8, bbox=bubble)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


def _person(axes: Axes, clip: _Clip, step: int, person: int, panel: _Panel, *, on_picture: bool) -> None:
    colour = ON_PICTURE_COLOURS[person % len(ON_PICTURE_COLOURS)] if on_picture else _colour(person)
    points = to_crop_pixels(clip.keypoints[step, person], panel.box_xyxy, panel.size_wh)
    corners = to_crop_pixels(clip.boxes[step, person].reshape(2, 2) - 0.5, panel.box_xyxy, panel.size_wh)
    strengths = np.clip(clip.scores[step, person] / clip.clear_score, _FAINTEST, 1)
    axes.add_patch(
        Rectangle(
            (corners[0, 0], corners[0, 1]), *(corners[1] - corners[0]),
            fill=False, edgecolor=colour, linewidth=0.9, alpha=0.85, zorder=2, gid=f"box of person {person}",
        )
    )  # fmt: skip
    is_dense = len(points) > 40  # hands and faces
    for width, shade, order in ((2.3, "#000000", 3), (1.2, colour, 4)):
        # the dark line beneath keeps limbs visible on any background
        if shade != colour and not on_picture:
            continue
        lines = [points[[a, b]] for a, b in clip.links]
        fades = [min(strengths[a], strengths[b]) * (0.55 if shade != colour else 1.0) for a, b in clip.links]
        shades = [(*to_rgb(shade), fade) for fade in fades]
        axes.add_collection(
            LineCollection(
                lines,
                colors=shades,
                linewidths=width * (0.6 if is_dense else 1.0),
                capstyle="round",
                zorder=order,
            ),
            autolim=False,
        )
    axes.scatter(
        points[:, 0], points[:, 1], s=1.5 if is_dense else 6,
        c=[(*to_rgb(colour), strength) for strength in strengths],
        edgecolors=[(*to_rgb("black" if on_picture else "white"), 0.7 * strength) for strength in strengths],
        linewidths=0.0 if is_dense else 0.4, zorder=5, gid=f"joints of person {person}",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ curves


def _strips(page: _Page, clip: _Clip, steps: Sequence[int]) -> None:
    page.top += 0.2
    strips = [("validity", 0.17 * clip.num_persons + 0.06), ("score", 0.8), ("centre", 1.05)]
    drawn = []
    for name, height in strips:
        axes = page.axes(name, left=0, width=_PLOT_WIDTH, height=height)
        drawn.append(axes)
        {"validity": _validity, "score": _scores, "centre": _centres}[name](axes, clip)
        if name != "validity":
            title = "mean\nkeypoint\nscore" if name == "score" else "box: x of\ncentre and\nedges (px)"
            page.text(
                -0.45, title, down=height / 2, size=8, ha="right", va="center", color=_GREY, linespacing=1.3
            )
            for step in steps:
                axes.axvline(
                    clip.times[step], color="#b5b5b5", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0
                )
        else:
            marks = [clip.times[step] for step in steps]
            axes.scatter(
                marks, [1.0] * len(marks), marker="v", s=12, color=_GREY,
                transform=axes.get_xaxis_transform(), clip_on=False, zorder=6, linewidths=0,
            )  # fmt: skip
        axes.set_xlim(*clip.span)
        axes.tick_params(labelbottom=False)
        page.top += height + 0.1
    drawn[-1].tick_params(labelbottom=True)
    page.text(_PLOT_WIDTH / 2, _time_label(clip), down=0.22, size=8, ha="center", va="center", color=_GREY)
    page.top += 0.52


def _validity(axes: Axes, clip: _Clip) -> None:
    left, right = clip.span
    width = (right - left) / clip.num_steps
    for person in range(clip.num_persons):
        axes.add_patch(
            Rectangle(
                (left, person - 0.38),
                right - left,
                0.76,
                facecolor=_ABSENT,
                hatch="//////",
                edgecolor="#c4c4c4",
                lw=0,
            )
        )
        runs = [(left + begin * width, (end - begin) * width) for begin, end in _runs(clip.valid[:, person])]
        axes.broken_barh(runs, (person - 0.38, 0.76), facecolors=_colour(person), linewidth=0)
        axes.text(
            1.008, person, f"{_percent(clip.valid[:, person])} there", transform=axes.get_yaxis_transform(),
            va="center", size=7.5, color=_GREY,
        )  # fmt: skip
    axes.set_ylim(clip.num_persons - 0.5, -0.5)
    axes.set_yticks(range(clip.num_persons), [f"person {person}" for person in range(clip.num_persons)])
    axes.tick_params(axis="y", length=0, labelsize=8)
    for person, label in enumerate(axes.get_yticklabels()):
        label.set_color(_colour(person))
    axes.tick_params(axis="x", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _scores(axes: Axes, clip: _Clip) -> None:
    for person in range(clip.num_persons):
        times, (scores,) = _curve(clip, person, clip.scores[:, person].mean(1))
        axes.plot(times, scores, color=_colour(person), linewidth=1.2, **_markers(clip))
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    _clean(axes)


def _centres(axes: Axes, clip: _Clip) -> None:
    for person in range(clip.num_persons):
        edges = clip.boxes[:, person, [0, 2]]
        times, (centre, low, high) = _curve(clip, person, edges.mean(1), edges[:, 0], edges[:, 1])
        axes.fill_between(times, low, high, color=_colour(person), alpha=0.14, linewidth=0)
        axes.plot(times, centre, color=_colour(person), linewidth=1.2, **_markers(clip))
    edges = clip.boxes[clip.valid][:, [0, 2]]
    lowest, highest = (float(edges.min()), float(edges.max())) if edges.size else (0.0, clip.image_wh[0])
    room = max(0.05 * (highest - lowest), 1.0)
    axes.set_ylim(lowest - room, highest + room)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _clean(axes)


def _curve(clip: _Clip, person: int, *values: Floats) -> tuple[npt.NDArray[np.float64], list[Floats]]:
    """Return columns of time and of values, NaN where the person is absent."""
    valid = clip.valid[:, person]
    times = _binned(clip.times.astype(np.float64), np.ones_like(valid))
    return times.astype(np.float64), [_binned(value, valid) for value in values]


def _markers(clip: _Clip) -> dict[str, Any]:
    # a person who is there for a single sample time is a point, which no line shows
    return {"marker": "o", "markersize": 1.8, "markeredgewidth": 0} if clip.num_steps <= 160 else {}


def _clean(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _percent(valid: Bools) -> str:
    share = 100 * float(valid.mean())
    if 0 < share < 1 or 99 < share < 100:
        return f"{share:.1f} %"  # never round "nearly" to "never" or "always"
    return f"{share:.0f} %"


def _runs(valid: Bools) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of the stretches where ``valid`` is true."""
    padded = np.concatenate([[False], valid, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    for begin, end in changes.reshape(-1, 2):
        yield int(begin), int(end)


def _time_label(clip: _Clip) -> str:
    return "time (s)" if clip.unit == "s" else "time (frames of the source)"


# ---------------------------------------------------------------------------------------------- features


def _read_features(reader: StoreReader, clip: _Clip, tap: str) -> list[_Features | None]:
    """Read and reduce the features person by person; None for one who is never there."""
    found: list[_Features | None] = []
    for person in range(clip.num_persons):
        valid = clip.valid[:, person]
        if not valid.any():
            found.append(None)
            continue
        pooled = reader.pooled(clip.row.entry.id, tap, person)
        norms, means = [], []
        total = np.zeros(pooled.shape[1:])
        squares = np.zeros(pooled.shape[1:])
        for begin in range(0, len(pooled), _CHUNK_STEPS):
            values = pooled[begin : begin + _CHUNK_STEPS].astype(np.float32)
            norms.append(np.sqrt(np.einsum("tvc,tvc->tv", values, values)))
            means.append(values.mean(1))
            there = values[valid[begin : begin + _CHUNK_STEPS]]
            total += there.sum(0, dtype=np.float64)
            squares += np.einsum("tvc,tvc->vc", there, there)
        count = int(valid.sum())
        variances = np.maximum(squares / count - (total / count) ** 2, 0).mean(0)
        found.append(
            _Features(_binned(np.concatenate(norms), valid), _binned(np.concatenate(means), valid), variances)
        )
    return found


def _binned(values: npt.NDArray[np.floating[Any]], valid: Bools) -> Floats:
    """Average (T, ...) values where ``valid`` in at most ``_MAX_COLUMNS`` bins of time; NaN where none is."""
    num_steps = len(values)
    columns = min(num_steps, _MAX_COLUMNS)
    begins = np.arange(columns) * num_steps // columns
    mask = valid.reshape(-1, *[1] * (values.ndim - 1))
    sums = np.add.reduceat(np.where(mask, values, 0).astype(np.float64), begins, axis=0)
    counts = np.add.reduceat(mask.astype(np.float64), begins, axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)


def _heat_images(
    page: _Page, reader: StoreReader, clip: _Clip, tap: str, features: Sequence[_Features | None]
) -> None:
    there = [found for found in features if found is not None]
    if not there:
        return
    # one selection and one scale for all persons, so that their images can be compared
    order = np.argsort(-np.mean([found.variances for found in there], axis=0), kind="stable")[:NUM_CHANNELS]
    centred = {id(found): found.means - np.nanmean(found.means, axis=0) for found in there}
    low, high = _range(np.concatenate([found.norms for found in there]))
    _, reach = _range(np.abs(np.concatenate([centred[id(found)][:, order] for found in there])))
    names = reader.facts.skeleton.joint_names
    channels = [str(channel) for channel in order]
    num_channels = reader.facts.layout.taps[tap]
    about = f"{tap}  (C = {num_channels})"
    for person, found in enumerate(features):
        style: _TextStyle = {"size": 9, "color": _colour(person), "weight": "bold", "va": "bottom"}
        if found is None:
            page.text(0, f"person {person} is absent at all times", down=0.12, **style)
            page.top += 0.3
            continue
        page.text(0, f"person {person}", **style)
        page.text(
            0.82, f"{about}   pooled features at the joints: L2 norm over channels", size=9, va="bottom"
        )
        page.top += 0.06
        height = float(np.clip(0.122 * len(names), 0.6, 4.2))
        _heat(page, clip, f"joints {person}", found.norms, names, height, "viridis", (low, high), "L2 norm")
        page.top += height + 0.28
        which = f"the {len(order)} channels that vary most" if len(order) < num_channels else "all channels"
        page.text(0.82, f"{which}: mean over joints, minus its mean over time", size=9, va="bottom")
        page.top += 0.06
        axes = _heat(
            page, clip, f"channels {person}", centred[id(found)][:, order], channels, 1.45, "RdBu_r",
            (-reach, reach), "difference", every=6,
        )  # fmt: skip
        page.text(-0.45, "channel", down=0.725, size=8, ha="right", va="center", color=_GREY)
        axes.tick_params(labelbottom=True)
        page.top += 1.45
        page.text(
            _PLOT_WIDTH / 2, _time_label(clip), down=0.27, size=8, ha="center", va="center", color=_GREY
        )
        page.top += 0.68
    page.top -= 0.3


def _heat(
    page: _Page,
    clip: _Clip,
    label: str,
    values: Floats,
    names: Sequence[str],
    height: float,
    colours: str,
    limits: tuple[float, float],
    meaning: str,
    every: int = 1,
) -> Axes:
    """Draw (B, rows) values with time on x; NaN shows the hatched ground."""
    axes = page.axes(label, left=0, width=_PLOT_WIDTH, height=height)
    axes.add_patch(
        Rectangle(
            (0, 0),
            1,
            1,
            transform=axes.transAxes,
            facecolor=_ABSENT,
            hatch="////",
            edgecolor="#c4c4c4",
            linewidth=0,
            zorder=0,
        )
    )
    image = axes.imshow(
        values.T, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto",
        interpolation="nearest", extent=(*clip.span, len(names) - 0.5, -0.5), zorder=1,
    )  # fmt: skip
    every = max(every, int(np.ceil(len(names) * 0.11 / height)))
    places = range(0, len(names), every)
    axes.set_yticks(list(places), [_fit(names[place].replace("_", " "), 18) for place in places])
    axes.tick_params(labelbottom=False)
    bar = page.axes(f"scale of {label}", left=_PLOT_WIDTH + 0.1, width=0.11, height=height)
    page.figure.colorbar(image, cax=bar, extend="both" if limits[0] < 0 else "max")
    bar.yaxis.set_major_locator(MaxNLocator(4))
    bar.set_ylabel(meaning, size=7.5)
    return axes


def _range(values: Floats) -> tuple[float, float]:
    """Return the 1st and 99th percentile of what is there, so that a few outliers do not bleach the image."""
    there = values[np.isfinite(values)]
    low, high = (float(value) for value in np.percentile(there, [1, 99])) if there.size else (0.0, 1.0)
    return low, high if high > low else low + 1e-6


def _colour(person: int) -> str:
    return PERSON_COLOURS[person % len(PERSON_COLOURS)]
