"""A row of pictures with poses, each above its own time."""

from collections.abc import Sequence

from scripts.pictures.clip_data import Clip
from scripts.pictures.look import GREY, INK
from scripts.pictures.page import PLOT_WIDTH, Page
from scripts.pictures.panels import Panel
from scripts.pictures.poses import draw_poses

_PANEL_GAP = 0.07  # inches


def draw_panels(
    page: Page, clip: Clip, steps: Sequence[int], name: str, panels: Sequence[Panel], *, has_times: bool
) -> None:
    """Draw one panel per step in a row of this ``name``, with the steps' times above if ``has_times``."""
    cell = PLOT_WIDTH / len(steps)
    width = min(cell - _PANEL_GAP, PLOT_WIDTH / 4)
    height = width * min(max(panel.size_wh[1] / panel.size_wh[0] for panel in panels), 1.6)
    kind = name.split("\n")[0].replace(" ", "_")
    for number, (step, panel) in enumerate(zip(steps, panels, strict=True)):
        middle = (number + 0.5) * cell
        if has_times:
            stamp = f"{clip.times[step]:.2f} s" if clip.unit == "s" else f"{clip.unit} {clip.times[step]:.0f}"
            page.text(middle, stamp, down=-0.04, size=8, ha="center", va="bottom", color=INK)
        axes = page.axes(f"{kind} {number}", left=middle - width / 2, width=width, height=height)
        draw_poses(axes, clip, step, panel)
    page.text(-0.12, name, down=height / 2, size=8, ha="right", va="center", color=GREY, linespacing=1.4)
    page.top += height + _PANEL_GAP
