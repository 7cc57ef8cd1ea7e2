"""What a store holds, as one page: counted from its tables, not from its arrays."""

import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from store.facts import differences
from store.manifest import MANIFEST, FileFacts, parse_manifest
from store.reader import StoreReader
from store.records import RECORDS, parse_record
from store.schema import EXTRACTED, FORMAT_VERSION, array_specs
from store.table import NOT_RIGHT, WITH_DATA, ClipRow

Summary = dict[str, object]


def summarize(reader: StoreReader, *, num_waiting: int | None) -> Summary:
    """Return the facts of the page as JSON values.

    Args:
        reader: the store, in a folder or at a URL.
        num_waiting: clips in the spool beside it, None where that cannot be seen.
    """
    facts, rows = reader.facts, reader.rows
    files = parse_manifest(reader.read_text(MANIFEST).encode())
    labels = Counter(row.entry.label for row in rows if row.entry.label is not None)
    num_with_data = sum(row.outcome.status in WITH_DATA for row in rows)
    sizes = _bytes_per_array(files, [spec.name for spec in array_specs(facts.layout)])
    total = sum(file.num_bytes for file in files.values())
    return {
        "address": reader.address,
        "format_version": json.loads(reader.read_text("store.json"))["format_version"],
        "reads_format": FORMAT_VERSION,
        "dataset": {
            "name": facts.dataset.name,
            "title": facts.dataset.title,
            "homepage": facts.dataset.homepage,
        },
        "terms": facts.dataset.terms,
        "may_share": facts.dataset.may_share,
        "num_clips": len(rows),
        "num_expected": facts.dataset.num_expected,
        "statuses": dict(Counter(row.outcome.status for row in rows).most_common()),
        "num_waiting_in_spool": num_waiting,
        "classes": {name: labels[name] for name in facts.dataset.class_names},
        "two_person_classes": facts.dataset.two_person_classes,
        "protocols": {name: _splits(name, rows) for name in facts.dataset.protocols},
        "taps": dict(facts.layout.taps),
        "clock": facts.layout.clock,
        "max_persons": facts.layout.max_persons,
        "joints": list(facts.skeleton.joint_names),
        "facets": list(facts.layout.facets),
        "crops": list(facts.layout.crops),
        "num_bytes": total,
        "num_bytes_per_clip": round(total / num_with_data) if num_with_data else None,
        "num_bytes_per_array": sizes,
        "num_clips_with_data": num_with_data,
        "meaning": dict(facts.meaning),
        "meaning_sha256": facts.meaning_sha256,
        "executions": _executions(reader, files),
        "failures": [
            {"id": row.entry.id, "status": row.outcome.status, "reason": row.outcome.reason}
            for row in rows
            if row.outcome.status in NOT_RIGHT
        ],
    }


def render_summary(
    summary: Mapping[str, object], *, max_failures: int | None, width: int | None = None
) -> str:
    """Return the page.

    Args:
        summary: of ``summarize``.
        max_failures: how many failed clips are listed, None for all.
        width: columns of the page; those of the terminal unless given.
    """
    page = _Page(width or min(shutil.get_terminal_size((110, 0)).columns, 120))
    given = json.loads(json.dumps(summary))
    dataset, clips = given["dataset"], given["num_clips_with_data"]
    page.title(f"{dataset['title']} ({given['address']})")
    page.line("format", f"{given['format_version']} (this code reads {given['reads_format']})")
    expected = given["num_expected"]
    share = (
        f" of {expected:,} in the dataset" if expected is not None else ", the dataset's number is unknown"
    )
    page.line("clips", f"{given['num_clips']:,}{share}; {clips:,} with data")
    page.line("status", _counts(given["statuses"]) or "no clips")
    if given["num_waiting_in_spool"]:
        page.line(
            "waiting", f"{given['num_waiting_in_spool']:,} finished clips wait in the spool to be packed"
        )
    page.line(
        "classes", f"{len(given['classes'])}: {_classes(given['classes'])}" if given["classes"] else "none"
    )
    if given["two_person_classes"] is not None:
        page.line("of two persons", ", ".join(given["two_person_classes"]) or "none")
    for name, splits in given["protocols"].items():
        page.line(f"protocol {name}", _counts(splits) or "no clips")
    page.line(
        "taps", ", ".join(f"{tap} ({channels} channels)" for tap, channels in given["taps"].items()) or "none"
    )
    clock = "native, every frame" if given["clock"] == "native" else f"{given['clock']} sample times"
    page.line("clock", clock)
    page.line("persons", f"up to {given['max_persons']}, {len(given['joints'])} joints each")
    if given["facets"] != list(EXTRACTED):
        lacking = ", ".join(facet for facet in EXTRACTED if facet not in given["facets"])
        page.line(
            "imported", f"{', '.join(given['facets']) or 'features only'}; without {lacking or 'nothing'}"
        )
    page.line("crops", ", ".join(given["crops"]) or "none (frame-free)")
    page.line(
        "terms", given["terms"] + ("" if given["may_share"] else " Derived data must not be passed on.")
    )
    per_clip = f", {size(given['num_bytes_per_clip'])} per clip" if clips else ""
    page.title(f"size: {size(given['num_bytes'])}{per_clip}")
    for name, num_bytes in given["num_bytes_per_array"].items():
        page.line(name, size(num_bytes) + (f", {size(round(num_bytes / clips))} per clip" if clips else ""))
    page.title(f"meaning {given['meaning_sha256'][:12]}")
    for name, value in given["meaning"].items():
        page.line(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    _render_executions(page, given["executions"])
    if failures := given["failures"]:
        page.title(f"{len(failures)} clips failed")
        for failure in failures[:max_failures]:
            page.line(failure["id"], f"{failure['status']}: {failure['reason']}")
        if max_failures is not None and len(failures) > max_failures:
            page.line("", f"and {len(failures) - max_failures} more: --failures lists all")
    return page.text()


def size(num_bytes: float) -> str:
    """Render a number of bytes: ``size(174_000) == "174 kB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"


class _Page:
    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: list[tuple[str, str | None]] = []

    def title(self, text: str) -> None:
        self._rows.append((text, None))

    def line(self, name: str, text: str) -> None:
        self._rows.append((name, text))

    def text(self) -> str:
        indent = min(max((len(name) for name, text in self._rows if text is not None), default=0) + 4, 36)
        lines: list[str] = []
        for name, text in self._rows:
            if text is None:
                lines += ["", name] if lines else [name]
                continue
            head = f"  {name}".ljust(indent)
            if len(head) > indent:  # a long name has its own line
                lines.append(head)
                head = " " * indent
            body = textwrap.wrap(text, max(self._width - indent, 30), break_on_hyphens=False) or [""]
            lines += [f"{head}{body[0]}".rstrip(), *(" " * indent + rest for rest in body[1:])]
        return "\n".join(lines) + "\n"


def _render_executions(page: _Page, executions: Sequence[Mapping[str, object]]) -> None:
    names = sorted({name for execution in executions for name in execution})
    differing = sorted({name for other in executions[1:] for name in differences(executions[0], other)})
    page.title(
        "execution"
        + (f": {len(executions)} kinds, they differ in {', '.join(differing)}" if differing else "")
    )
    for name in names:
        values = list(dict.fromkeys(str(execution.get(name, "-")) for execution in executions))
        page.line(name, " | ".join(values))
    if not executions:
        page.line("", "nothing is packed yet")


def _executions(reader: StoreReader, files: Mapping[str, FileFacts]) -> list[Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for name in files:
        if name.startswith(f"{RECORDS}/"):
            for execution in parse_record(reader.read_text(name).encode()).executions:
                found.setdefault(json.dumps(execution, sort_keys=True), execution)
    return list(found.values())


def _splits(protocol: str, rows: Sequence[ClipRow]) -> dict[str, int]:
    counts = Counter(row.entry.splits[protocol] for row in rows if protocol in row.entry.splits)
    return dict(sorted(counts.items()))


def _bytes_per_array(files: Mapping[str, FileFacts], names: Sequence[str]) -> dict[str, int]:
    # with the slash, so that frames/person does not count frames/person_boxes
    return {
        name: sum(
            facts.num_bytes for path, facts in files.items() if path.startswith(f"features.zarr/{name}/")
        )
        for name in names
    }


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _classes(counts: Mapping[str, int]) -> str:
    if len(counts) <= 20:
        return ", ".join(f"{name} {count}" for name, count in counts.items())
    first = ", ".join(f"{name} {count}" for name, count in list(counts.items())[:4])
    empty = sum(count == 0 for count in counts.values())
    return (
        f"{first}, ...; {min(counts.values())} to {max(counts.values())} clips each, {empty} without a clip"
    )
