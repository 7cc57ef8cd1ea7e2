"""One row per clip, a moment per column: what a store's classes look like at a glance."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from scripts.pictures.clip_data import read_clip
from scripts.pictures.look import INK, PAGE_STYLE, shorten
from scripts.pictures.panels import read_panel_rows
from scripts.pictures.poses import draw_poses
from store import StoreReader

_CELL_INCHES = 1.5
_TITLE_INCHES = 0.22
_LONGEST_TITLE = 90


def choose_one_per_class(reader: StoreReader, most: int) -> list[str]:
    """Return clips with data, one of each of the first ``most`` classes, spread over the subjects."""
    chosen: dict[str, str] = {}
    by_class: dict[str, list[str]] = {}
    for row in reader.rows:
        if row.outcome.start is not None and row.entry.label is not None:
            by_class.setdefault(row.entry.label, []).append(row.entry.id)
    for name in reader.facts.dataset.class_names:
        if name in by_class and len(chosen) < most:
            clips = by_class[name]
            chosen[name] = clips[len(chosen) * 7 % len(clips)]
    return list(chosen.values())


def draw_contact_sheet(reader: StoreReader, clip_ids: Sequence[str], *, columns: int = 6) -> Figure:
    """Draw clips, one per row, at ``columns`` moments, with the poses of who is there.

    Raises:
        ClipNotFoundError: there is no such clip, or it has no data.
        StoreDamagedError: a file of the store is missing or damaged.
    """
    row_inches = _CELL_INCHES + _TITLE_INCHES
    height = row_inches * len(clip_ids)
    with mpl.rc_context(PAGE_STYLE):
        figure = Figure(figsize=(_CELL_INCHES * columns, height), dpi=110)
        for number, clip_id in enumerate(clip_ids):
            clip = read_clip(reader, clip_id)
            steps = [round((step + 0.5) / columns * clip.num_steps - 0.5) for step in range(columns)]
            _, panels = read_panel_rows(reader, clip, steps)[0]
            top = height - number * row_inches
            title = shorten(f"{clip.row.entry.label or 'no label'}   {clip_id}", _LONGEST_TITLE)
            figure.text(0.004, (top - 0.05) / height, title, va="top", size=8.5, color=INK)
            for column, (step, panel) in enumerate(zip(steps, panels, strict=True)):
                cell = (
                    column / columns, (top - row_inches) / height,
                    0.985 / columns, (_CELL_INCHES - 0.03) / height,
                )  # fmt: skip
                draw_poses(figure.add_axes(cell), clip, step, panel)
    return figure
