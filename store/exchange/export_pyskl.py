"""A store's poses to a pyskl (or mmaction2) pickle: plain containers and numpy arrays."""

import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from store import durable
from store.exchange.errors import ExchangeError
from store.exchange.passport import PASSPORT_KEY, passport_of
from store.exchange.pyskl import PIXELS
from store.exchange.pyskl_splits import EVERYTHING, pickle_names
from store.exchange.report import ExportReport, left_out
from store.reader import StoreReader
from store.table import WITH_DATA, ClipRow

PoseDtype = Literal["float16", "float32"]
POSE_DTYPES: tuple[PoseDtype, ...] = ("float16", "float32")
_PROTOCOL = 4  # the highest that Python 3.7 reads, which the users of these pickles have


def export_pyskl(
    reader: StoreReader,
    path: Path,
    *,
    dtype: PoseDtype | None = None,
    track: Callable[[Sequence[ClipRow]], Iterable[ClipRow]] = iter,
) -> ExportReport:
    """Write the poses of every clip that has data, with splits, and the store's passport beside them.

    Args:
        reader: the store; its sample times become the frames.
        path: the pickle; written whole or not at all.
        dtype: of keypoints and scores; None: as they were imported, else float32. float16 has steps of 1 px
            above 1024.
        track: wraps the rows that are walked, for a progress bar.

    Raises:
        ExchangeError: the store has no poses.
        StoreDamagedError: a file of the store is missing or damaged.
    """
    facets = reader.facts.layout.facets
    pose = next((name for name in ("keypoints", "keypoints_3d") if name in facets), None)
    if pose is None:
        raise ExchangeError(
            f"{reader.address} has no keypoints, and a pyskl pickle holds nothing else; "
            "it was imported without them"
        )
    imported = reader.facts.meaning.get("import.keypoint_dtype")
    kind = dtype or next((known for known in POSE_DTYPES if known == imported), "float32")
    rows = [row for row in reader.rows if row.outcome.status in WITH_DATA]
    place = {name: index for index, name in enumerate(reader.facts.dataset.class_names)}
    annotations = [_annotation(reader, row, pose, np.dtype(kind), place) for row in track(rows)]
    content = {
        "split": _split(reader, rows),
        "annotations": annotations,
        PASSPORT_KEY: passport_of(reader, coordinates=_coordinates_of(reader)).to_content(),
    }
    durable.make_folder(path.parent)
    # piece by piece: a pickle may be as large as the memory that is left
    durable.write_by(path, lambda file: pickle.dump(content, file, _PROTOCOL))
    return ExportReport(len(rows), left_out(reader.rows, rows))


def _coordinates_of(reader: StoreReader) -> str:
    """Return units and axes of a store's poses, in words."""
    return str(reader.facts.meaning.get("import.coordinates", PIXELS))


def _split(reader: StoreReader, rows: Sequence[ClipRow]) -> dict[str, list[str]]:
    """Return split name -> clip ids, of clips with data only: what it names must be there."""
    names = {name: pickle_names(name, facts) for name, facts in reader.facts.dataset.protocols.items()}
    lists: dict[str, list[str]] = {}
    for row in rows:
        for protocol, split in row.entry.splits.items():
            name = names[protocol].get(split, f"{protocol}_{split}")
            lists.setdefault(name, []).append(row.entry.id)
    return lists or {EVERYTHING: [row.entry.id for row in rows]}


def _annotation(
    reader: StoreReader, row: ClipRow, pose: str, dtype: np.dtype[Any], place: dict[str, int]
) -> dict[str, object]:
    clip_id, outcome = row.entry.id, row.outcome
    there = np.flatnonzero(reader.person_valid(clip_id).any(0))
    used = int(there.max(initial=0)) + 1  # slots behind the last person who is ever there are not kept

    def persons_first(name: str) -> npt.NDArray[np.generic]:
        return np.ascontiguousarray(reader.read(name, clip_id)[:, :used].swapaxes(0, 1), dtype)

    keypoint = persons_first(pose)
    annotation: dict[str, object] = {"frame_dir": clip_id}
    if row.entry.label is not None:
        annotation["label"] = place[row.entry.label]
    if outcome.width and outcome.height:
        annotation["img_shape"] = annotation["original_shape"] = (outcome.height, outcome.width)
    annotation |= {"total_frames": keypoint.shape[1], "keypoint": keypoint}
    if "keypoint_scores" in reader.facts.layout.facets:
        annotation["keypoint_score"] = persons_first("keypoint_scores")
    return annotation
