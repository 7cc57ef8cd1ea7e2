"""Writing a store: finished clips go to the spool, whole units from there into shards, the record last."""

import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from store import arrays, durable, shards
from store.checks import check_clip, check_entries, check_same_clips, check_unnamed
from store.derived import ARRAYS, CARD, DERIVED, FACTS, TABLE, write_derived
from store.errors import StoreDamagedError, StoreError, StoreMismatchError
from store.facts import (
    StoreFacts,
    check_may_continue,
    check_same_meaning,
    differences,
    digest_of,
    parse_store_json,
)
from store.lock import is_being_written as is_being_written  # for scripts, like work_folder
from store.lock import release_lock, take_lock
from store.lock import work_folder as work_folder
from store.manifest import MANIFEST, FileFacts, describe, parse_manifest
from store.records import RECORDS, StoredRecord, UnitRecord, latest_outcomes, read_records
from store.schema import EXTRACTED, ArraySpec, array_specs
from store.spool import Spool, SpooledClip
from store.table import NOT_RIGHT, PENDING, ClipEntry, ClipOutcome, ClipRow, parse_table
from store.units import Unit, plan_units

logger = logging.getLogger(__name__)


class StoreWriter:
    """The one writer of a store; opens it for a run, or makes it.

    Args:
        root: the store's folder. Spool, lock and logs lie beside it, in ``<root>.work``.
        facts: of the run; a store that exists must have the same meaning.
        entries: every clip that the dataset names, in its order.
        execution: what may change the last bits (versions, device, threads); recorded per unit. Clips that
            come from other processes bring their own.
        unnamed: entries for clips of the store that the dataset does not name; else they keep the store's.

    Raises:
        StoreBusyError: another run holds the store.
        StoreMismatchError: the store, or a clip that waits in its spool, has another meaning; or the dataset
            names other videos under the ids of clips that the store has, or lacks the classes or protocols
            of clips that it does not name.
        StoreDamagedError: files of the store are missing.
        StoreError: the folder holds something else, or cannot be written.
        ValueError: ids are not unique, or labels or protocols are not the dataset's.
    """

    def __init__(
        self,
        root: Path,
        facts: StoreFacts,
        entries: Sequence[ClipEntry],
        execution: Mapping[str, object],
        *,
        unnamed: Sequence[ClipEntry] = (),
    ) -> None:
        check_entries(entries, facts)
        self.root = root
        self.facts = facts
        self.work = work_folder(root)
        self._entries = {entry.id: entry for entry in entries}
        self._unnamed = {entry.id: entry for entry in unnamed}
        self._execution = execution
        self._specs = array_specs(facts.layout)
        self._retried: set[str] = set()
        self._refreshed_at, self._refresh_seconds, self._is_stale = 0.0, 0.0, False
        try:
            durable.make_folder(self.work)
            self._lock = take_lock(root)
        except PermissionError as error:
            raise StoreError(
                f"{root} cannot be written: {error}; give another STORE, or leave to write there"
            ) from error
        try:
            self._open()
        except BaseException:
            release_lock(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._is_stale:
                self._refresh()
        finally:
            release_lock(self._lock)

    @property
    def rows(self) -> list[ClipRow]:
        """The clip table: the dataset's clips, then those that only the store knows."""
        return [ClipRow(entry, self._packed.get(entry.id, PENDING)) for entry in self._entries.values()]

    def outcome(self, clip_id: str) -> ClipOutcome:
        """Return what is known of a clip; ``PENDING`` if nothing, or if it is tried again."""
        if clip_id in self.spool:
            return self.spool.outcome(clip_id)
        return PENDING if clip_id in self._retried else self._packed.get(clip_id, PENDING)

    def put(self, clip: SpooledClip, execution: Mapping[str, object] | None = None) -> None:
        """Keep a finished clip; on return it survives a power cut.

        Args:
            clip: what was found, and its arrays.
            execution: of the process that extracted it, where that is not the writer's.

        Raises:
            ClipDataError: its arrays do not fit the store.
            ValueError: the dataset does not name it.
        """
        if clip.id not in self._entries:
            raise ValueError(f"{clip.id!r} is none of the {len(self._entries)} clips of {self.root}")
        check_clip(clip, self.facts.layout)
        if not self._is_packed(clip.id, clip.outcome):  # a clip that failed again as before changes nothing
            of_clip = {**(self._execution if execution is None else execution), **arrays.LIBRARIES}
            self._warn_of_other_execution(of_clip)
            self.spool.put(clip, of_clip)
        self._retried.discard(clip.id)

    def forget_failures(self, clip_ids: Iterable[str]) -> None:
        """Try these clips again if they failed or were short: they are pending for this run."""
        for clip_id in clip_ids:
            if self.outcome(clip_id).status in NOT_RIGHT:
                if clip_id in self.spool:
                    self.spool.drop(clip_id)
                self._retried.add(clip_id)

    def pack(self, order: Iterable[str], *, last: bool) -> None:
        """Pack the spooled clips that head ``order`` into units.

        Clips are taken in order up to the first that is not finished yet, so the same order gives the same
        store whatever the order in which clips were finished.

        Args:
            order: clip ids of the run; those packed already are passed over.
            last: also pack a unit that is not full: the run is over.
        """
        ready = []
        for clip_id in dict.fromkeys(order):
            if clip_id in self.spool:
                ready.append((clip_id, self.spool.outcome(clip_id)))
            elif clip_id in self._retried or clip_id not in self._packed:
                break
        for unit in plan_units(self.facts.layout, self._next_index(), ready, last=last):
            self._write_unit(unit)
            self._is_stale = True
        # in a store of 100 000 clips a refresh takes seconds: then at most a tenth of the time goes into it
        pause = 10 * self._refresh_seconds if self._refresh_seconds > 1 else 0
        if self._is_stale and (last or time.monotonic() - self._refreshed_at >= pause):
            self._refresh()

    def _open(self) -> None:
        _check_is_store(self.root)
        durable.make_folder(self.root / RECORDS)
        self._check_facts()
        _check_nothing_missing(self.root)
        self._records = read_records(self.root)
        if self._records and not (self.root / FACTS).exists():
            raise StoreDamagedError(
                f"{self.root}: {FACTS} is missing; copy it again from where the store came from"
            )
        self._remove_leftovers()
        # a killed run may have left names that are seen but not yet on disk: what is believed now must stay
        for folder in (self.work.parent, self.work, self.root, *self.root.rglob("*/")):
            durable.sync_folder(folder)
        self._packed = latest_outcomes(self._records.values())
        self.spool = Spool(self.work / "spool", _stamp(self.facts))
        self._take_table()
        newest = [self._records[max(self._records)].record.executions] if self._records else []
        waiting = [self.spool.execution(clip_id) for clip_id in self.spool]
        self._known_executions = [*(one for known in newest for one in known), *waiting]
        for clip_id in list(self.spool):
            # a retried clip is in both, with another outcome; only what says the same is stale
            if self._is_packed(clip_id, self.spool.outcome(clip_id)):
                self.spool.drop(clip_id)
        self._refresh()

    def _check_facts(self) -> None:
        path = self.root / FACTS
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        have = parse_store_json(text, str(path))
        check_may_continue(text, str(path))
        check_same_meaning(have.meaning, self.facts.meaning, str(self.root))
        if _stamp(have) != _stamp(self.facts):
            raise StoreMismatchError(
                f"{self.root} has the layout {have.layout}, joints {', '.join(have.skeleton.joint_names)}; "
                f"this run has {self.facts.layout}, {', '.join(self.facts.skeleton.joint_names)}. "
                "Give another STORE"
            )

    def _take_table(self) -> None:
        """Refuse other clips under ids that are taken; keep clips that this run's dataset does not name."""
        table = self.root / TABLE
        text = table.read_text(encoding="utf-8") if table.exists() else ""
        known = {row.entry.id: row.entry for row in parse_table(text, str(table))}
        waiting = {clip_id: self.spool.outcome(clip_id) for clip_id in self.spool}
        check_same_clips(self._entries, known, [*self._packed.items(), *waiting.items()], str(self.root))
        for clip_id, entry in known.items():
            if clip_id in self._packed or clip_id in waiting:  # a folder may be extracted piece by piece
                self._entries.setdefault(clip_id, self._unnamed.get(clip_id, entry))
        check_unnamed(self._entries.values(), self.facts, str(self.root))

    def _remove_leftovers(self) -> None:
        """Remove what an interrupted write left, and nothing else."""
        records = [stored.record for stored in self._records.values()]
        known = {name for record in records for name in (*record.files, record.name)}
        partial = durable.TEMPORARY_SUFFIX
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            is_ours = name.startswith((f"{ARRAYS}/", f"{RECORDS}/")) and path.name != "zarr.json"
            is_ours |= name in {derived + partial for derived in DERIVED}
            if path.is_file() and is_ours and name not in known:
                durable.remove_file(path)

    def _is_packed(self, clip_id: str, outcome: ClipOutcome) -> bool:
        known = self._packed.get(clip_id)
        return known is not None and dataclasses.replace(known, start=None) == outcome

    def _next_index(self) -> int:
        ends = (stored.record.index + stored.record.num_shards for stored in self._records.values())
        return max(ends, default=0)

    def _write_unit(self, unit: Unit) -> None:
        files: dict[str, FileFacts] = {}
        for spec in self._specs:
            for name, data in self._encode(spec, unit):
                path = self.root / name
                durable.make_folder(path.parent)
                durable.write_file(path, data)
                files[name] = describe(data)
        outcomes = {
            clip_id: dataclasses.replace(self.spool.outcome(clip_id), start=start)
            for clip_id, start in unit.starts.items()
        }
        executions: list[Mapping[str, object]] = []
        for clip_id in unit.starts:
            if (execution := self.spool.execution(clip_id)) not in executions:
                executions.append(execution)
        record = UnitRecord(unit.index, unit.num_shards, outcomes, files, executions)
        data = record.to_json()
        durable.write_file(self.root / record.name, data)
        self._records[unit.index] = StoredRecord(record, describe(data))
        self._packed |= outcomes
        for clip_id in unit.starts:
            self.spool.drop(clip_id)

    def _encode(self, spec: ArraySpec, unit: Unit) -> Iterable[tuple[str, bytes]]:
        """Yield the shard files of one array, relative to the store."""
        with_data = [(clip_id, start) for clip_id, start in unit.starts.items() if start is not None]
        if not with_data:
            return
        lead = ... if self.facts.layout.is_native else None  # on a clock a clip is one row of the first axis
        parts: dict[int, npt.NDArray[np.generic]] = {
            start: self.spool.array(clip_id, spec.name)[lead] for clip_id, start in with_data
        }
        for shard in range(unit.index, unit.index + unit.num_shards):
            data = shards.encode_shard(spec, shard, parts)
            if data is not None:
                yield f"{ARRAYS}/{spec.name}/{arrays.shard_name(spec, shard)}", data

    def _warn_of_other_execution(self, execution: Mapping[str, object]) -> None:
        if self._known_executions and execution not in self._known_executions:
            changed = differences(self._known_executions[-1], execution)
            logger.warning(
                "%s: from here on clips are extracted with another %s than before; "
                "their values agree, but not to the last bit",
                self.root,
                ", ".join(changed),
            )
        if execution not in self._known_executions:
            self._known_executions.append(execution)

    def _refresh(self) -> None:
        """Write what follows from the records and the dataset."""
        begin = time.monotonic()
        write_derived(self.root, self.facts, self.rows, list(self._records.values()))
        self._refreshed_at, self._is_stale = time.monotonic(), False
        self._refresh_seconds = self._refreshed_at - begin


def _stamp(facts: StoreFacts) -> str:
    """Return the digest of all that decides what the numbers mean, for things that lie outside the store."""
    layout = facts.layout
    shape: list[object] = [
        layout.clock,
        layout.max_persons,
        list(layout.taps.items()),
        layout.crops,
        facts.skeleton.joint_names,
    ]
    if layout.facets != EXTRACTED:
        shape.append(layout.facets)
    return digest_of([facts.meaning_sha256, shape])


def _check_is_store(root: Path) -> None:
    """Refuse a folder with something else in it; what an interrupted first write left is fine."""
    ours = {ARRAYS, RECORDS, *DERIVED, *(name + durable.TEMPORARY_SUFFIX for name in DERIVED)}
    others = sorted({path.name for path in root.iterdir()} - ours) if root.is_dir() else []
    if others and not (root / FACTS).exists():
        raise StoreError(
            f"{root} is no store and not empty ({others[0]}); give another STORE, or an empty folder"
        )


def _check_nothing_missing(root: Path) -> None:
    path = root / MANIFEST
    if not path.exists():
        return
    try:
        names = parse_manifest(path.read_bytes())
    except ValueError as error:
        raise StoreDamagedError(
            f"{path} {error}. Delete it: it is made again from the records of the shards"
        ) from error
    # cards and metadata are made again; the rest cannot be, and its shards would be removed as leftovers
    kept = [name for name in names if name != CARD and not name.endswith("/zarr.json")]
    if missing := [name for name in kept if not (root / name).exists()]:
        raise StoreDamagedError(
            f"{root}: {len(missing)} files are missing, {missing[0]} among them. "
            "Copy them again from where the store came from. "
            f"Or, to extract the clips of a lost unit again, delete its record in {RECORDS}/ and {MANIFEST}"
        )
