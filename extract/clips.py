"""Which clips: a known dataset's name, a folder of class folders, or a table -> ``ClipList``. No pixels.

``datasets/README.md`` is the page for users.
"""

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath
from typing import cast, get_args

from extract.datasets import DATASETS, Dataset
from extract.datasets.base import Split, protocol_facts
from extract.errors import DatasetError
from extract.folders import files_below, natural_key, visible
from store.facts import DatasetFacts
from store.table import ClipEntry

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv"})
RAW = Path("data/raw")  # where the videos of known datasets are looked for unless somebody says otherwise
OWN_TERMS = "Your own videos: nothing is known about their terms."

_TABLES = {".csv", ".tsv", ".jsonl"}
_SPLITS: tuple[Split, ...] = get_args(Split)
_SPLIT_FOLDERS = {*_SPLITS, "valid", "validation"}
_TEXTS = (
    "path",
    "id",
    "label",
    "subject",
    "camera",
    "setup",
    "replication",
)  # fields of ClipEntry, and columns
_COLUMNS = (*_TEXTS, "first_frame", "end_frame", "frames", "sha256")

_FRAMES = re.compile(r"(0|[1-9]\d{0,8})(\.0+)?", re.ASCII)  # 120.0 is how pandas writes a column with gaps
# line ends, control characters, bytes that are no UTF-8: a store's table has one clip per line of text
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_Row = dict[str, str]  # column -> text, "" where the table says nothing


@dataclass(frozen=True, slots=True)
class ClipList:
    """Every clip that a dataset names, before anybody looked at the videos.

    Args:
        facts: what a store keeps of the dataset.
        entries: the clips, ids unique.
        root: the folder that ``entry.path`` is relative to.
        notes: what the user may want to know (clips not found, files and columns left out); to be logged.
    """

    facts: DatasetFacts
    entries: tuple[ClipEntry, ...]
    root: Path
    notes: tuple[str, ...] = ()


def load_clips(dataset: str, videos: Path | None = None) -> ClipList:
    """List the clips of a dataset.

    Args:
        dataset: a known dataset's name; a folder with one sub-folder per class; a CSV, TSV or JSONL file.
        videos: the folder of videos, where it is not ``data/raw/<name>`` or the table's own folder. A video
            that a table names need not exist: extraction records it as failed.

    Raises:
        DatasetError: the dataset is none of the three, or not whole; the message names the file and line.
    """
    known = DATASETS.get(dataset)
    if known is not None:
        root = videos or RAW / known.name
        clips = known_clips(known, root, known_videos(known, root))
        if not clips.entries:
            raise DatasetError(_how_to_get(known, clips))
        return replace(clips, notes=(*_what_was_found(known, clips.entries), *clips.notes))
    source = Path(dataset).expanduser()
    if source.is_dir():
        if videos is not None and videos.resolve() != source.resolve():
            raise DatasetError(f"{source} is itself the folder of videos; leave VIDEOS ({videos}) out")
        return _folder_clips(source)
    if source.is_file():
        if videos is not None and not videos.is_dir():
            raise DatasetError(
                f"{videos}: no such folder; VIDEOS is the folder that the paths in {source} are relative to"
            )
        return _table_clips(source, videos or source.parent)
    raise DatasetError(
        f"{dataset!r} is neither a file, nor a folder, nor a known dataset; expected a folder with one "
        f"sub-folder per class, a CSV or JSONL file, or one of {', '.join(DATASETS)}"
    )


def load_videos(source: Path) -> ClipList:
    """List videos whose classes nobody need know; labels and splits that a table tells are dropped.

    Args:
        source: a video; a folder, with all videos below it; or a CSV, TSV or JSONL file. A clip is called as
            its file, and in a table as that says.

    Raises:
        DatasetError: there is no video, or the table cannot be read.
    """
    if source.suffix.lower() in _TABLES and source.is_file():
        told = load_clips(str(source))
        root, name = told.root, told.facts.name
        entries = tuple(replace(entry, label=None, splits={}) for entry in told.entries)
        return ClipList(_own_facts(name, entries), entries, root, told.notes)
    if source.is_file():
        root, name, paths = source.parent, source.stem, [PurePosixPath(source.name)]
    elif source.is_dir():
        root, name, paths = source, source.resolve().name, files_below(source, _is_video)
    else:
        raise DatasetError(
            f"{source}: no such file; expected a video, a folder of videos, or a CSV or JSONL file of them"
        )
    if not paths:
        raise DatasetError(
            f"{source}: no video in it or below it; expected names that end in "
            f"{', '.join(sorted(VIDEO_SUFFIXES))}"
        )
    entries = _with_unique_ids((str(root / path), ClipEntry(_text(str(path)), str(path))) for path in paths)
    return ClipList(_own_facts(name, entries), entries, root)


def known_videos(dataset: Dataset, root: Path) -> list[PurePosixPath]:
    """Return the files below ``root`` that may be videos of a known dataset, relative to it."""
    return files_below(root, lambda name: fnmatchcase(name, dataset.video_glob))


def known_clips(dataset: Dataset, root: Path, paths: Iterable[PurePath]) -> ClipList:
    """Make a known dataset's clips from paths relative to ``root`` (nothing need be there); ordered by id."""
    listing = dataset.list_clips(root, list(paths))
    placed = ((str(root / e.path), e) for e in sorted(listing.entries, key=lambda e: natural_key(e.id)))
    return ClipList(dataset.facts, _with_unique_ids(placed), root, tuple(listing.notes))


def _what_was_found(dataset: Dataset, entries: Sequence[ClipEntry]) -> Iterator[str]:
    """Say how many of the dataset's clips are there, in all and in each protocol's splits."""
    found, expected = len(entries), dataset.num_expected
    yield f"found {found} of {expected} clips" + ("; partial folders are normal" if found < expected else "")
    for protocol, facts in dataset.facts.protocols.items():
        counts = Counter(entry.splits.get(protocol) for entry in entries)
        splits = cast(Mapping[str, int], facts["expected"])
        yield f"{protocol}: " + ", ".join(
            f"{split} {counts[split]} of {number}" for split, number in splits.items()
        )


def _how_to_get(dataset: Dataset, clips: ClipList) -> str:
    found = "; ".join(["no clip found", *clips.notes]) if clips.root.is_dir() else "no such folder"
    return (
        f"{clips.root}: {found}.\n"
        f"The videos of {dataset.title} come from {dataset.homepage or 'its authors (address unknown)'}.\n"
        f"Terms: {dataset.terms}\n"
        f"Expected: {dataset.layout}.\n"
        f"Put or link them into {RAW / dataset.name}, or say with VIDEOS= where they are."
    )


def _folder_clips(root: Path) -> ClipList:
    """Read a folder with one sub-folder per class."""
    placed: list[tuple[str, ClipEntry]] = []
    notes = []
    children = visible(root)
    for folder in (child for child in children if child.is_dir()):
        names = [PurePosixPath(folder.name) / path for path in files_below(Path(folder), _is_video)]
        if not names:
            notes.append(f"{folder.path} holds no videos, so it is no class")
        for name in names:
            entry = ClipEntry(_text(str(name.with_suffix(""))), str(name), label=_text(folder.name))
            placed.append((str(root / name), entry))
    num_loose = sum(_is_video(child.name) and not child.is_dir() for child in children)
    if num_loose:
        notes.append(f"left out {num_loose} videos that lie in {root} itself, in no class's folder")
    entries = _with_unique_ids(placed)
    facts = _own_facts(root.resolve().name, entries)
    if not entries:
        found = f"{num_loose} videos and no class" if num_loose else "no videos"
        raise DatasetError(
            f"{root}: {found}; expected one sub-folder per class with videos below it "
            f"({', '.join(sorted(VIDEO_SUFFIXES))}), or give a CSV or JSONL file as DATASET"
        )
    if _SPLIT_FOLDERS.issuperset(name.casefold() for name in facts.class_names):
        raise DatasetError(
            f"{root}: its sub-folders ({', '.join(facts.class_names)}) are splits; expected one sub-folder "
            "per class. Write a CSV file with the columns path, label and split, and give it as DATASET"
        )
    if len(facts.class_names) == 1:
        notes.append(
            f"all videos are of one class, {facts.class_names[0]!r}: no other sub-folder of {root} has any"
        )
    return ClipList(facts, entries, root, tuple(notes))


def _table_clips(table: Path, root: Path) -> ClipList:
    """Read a table of clips."""
    text = _read_text(table)
    match table.suffix.lower():
        case ".csv" | ".tsv":
            rows = list(_csv_rows(table, text))
        case ".jsonl":
            rows = list(_jsonl_rows(table, text))
        case _:
            raise DatasetError(f"{table}: a table of clips ends in .csv, .tsv or .jsonl")
    if not rows:
        raise DatasetError(f"{table}: names no clip; expected one line per clip")
    entries = _with_unique_ids((where, _table_entry(row, where)) for where, row in rows)
    columns = dict.fromkeys(column for _, row in rows for column in row)  # in the table's order, each once
    protocols = [protocol for protocol in map(_protocol, columns) if protocol]
    unknown = [column for column in columns if column and not _is_read(column)]
    notes = [f"{table}: columns that mean nothing here: {', '.join(unknown)}"] if unknown else []
    name = table.resolve().parent.name if table.stem.lower() == "clips" else table.stem
    facts = _own_facts(name, entries, protocols, rule=f"As given in {table.name}.")
    return ClipList(facts, entries, root, tuple(notes))


def _csv_rows(table: Path, text: str) -> Iterator[tuple[str, _Row]]:
    """Yield where a row stands and its cells by column."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        header = [_column(cell) for cell in next(reader, [])]
        while header and not header[-1]:  # a spreadsheet's empty columns
            header.pop()
        twice = [column for column, count in Counter(header).items() if count > 1 and _is_read(column)]
        if "path" not in header or twice:
            problem = f"has the column {twice[0]!r} twice" if twice else "has no column 'path'"
            raise DatasetError(
                f"{table}:1: the header {problem}; found {', '.join(header) or 'nothing'}, expected path "
                f"and, if wanted, {', '.join(_COLUMNS[1:])}, split, split_<protocol>, separated by commas, "
                "semicolons or tabs"
            )
        for cells in reader:
            where = f"{table}:{reader.line_num}"
            texts = [cell.strip() for cell in cells]
            if any(texts[len(header) :]):
                raise DatasetError(
                    f"{where}: {len(cells)} cells under {len(header)} columns; put a cell that contains "
                    f"{delimiter!r} into double quotes"
                )
            if any(texts):
                yield where, dict(zip(header, texts + [""] * len(header), strict=False))
    except csv.Error as error:
        raise DatasetError(f"{table}:{reader.line_num}: not a line of a CSV file: {error}") from error


def _jsonl_rows(table: Path, text: str) -> Iterator[tuple[str, _Row]]:
    """Yield where a line stands and its values by column."""
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines() would also cut inside of strings
        if not line.strip():
            continue
        where = f"{table}:{number}"
        try:
            values = json.loads(line, parse_constant=lambda _: None)  # NaN: pandas' "nothing"
        except ValueError as error:
            raise DatasetError(f"{where}: not JSON: {error}; expected one object per line") from error
        if not isinstance(values, dict):
            raise DatasetError(
                f'{where}: found {line.strip()[:40]}; expected an object, e.g. {{"path": "a/b.mp4"}}'
            )
        row: _Row = {}
        for key, value in values.items():
            column = _column(key)
            if column in row:
                raise DatasetError(f"{where}: has {column!r} twice")
            row[column] = "" if value is None else str(value).strip()
            is_scalar = isinstance(value, str | int | float | None) and not isinstance(value, bool)
            if _is_read(column) and not is_scalar:
                raise DatasetError(f"{where}: {column} is {json.dumps(value)}; expected a string or a number")
        yield where, row


def _table_entry(row: _Row, where: str) -> ClipEntry:
    path = PurePosixPath(row.get("path", "").replace("\\", "/"))  # tables are written on Windows, too
    if path.name in ("", ".."):
        raise DatasetError(f"{where}: path is {row.get('path', '')!r}; expected the path of a video")
    row = {column: _text(text) for column, text in row.items()}
    splits = {_protocol(column): text.lower() for column, text in row.items() if _protocol(column) and text}
    for protocol, split in splits.items():
        if split not in _SPLITS:
            raise DatasetError(
                f"{where}: {protocol}: {split!r} is no split; expected {', '.join(_SPLITS)} or nothing"
            )
    first, end = _number(row, "first_frame", where, least=0), _number(row, "end_frame", where, least=1)
    if end is not None and end <= (first or 0):
        raise DatasetError(
            f"{where}: the clip is frames {first or 0} to {end} (not included), which are none; "
            "expected an end_frame above first_frame"
        )
    part = "" if first is None and end is None else f"_{first or 0}_{'end' if end is None else end}"
    sha256 = row.get("sha256", "").lower()
    if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise DatasetError(f"{where}: sha256 is {sha256!r}; expected 64 hexadecimal digits, or nothing")
    return ClipEntry(
        id=row.get("id") or _text(str(path.with_suffix(""))) + part,
        path=str(path),
        label=row.get("label") or None,
        subject=row.get("subject") or None,
        camera=row.get("camera") or None,
        setup=row.get("setup") or None,
        replication=row.get("replication") or None,
        splits=splits,
        num_frames=_number(row, "frames", where, least=1),
        sha256=sha256 or None,
        first_frame=first,
        end_frame=end,
    )


def _number(row: _Row, column: str, where: str, *, least: int) -> int | None:
    text = row.get(column, "")
    if not text:
        return None
    if not _FRAMES.fullmatch(text) or (number := int(text.partition(".")[0])) < least:
        expected = "a whole number" if least == 0 else "a whole number above 0"
        raise DatasetError(f"{where}: {column} is {text!r}; expected {expected}, or nothing")
    return number


def _own_facts(
    name: str, entries: Sequence[ClipEntry], protocols: Sequence[str] = (), *, rule: str = ""
) -> DatasetFacts:
    """Return the facts of a user's own videos; a protocol that no clip has a split in is dropped."""
    labels = {entry.label for entry in entries if entry.label is not None}
    facts = {}
    for protocol in protocols:
        counts = Counter(entry.splits.get(protocol) for entry in entries)
        expected = {split: counts[split] for split in _SPLITS if counts[split]}
        if expected:
            facts[protocol] = protocol_facts(metric="top1", rule=rule, expected=expected)
    return DatasetFacts(
        name=name,
        title=name,
        class_names=tuple(sorted(labels, key=natural_key)),
        protocols=facts,
        num_expected=None,
        terms=OWN_TERMS,
        may_share=True,
        homepage=None,
    )


def _with_unique_ids(placed: Iterable[tuple[str, ClipEntry]]) -> tuple[ClipEntry, ...]:
    """Return the entries of pairs (where it comes from, entry); DatasetError where two have one id."""
    places: dict[str, str] = {}
    entries = []
    for place, entry in placed:
        if entry.id in places:
            raise DatasetError(
                f"{place}: another clip with the id {entry.id!r}; the first is {places[entry.id]}. "
                "Every clip needs an id of its own"
            )
        texts = [getattr(entry, name) for name in _TEXTS]
        if unfit := _UNFIT.search("".join(filter(None, (*texts, *entry.splits)))):
            raise DatasetError(f"{place!r}: holds {unfit[0]!r}, which a line of text cannot; rename the clip")
        places[entry.id] = place
        entries.append(entry)
    return tuple(entries)


def _is_video(name: str) -> bool:
    return PurePath(name).suffix.lower() in VIDEO_SUFFIXES


def _column(name: str) -> str:
    return _text(name).lower()


def _is_read(column: str) -> bool:
    return column in _COLUMNS or bool(_protocol(column))


def _protocol(column: str) -> str:
    """Return the protocol whose splits a column holds, "" if it holds none."""
    prefix, _, protocol = column.partition("_")
    if prefix != "split" or protocol == "split":  # the plain column "split" has that name already
        return ""
    return protocol or ("split" if column == "split" else "")


def _text(text: str) -> str:
    """Return the text in the one form in which equal words are equal: macOS writes accents apart."""
    return unicodedata.normalize("NFC", text.strip())


def _read_text(table: Path) -> str:
    data = table.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"{table}:{line}: not UTF-8 ({error.reason}); save the table as UTF-8") from error
