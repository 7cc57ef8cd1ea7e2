"""``clips.jsonl``: one line per expected clip: who it is (from the dataset) and what extraction found."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from store.errors import StoreFormatError

# ok: extracted. short: extracted, but the file holds fewer frames than it should. no_person: nobody was
# found. The others failed; "reason" says why. pending: not tried yet.
Status = Literal["ok", "short", "no_person", "decode_error", "timeout", "error", "pending"]
WITH_DATA: tuple[Status, ...] = ("ok", "short")
FAILED: tuple[Status, ...] = ("decode_error", "timeout", "error")
NOT_RIGHT: tuple[Status, ...] = (*FAILED, "short")  # what is told of, and tried again on demand


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """A clip as its dataset names it, before anybody looked at the video.

    Args:
        id: unique in the dataset; what score files are keyed by.
        path: the video, relative to the dataset's folder of videos; several clips may be parts of one.
        label: class name, None if unknown.
        subject, camera, setup, replication: the dataset's own numbers or names, None where it has none.
        splits: protocol -> "train", "test" or "val"; protocols that leave the clip out are absent.
        num_frames: frames that the clip should have, if the dataset says so.
        sha256: digest that the file should have, if the dataset says so.
        first_frame, end_frame: the part of the video that is the clip, from 0, the end not included; None:
            the video's own beginning or end. Frame numbers of everything else are relative to it.
    """

    id: str
    path: str
    label: str | None = None
    subject: str | None = None
    camera: str | None = None
    setup: str | None = None
    replication: str | None = None
    splits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    num_frames: int | None = None
    sha256: str | None = None
    first_frame: int | None = None
    end_frame: int | None = None

    @property
    def interval(self) -> tuple[int, int | None] | None:
        """The part of the video that is the clip, (first, end or None); None if it is all of it."""
        if self.first_frame is None and self.end_frame is None:
            return None
        return self.first_frame or 0, self.end_frame


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """What extraction found in one clip.

    Args:
        status: see ``Status``.
        reason: what was wrong, None for ``ok``.
        num_frames: frames decoded; fps: frames per second; width, height: source pixels; None if not decoded.
        source_sha256: digest of the video file, or of the file that was imported.
        decoder: who decoded it, "decord" or "pyav".
        num_persons: how many of the M persons are there at some time.
        start: place along the arrays' first axis: row, or step on the native clock; None without data.
        num_steps: sample times stored.
    """

    status: Status
    reason: str | None = None
    num_frames: int | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    source_sha256: str | None = None
    decoder: str | None = None
    num_persons: int | None = None
    start: int | None = None
    num_steps: int | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Self:
        """Build an outcome from a record or a table; fields of later minor versions are ignored."""
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """Return every field by name; ``dataclasses.asdict`` is too slow for tables of 100 000 clips."""
        return {name: getattr(self, name) for name in self.__slots__}


PENDING = ClipOutcome("pending")


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One line of the clip table."""

    entry: ClipEntry
    outcome: ClipOutcome

    def to_line(self) -> str:
        """Return the line, without its end."""
        entry = {name: getattr(self.entry, name) for name in ClipEntry.__slots__}
        # what the dataset expects of the file is kept under names that cannot be taken for what was found
        for name in ("num_frames", "sha256"):
            entry[f"expected_{name}"] = entry.pop(name)
        entry["splits"] = dict(self.entry.splits)
        for name in ("first_frame", "end_frame"):
            if entry[name] is None:
                del entry[name]
        return json.dumps(entry | self.outcome.to_json(), ensure_ascii=False, allow_nan=False)


def render_table(rows: Iterable[ClipRow]) -> bytes:
    """Return the content of ``clips.jsonl``."""
    # file names that are not UTF-8 hold lone surrogates, which JSON can escape and UTF-8 cannot hold
    return "".join(row.to_line() + "\n" for row in rows).encode("utf-8", "backslashreplace")


def parse_table(text: str, where: str = "clips.jsonl") -> list[ClipRow]:
    """Read ``clips.jsonl``; fields of later minor versions are ignored.

    Raises:
        StoreFormatError: a line is no clip.
    """
    rows = []
    # not splitlines(), which also cuts at characters that may be in a name, such as U+2028
    for number, line in enumerate(text.rstrip("\n").split("\n") if text else [], start=1):
        try:
            values = json.loads(line)
            entry = {name: values[name] for name in ClipEntry.__slots__ if name in values}
            entry |= {name: values.get(f"expected_{name}") for name in ("num_frames", "sha256")}
            rows.append(ClipRow(ClipEntry(**entry), ClipOutcome.from_json(values)))
        except (ValueError, TypeError) as error:
            raise StoreFormatError(
                f"{where}, line {number}: not a clip ({error}); run `make verify`"
            ) from error
    return rows
