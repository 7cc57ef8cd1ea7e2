"""``shards/*.json``: what was written for one unit of work, by which software; the last file of a unit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from store.errors import StoreDamagedError
from store.facts import pretty
from store.manifest import FileFacts, describe
from store.table import ClipOutcome

RECORDS = "shards"


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What was written for one unit. Its file is the unit's last: where it is, the unit is whole.

    Args:
        index: the first shard's number; num_shards: how many there are.
        outcomes: clip id -> what was found, and where its data begin.
        files: shard files, relative to the store.
        executions: what may change the last bits, of each run that extracted some of the clips.
    """

    index: int
    num_shards: int
    outcomes: Mapping[str, ClipOutcome]
    files: Mapping[str, FileFacts]
    executions: Sequence[Mapping[str, object]]

    @property
    def name(self) -> str:
        return record_name(self.index)

    def to_json(self) -> bytes:
        """Return the record's file content."""
        content = {
            "index": self.index,
            "num_shards": self.num_shards,
            "executions": [dict(sorted(execution.items())) for execution in self.executions],
            "clips": {clip_id: outcome.to_json() for clip_id, outcome in self.outcomes.items()},
            "files": {path: [facts.num_bytes, facts.sha256] for path, facts in sorted(self.files.items())},
        }
        return pretty(content)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with the facts of its own file."""

    record: UnitRecord
    file: FileFacts


def record_name(index: int) -> str:
    """Return a record's file, relative to the store."""
    return f"{RECORDS}/{index:06d}.json"


def parse_record(data: bytes) -> UnitRecord:
    """Read a unit's record; fields of later minor versions are ignored.

    Raises:
        ValueError: it is damaged.
    """
    try:
        content = json.loads(data)
        return UnitRecord(
            index=content["index"],
            num_shards=content["num_shards"],
            outcomes={clip_id: ClipOutcome.from_json(values) for clip_id, values in content["clips"].items()},
            files={path: FileFacts(*facts) for path, facts in content["files"].items()},
            executions=content["executions"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a unit's record: {error!r}") from error


def latest_outcomes(records: Iterable[StoredRecord]) -> dict[str, ClipOutcome]:
    """Return what is known of every packed clip; a later record speaks for a clip that was tried again."""
    outcomes: dict[str, ClipOutcome] = {}
    for stored in records:
        outcomes |= stored.record.outcomes
    return outcomes


def read_records(root: Path) -> dict[int, StoredRecord]:
    """Read the records of a store, by index.

    Raises:
        StoreDamagedError: one cannot be read.
    """
    records = {}
    for path in sorted((root / RECORDS).glob("*.json")):
        data = path.read_bytes()
        try:
            record = parse_record(data)
        except ValueError as error:
            raise StoreDamagedError(
                f"{path}: {error}. Copy it again, or delete it and manifest.json to extract its clips again"
            ) from error
        records[record.index] = StoredRecord(record, describe(data))
    return dict(sorted(records.items()))
