"""One page that shows a clip as its store holds it: poses on frames, who is there when, features. Pure."""

import matplotlib as mpl
from matplotlib.figure import Figure

from scripts.pictures.clip_data import panel_steps, read_clip
from scripts.pictures.crops import draw_panels
from scripts.pictures.features import read_features
from scripts.pictures.header import draw_header
from scripts.pictures.heat import draw_features
from scripts.pictures.look import PAGE_STYLE
from scripts.pictures.page import Page
from scripts.pictures.panels import read_panel_rows
from scripts.pictures.strips import draw_strips
from store import StoreReader


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
    clip = read_clip(reader, clip_id)
    steps = panel_steps(clip.num_steps)
    rows = read_panel_rows(reader, clip, steps)
    if tap is None:
        tap = next(iter(reader.facts.layout.taps), None)
    features = [] if tap is None else read_features(reader, clip, tap)
    with mpl.rc_context(PAGE_STYLE):
        page = Page()
        draw_header(page, clip, reader.facts)
        for number, (name, panels) in enumerate(rows):
            draw_panels(page, clip, steps, name, panels, has_times=number == 0)
        draw_strips(page, clip, steps)
        if tap is not None:
            draw_features(page, clip, features, facts=reader.facts, tap=tap)
        return page.finish()
