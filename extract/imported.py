"""Clips that are imported instead of extracted, named by a dataset: labels, splits, terms."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePath

from extract.clips import ClipList, known_clips, load_clips
from extract.datasets import DATASETS
from extract.errors import DatasetError
from store.exchange.source import Source
from store.table import ClipEntry


def name_clips(source: Source, dataset: str | None, folder: Path) -> ClipList:
    """Return the clips of an import as the dataset names them; their paths stay the source's.

    Splits that the source has itself (a pickle's) hold, whatever the dataset says.

    Args:
        source: what is imported.
        dataset: as for an extraction; None: only what the source says of itself.
        folder: where the source lies; a dataset's own lists may lie there, too.

    Raises:
        DatasetError: the dataset is unknown, has none of the clips, or another label for one.
    """
    notes = tuple(source.notes)
    if dataset is None:
        notes += _looks_like(source.entries, folder)
        return ClipList(source.dataset, tuple(source.entries), Path(), notes)
    if dataset in DATASETS:
        paths = [PurePath(entry.path) for entry in source.entries]
        clips = known_clips(DATASETS[dataset], folder, paths)
        by_path = {entry.path: entry for entry in clips.entries}
        pairs = [(by_path.get(PurePath(old.path).as_posix()), old) for old in source.entries]
        entries = [_joined(new, old, clips, source) for new, old in pairs if new is not None]
        notes += clips.notes
    else:
        clips = load_clips(dataset)
        by_id = {entry.id: entry for entry in source.entries}
        # a clip that the table names and the source lacks is recorded as failed when it is read
        entries = [_joined(new, by_id.get(new.id, new), clips, source) for new in clips.entries]
        strangers = set(by_id) - {entry.id for entry in entries}
        if len(strangers) == len(by_id):
            raise DatasetError(
                f"{dataset} names none of the clips that are imported, such as {source.entries[0].id!r}; "
                "its column id, or path without its ending, must be the name of the file"
            )
        if strangers:
            notes += (f"left out {len(strangers)} clips that {dataset} does not name: {min(strangers)}, …",)
    if not entries:
        raise DatasetError(f"none of the clips that are imported is of {dataset}: {'; '.join(clips.notes)}")
    facts = clips.facts
    if source.dataset.protocols:
        facts = dataclasses.replace(facts, protocols={**facts.protocols, **source.dataset.protocols})
    return ClipList(facts, tuple(entries), Path(), notes)


def _joined(new: ClipEntry, old: ClipEntry, clips: ClipList, source: Source) -> ClipEntry:
    if old.label in clips.facts.class_names and new.label not in (None, old.label):
        raise DatasetError(
            f"{old.path} has the label {old.label!r}, {clips.facts.name} says {new.label!r}; "
            "the classes may be in another order: name them with --classes, or give another DATASET"
        )
    return dataclasses.replace(
        new,
        path=old.path,
        splits=old.splits if source.dataset.protocols else new.splits,
        # of the video, which nobody looked at
        num_frames=None,
        sha256=None,
    )


def _looks_like(entries: Sequence[ClipEntry], folder: Path) -> tuple[str, ...]:
    for name, dataset in DATASETS.items():
        if dataset.list_clips(folder, [PurePath(entries[0].path)]).entries:
            return (
                f"the names look like those of {dataset.title}: --dataset {name} gives labels, splits, terms",
            )
    return ()
