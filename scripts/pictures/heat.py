"""Features as images: joints by their norm, channels by how they vary."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from scripts.pictures.clip_data import Clip
from scripts.pictures.features import Features
from scripts.pictures.look import ABSENT, GREY, person_colour, shorten
from scripts.pictures.page import PLOT_WIDTH, Page, TextStyle
from store.facts import StoreFacts

_NUM_CHANNELS = 48  # rows of the channel image


def draw_features(
    page: Page, clip: Clip, features: Sequence[Features | None], *, facts: StoreFacts, tap: str
) -> None:
    """Draw two images per person: the norm at each joint, and the channels that vary most."""
    there = [found for found in features if found is not None]
    if not there:
        return
    # one selection and one scale for all persons, so that their images can be compared
    order = np.argsort(-np.mean([found.variances for found in there], axis=0), kind="stable")[:_NUM_CHANNELS]
    centred = {id(found): found.means - np.nanmean(found.means, axis=0) for found in there}
    low, high = _range(np.concatenate([found.norms for found in there]))
    _, reach = _range(np.abs(np.concatenate([centred[id(found)][:, order] for found in there])))
    names = facts.skeleton.joint_names
    channels = [str(channel) for channel in order]
    num_channels = facts.layout.taps[tap]
    about = f"{tap}  (C = {num_channels})"
    for person, found in enumerate(features):
        style: TextStyle = {"size": 9, "color": person_colour(person), "weight": "bold", "va": "bottom"}
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
        page.text(-0.45, "channel", down=0.725, size=8, ha="right", va="center", color=GREY)
        axes.tick_params(labelbottom=True)
        page.top += 1.45
        page.text(PLOT_WIDTH / 2, clip.time_label, down=0.27, size=8, ha="center", va="center", color=GREY)
        page.top += 0.68
    page.top -= 0.3


def _heat(
    page: Page,
    clip: Clip,
    label: str,
    values: npt.NDArray[np.float32],
    names: Sequence[str],
    height: float,
    colours: str,
    limits: tuple[float, float],
    meaning: str,
    every: int = 1,
) -> Axes:
    """Draw (B, rows) values with time on x; NaN shows the hatched ground."""
    axes = page.axes(label, left=0, width=PLOT_WIDTH, height=height)
    axes.add_patch(
        Rectangle(
            (0, 0),
            1,
            1,
            transform=axes.transAxes,
            facecolor=ABSENT,
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
    axes.set_yticks(list(places), [shorten(names[place].replace("_", " "), 18) for place in places])
    axes.tick_params(labelbottom=False)
    bar = page.axes(f"scale of {label}", left=PLOT_WIDTH + 0.1, width=0.11, height=height)
    page.figure.colorbar(image, cax=bar, extend="both" if limits[0] < 0 else "max")
    bar.yaxis.set_major_locator(MaxNLocator(4))
    bar.set_ylabel(meaning, size=7.5)
    return axes


def _range(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the 1st and 99th percentile of what is there, so that a few outliers do not bleach the image."""
    there = values[np.isfinite(values)]
    low, high = (float(value) for value in np.percentile(there, [1, 99])) if there.size else (0.0, 1.0)
    return low, high if high > low else low + 1e-6
