"""A part of a store (training, validation, test): which of its clips have data, and their labels by name."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from store import StoreReader
from store.table import WITH_DATA
from train.batches import ClipBatches
from train.rows import PersonRows

logger = logging.getLogger(__name__)


def checked_ids(ids: Sequence[str], part: str) -> tuple[str, ...]:
    """Return the ids of a part.

    Raises:
        ValueError: one is there twice.
    """
    counts = Counter(ids)
    if len(counts) < len(ids):
        clip_id, count = counts.most_common(1)[0]
        raise ValueError(f"{part}_ids name {clip_id} {count} times; expected each clip once")
    return tuple(ids)


def find_rows(
    part: str,
    ids: Sequence[str],
    reader: StoreReader,
    class_names: Sequence[str],
    person_rows: Callable[[Sequence[str]], PersonRows],
) -> ClipBatches:
    """Find the clips of a part that have rows of persons.

    Args:
        part: "train", "val" or "test".
        ids: its clips; batches call a clip by its place here.
        reader: the store.
        class_names: a label is a place here.
        person_rows: clip ids -> how their persons are read.

    Raises:
        ClipNotFoundError: the store does not know a clip.
        ValueError: a training clip's label is none of the classes.
    """
    places, without = clips_with_data(ids, reader)
    rows = person_rows([ids[place] for place in places])
    has_somebody = rows.present.any(1)
    if not has_somebody.all():
        without[f"with nobody in slots below {rows.present.shape[1]}"] = int((~has_somebody).sum())
        places = [place for place, has in zip(places, has_somebody, strict=True) if has]
        rows = person_rows([ids[place] for place in places])
    labels = label_clips(part, ids, places, without, reader, class_names)
    return ClipBatches(part, rows, labels, np.array(places, np.int64))


def clips_with_data(ids: Sequence[str], reader: StoreReader) -> tuple[list[int], Counter[str]]:
    """Return the places of the clips that have data, in the order of the store, and why others have none.

    Raises:
        ClipNotFoundError: the store does not know a clip.
    """
    table = [reader.row(clip_id) for clip_id in ids]
    places = [place for place, row in enumerate(table) if row.outcome.status in WITH_DATA]
    places.sort(key=lambda place: table[place].outcome.start or 0)
    return places, Counter(str(row.outcome.status) for row in table if row.outcome.status not in WITH_DATA)


def label_clips(
    part: str,
    ids: Sequence[str],
    places: Sequence[int],
    without: Mapping[str, int],
    reader: StoreReader,
    class_names: Sequence[str],
) -> npt.NDArray[np.int64]:
    """Return the labels of the clips that are used; say in the log how many are not, and why.

    Args:
        part: "train", "val" or "test".
        ids: its clips.
        places: of those that are used.
        without: reason -> how many are not.
        reader: the store.
        class_names: a label is a place here.

    Returns:
        (N,) int64, -1 unknown.

    Raises:
        ValueError: a training clip's label is none of the classes.
    """
    if ids:
        reasons = ", ".join(f"{count} {what}" for what, count in sorted(without.items()))
        logger.info(
            "%s: %d of %d clips have data%s", part, len(places), len(ids), f" ({reasons})" if reasons else ""
        )
    entries = [reader.row(ids[place]).entry for place in places]
    number = {name: index for index, name in enumerate(class_names)}
    labels = [number.get(entry.label or "", -1) for entry in entries]
    if part == "train" and -1 in labels:
        wrong = entries[labels.index(-1)]
        raise ValueError(
            f"training clip {wrong.id} of {reader.address} has the label {wrong.label!r}, and "
            f"{labels.count(-1) - 1} more have an unknown one; expected one of {', '.join(class_names)}. "
            "Leave them out, or correct labels with `make reindex`"
        )
    return np.array(labels, np.int64)
