"""One picture with the boxes and skeletons of the persons who are there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from scripts.pictures.clip_data import Clip
from scripts.pictures.look import person_colour
from scripts.pictures.panels import Panel

_FAINTEST = 0.12


def draw_poses(axes: Axes, clip: Clip, step: int, panel: Panel) -> None:
    """Fill ``axes``, in pixels of the panel, with its image and the poses at one step, or with "absent"."""
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


def _person(axes: Axes, clip: Clip, step: int, person: int, panel: Panel, *, on_picture: bool) -> None:
    colour = person_colour(person, on_picture=on_picture)
    if clip.boxes is not None:
        edges = clip.boxes[step, person].reshape(2, 2) - 0.5
        corners = to_crop_pixels(edges, panel.box_xyxy, panel.size_wh)
        axes.add_patch(
            Rectangle(
                (corners[0, 0], corners[0, 1]), *(corners[1] - corners[0]), fill=False, edgecolor=colour,
                linewidth=0.9, alpha=0.85, zorder=2, gid=f"box of person {person}",
            )
        )  # fmt: skip
    if clip.keypoints is None:
        return
    points = to_crop_pixels(clip.keypoints[step, person], panel.box_xyxy, panel.size_wh)
    strengths = np.ones(len(points))
    if clip.scores is not None:
        strengths = np.clip(clip.scores[step, person] / clip.clear_score, _FAINTEST, 1)
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


def to_crop_pixels(
    points_xy: npt.NDArray[np.floating[Any]], box_xyxy: Sequence[float], crop_wh: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Map (..., 2) source pixels into a crop stretched from ``box_xyxy``; integers are pixel centres."""
    x1, y1, x2, y2 = box_xyxy
    scale = np.array([crop_wh[0] / (x2 - x1), crop_wh[1] / (y2 - y1)])
    return np.asarray((points_xy + 0.5 - np.array([x1, y1])) * scale - 0.5, np.float64)
