"""A store to the authors' layout: a folder with one ``.npy`` per clip, and a passport beside them."""

import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from store import durable
from store.exchange.errors import ExchangeError
from store.exchange.npy_layout import NUM_SLOTS, EmptySlot, must_be_told, to_npy_layout
from store.exchange.passport import PASSPORT_FILE, passport_of
from store.exchange.report import ExportReport, left_out
from store.facts import pretty
from store.reader import StoreReader
from store.table import WITH_DATA, ClipRow


def export_npy(
    reader: StoreReader,
    folder: Path,
    *,
    tap: str | None = None,
    empty_slot: EmptySlot | None = None,
    track: Callable[[Sequence[ClipRow]], Iterable[ClipRow]] = iter,
) -> ExportReport:
    """Write every clip's pooled features as float32 (T, M, V, C); the stored float16 values exactly.

    A clip without anybody becomes zeros, as in the release; other clips without data are left out.

    Args:
        reader: the store.
        folder: made if it is missing; files of the same names are replaced.
        tap: which features; the store's first unless named.
        empty_slot: what a slot without anybody holds; None: as the store was imported, else ``copied``.
        track: wraps the rows that are walked, for a progress bar.

    Raises:
        ExchangeError: the store has no such features, no clock, or a clip's id is no name of a file.
        StoreDamagedError: a file of the store is missing or damaged.
    """
    layout = reader.facts.layout
    tap = tap or next(iter(layout.taps), None)
    if tap is None or tap not in layout.taps:
        raise ExchangeError(
            f"{reader.address} has no tap {tap or 'at all'}; it has {', '.join(layout.taps) or 'poses only'}"
        )
    if layout.clock == "native":
        raise ExchangeError(
            f"{reader.address} has every frame; the authors' layout has one number of sample times. "
            "Extract with --clock 64"
        )
    imported = reader.facts.meaning.get("import.empty_slot")
    # files with one slot come back as they were
    num_slots = layout.max_persons if imported else max(layout.max_persons, NUM_SLOTS)
    shape = (layout.clock, num_slots, layout.num_joints, layout.taps[tap])
    usual: EmptySlot = "zeros" if imported == "zeros" else "copied"
    slot = empty_slot or usual
    written = [row for row in reader.rows if row.outcome.status in (*WITH_DATA, "no_person")]
    targets = {row.entry.id: _target(folder, row.entry.id) for row in written}
    told: dict[str, npt.NDArray[np.bool_]] = {}
    for row in track(written):
        clip_id = row.entry.id
        if row.outcome.status in WITH_DATA:
            pooled, valid = reader.pooled(clip_id, tap), reader.person_valid(clip_id)
            values = to_npy_layout(pooled, valid, slot, num_slots=num_slots)
            if (persons := must_be_told(values, valid, slot)) is not None:
                told[clip_id] = persons
        else:
            values = np.zeros(shape, np.float32)
        _save(targets[clip_id], values)
    passport = dataclasses.replace(passport_of(reader, tap=tap, empty_slot=slot), person_valid=told)
    durable.write_file(folder / PASSPORT_FILE, pretty(passport.to_content()))
    return ExportReport(len(written), left_out(reader.rows, written))


def _target(folder: Path, clip_id: str) -> Path:
    target = folder / f"{clip_id}.npy"
    if not target.resolve().is_relative_to(folder.resolve()) or not clip_id:
        raise ExchangeError(f"clip {clip_id!r}: its id would be a file outside of {folder}; rename the clip")
    return target


def _save(path: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    durable.make_folder(path.parent)
    durable.write_file(path, buffer.getbuffer())
