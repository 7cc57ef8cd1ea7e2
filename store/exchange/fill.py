"""The long loop of an import: clip by clip through the spool, so that it resumes like an extraction."""

import logging
from collections.abc import Callable, Sequence

from store.errors import ClipDataError
from store.exchange.errors import ClipImportError
from store.exchange.source import ImportedClip, Source
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.units import extent_of
from store.writer import StoreWriter

logger = logging.getLogger(__name__)


def import_clips(
    writer: StoreWriter,
    entries: Sequence[ClipEntry],
    source: Source,
    advance: Callable[[ClipOutcome], None],
) -> None:
    """Import the clips that the store still lacks.

    Args:
        writer: of the store.
        entries: every clip of the import, in the dataset's order; their paths are the source's.
        source: where they are read.
        advance: called with the outcome of every clip that was finished.
    """
    layout = writer.facts.layout
    order = [entry.id for entry in entries]
    waiting = _waiting(writer)  # counted, because to pack is to look at every clip of the dataset
    for entry in entries:
        if writer.outcome(entry.id).status != "pending":
            continue
        outcome = _import(writer, entry, source)
        waiting += extent_of(layout, outcome)
        if waiting >= layout.unit_size:
            writer.pack(order, last=False)
            waiting = _waiting(writer)
        advance(outcome)
    writer.pack(order, last=True)


def _waiting(writer: StoreWriter) -> int:
    """Return how much of the arrays' first axis the clips in the spool will take."""
    return sum(extent_of(writer.facts.layout, writer.spool.outcome(clip_id)) for clip_id in writer.spool)


def _import(writer: StoreWriter, entry: ClipEntry, source: Source) -> ClipOutcome:
    try:
        clip = source.read(entry.path)
        writer.put(SpooledClip(entry.id, clip.outcome, clip.arrays))
    except (ClipImportError, ClipDataError) as error:
        logger.warning("%s: %s", entry.id, error)
        clip = ImportedClip(ClipOutcome("error", str(error)), {})
        writer.put(SpooledClip(entry.id, clip.outcome, clip.arrays))
    return clip.outcome
