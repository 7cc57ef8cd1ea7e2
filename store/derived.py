"""The files of a store that follow from its records and its dataset, and can be made again from them."""

from collections.abc import Sequence
from pathlib import Path

from store import arrays, durable
from store.card import render_card
from store.facts import StoreFacts
from store.manifest import MANIFEST, describe, render_manifest
from store.records import StoredRecord, latest_outcomes
from store.schema import FORMAT_VERSION, array_specs
from store.table import ClipOutcome, ClipRow, render_table

FACTS = "store.json"
TABLE = "clips.jsonl"
CARD = "README.md"
ARRAYS = "features.zarr"
DERIVED = (FACTS, TABLE, CARD, MANIFEST)  # and the metadata of the arrays


def write_derived(
    root: Path, facts: StoreFacts, rows: Sequence[ClipRow], records: Sequence[StoredRecord]
) -> None:
    """Write metadata of the arrays, facts, clip table, card and manifest.

    Unchanged ones are left alone. Arrays grow before the table names their new rows, so a reader never finds
    a row that is not there.
    """
    length = max((_end(facts, outcome) for outcome in latest_outcomes(records).values()), default=0)
    derived = {
        **_array_metadata(facts, length),
        FACTS: facts.to_json(),
        TABLE: render_table(rows),
        CARD: render_card(facts, rows),
    }
    files = {name: describe(data) for name, data in derived.items()}
    for stored in records:
        files |= stored.record.files
        files[stored.record.name] = stored.file
    for name, data in {**derived, MANIFEST: render_manifest(files)}.items():
        path = root / name
        if not path.exists() or path.read_bytes() != data:
            durable.make_folder(path.parent)
            durable.write_file(path, data)


def _array_metadata(facts: StoreFacts, length: int) -> dict[str, bytes]:
    specs = array_specs(facts.layout)
    attributes = {
        "heatpool": {"format_version": FORMAT_VERSION, "facts": f"../{FACTS}", "clips": f"../{TABLE}"}
    }
    files = {f"{ARRAYS}/{spec.name}/zarr.json": arrays.array_metadata(spec, length) for spec in specs}
    groups = {str(parent) for spec in specs for parent in Path(spec.name).parents if str(parent) != "."}
    files |= {f"{ARRAYS}/{group}/zarr.json": arrays.group_metadata({}) for group in sorted(groups)}
    return files | {f"{ARRAYS}/zarr.json": arrays.group_metadata(attributes)}


def _end(facts: StoreFacts, outcome: ClipOutcome) -> int:
    if outcome.start is None or outcome.num_steps is None:
        return 0
    return outcome.start + (outcome.num_steps if facts.layout.is_native else 1)
