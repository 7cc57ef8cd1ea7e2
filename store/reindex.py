"""New labels, splits, classes and protocols for a store that exists, without the videos."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from store.derived import FACTS, TABLE
from store.errors import StoreMismatchError, StoreNotFoundError
from store.facts import DatasetFacts, parse_store_json
from store.table import ClipEntry, parse_table
from store.writer import StoreWriter


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a reindex changed; clip ids.

    Args:
        num_clips: lines of the clip table now.
        changed: clips whose entry (label, splits, ...) differs from before.
        added: clips that the dataset names and the store did not; they are pending.
        removed: clips that the dataset no longer names and that were pending; they are gone from the table.
        unnamed: clips with an outcome that the dataset no longer names; they keep their data, in no split.
    """

    num_clips: int
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    unnamed: tuple[str, ...]


def reindex(root: Path, dataset: DatasetFacts, entries: Sequence[ClipEntry]) -> ReindexReport:
    """Write what the dataset says now into the store; shards and records are not touched.

    Args:
        root: the store's folder.
        dataset: the dataset's facts now; it must have the store's name.
        entries: every clip that the dataset names now, in its order.

    Raises:
        StoreNotFoundError: there is no store.
        StoreBusyError: a run is writing it.
        StoreMismatchError: the dataset is another one, or names other videos under the ids of the store's.
        ValueError: the dataset contradicts itself.
    """
    path = root / FACTS
    if not path.is_file():
        raise StoreNotFoundError(
            f"{path}: not found, so {root} is no store; give the STORE of `make extract`"
        )
    facts = parse_store_json(path.read_text(encoding="utf-8"), str(path))
    if facts.dataset.name != dataset.name:
        raise StoreMismatchError(
            f"{root} holds the dataset {facts.dataset.name!r}, not {dataset.name!r}; "
            "give the DATASET it was made from"
        )
    # the entries of the table may be older than the records of an interrupted run; the writer takes both
    before = {
        row.entry.id: row
        for row in parse_table((root / TABLE).read_text(encoding="utf-8"), str(root / TABLE))
    }
    named = {entry.id for entry in entries}
    classes = set(dataset.class_names)
    left_out = [
        # splits and labels that the dataset no longer has must not reach a training set
        dataclasses.replace(
            row.entry, splits={}, label=row.entry.label if row.entry.label in classes else None
        )
        for row in before.values()
        if row.entry.id not in named
    ]
    with StoreWriter(
        root, dataclasses.replace(facts, dataset=dataset), entries, {}, unnamed=left_out
    ) as writer:
        rows = writer.rows
    after = {row.entry.id for row in rows}
    return ReindexReport(
        num_clips=len(rows),
        changed=tuple(
            row.entry.id for row in rows if row.entry.id in before and row.entry != before[row.entry.id].entry
        ),
        added=tuple(entry.id for entry in entries if entry.id not in before),
        removed=tuple(clip_id for clip_id in before if clip_id not in after),
        unnamed=tuple(row.entry.id for row in rows if row.entry.id not in named),
    )
