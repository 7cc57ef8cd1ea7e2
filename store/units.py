"""Units of work: which clips are packed together, and where in the arrays they lie. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from store.schema import CHUNK_STEPS, Layout
from store.table import ClipOutcome


@dataclass(frozen=True, slots=True)
class Unit:
    """Clips that are written together; their data fills whole shards of every array.

    Args:
        index: the first shard's number; the arrays' first axis begins at ``index * layout.unit_size``.
        num_shards: 1, or more for a clip on the native clock that is longer than a shard.
        starts: clip id -> place along the first axis, None for a clip without data.
    """

    index: int
    num_shards: int
    starts: Mapping[str, int | None]


class UnitBuilder:
    """Fills units clip by clip, in the order given; the same order always makes the same units."""

    def __init__(self, layout: Layout, next_index: int) -> None:
        self._layout = layout
        self._index = next_index
        self._used = 0  # of the unit, along the first axis
        self._starts: dict[str, int | None] = {}

    def add(self, clip_id: str, outcome: ClipOutcome) -> list[Unit]:
        """Take the next clip; return the units that are complete now."""
        size = self._layout.unit_size
        extent = extent_of(self._layout, outcome)
        complete = []
        if self._used and self._used + extent > size:
            complete.append(self._close())
        self._starts[clip_id] = self._index * size + self._used if extent else None
        self._used += extent
        if self._used >= size:
            complete.append(self._close())
        return complete

    def finish(self) -> list[Unit]:
        """Return what is left as a last, smaller unit."""
        return [self._close()] if self._starts else []

    def _close(self) -> Unit:
        # a unit of nothing but failures takes a place too: no two units may share an index
        num_shards = max(1, -(-self._used // self._layout.unit_size))
        unit = Unit(self._index, num_shards, self._starts)
        self._index += num_shards
        self._used = 0
        self._starts = {}
        return unit


def extent_of(layout: Layout, outcome: ClipOutcome) -> int:
    """Return how much of the first axis a clip takes: a row, or its steps rounded up to whole chunks."""
    if outcome.num_steps is None:
        return 0
    if layout.is_native:
        return -(-outcome.num_steps // CHUNK_STEPS) * CHUNK_STEPS
    return 1


def plan_units(
    layout: Layout, next_index: int, outcomes: Iterable[tuple[str, ClipOutcome]], *, last: bool
) -> list[Unit]:
    """Cut clips into units of increasing index; the last, incomplete one only if ``last``."""
    builder = UnitBuilder(layout, next_index)
    units = [unit for clip_id, outcome in outcomes for unit in builder.add(clip_id, outcome)]
    return units + (builder.finish() if last else [])
