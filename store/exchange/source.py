"""What an importer offers: the clips of a file or folder, to be read one by one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from store.exchange.errors import ClipImportError, ExchangeError
from store.exchange.passport import Passport
from store.facts import DatasetFacts
from store.schema import Layout
from store.skeleton import Skeleton
from store.spool import Arrays
from store.table import ClipEntry, ClipOutcome

UNKNOWN_TERMS = "Imported: nothing is known about the terms; ask whoever made the files."


@dataclass(frozen=True, slots=True)
class ImportedClip:
    """What was found in one clip: the outcome, and its arrays by name (empty unless the status has data)."""

    outcome: ClipOutcome
    arrays: Arrays


class Source(Protocol):
    """Clips in somebody else's format.

    Attributes:
        entries: the clips in the source's order; label, splits and the rest as far as the source knows them.
        dataset: what the source says of its dataset.
        skeleton, layout: of the store that it becomes.
        meaning: settings of the import, as they enter the store's fingerprint.
        notes: what the user may want to know.
    """

    entries: Sequence[ClipEntry]
    dataset: DatasetFacts
    skeleton: Skeleton
    layout: Layout
    meaning: Mapping[str, object]
    notes: Sequence[str]

    def read(self, path: str) -> ImportedClip:
        """Read the clip whose entry has this path; ClipImportError if it cannot be imported."""
        ...


def files_below(root: Path, suffix: str) -> list[str]:
    """Return the visible files with this suffix at any depth, relative to ``root``, sorted.

    Raises:
        ExchangeError: there are none.
    """
    paths = [path.relative_to(root) for path in root.rglob(f"*{suffix}") if path.is_file()]
    # names that begin with a dot are other programs' notes, such as ._a.npy
    found = sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
    if not found:
        what = f"no {suffix} files in it" if root.is_dir() else "no such folder"
        raise ExchangeError(f"{root}: {what}; give the folder that holds them, at any depth")
    return found


def file_entries(paths: Sequence[str], suffix: str, passport: Passport | None) -> list[ClipEntry]:
    """Return an entry per file, named by its path without the suffix, with what a passport says of it."""
    entries = [ClipEntry(path.removesuffix(suffix), path) for path in paths]
    return [passport.identify(entry) for entry in entries] if passport else entries


def read_bytes(path: Path) -> tuple[bytes, str]:
    """Return a file's content and its sha256; ClipImportError if it is empty or cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ClipImportError(f"{path.name}: {error.strerror}") from error
    if not data:
        raise ClipImportError(f"{path.name} is empty (0 bytes); get it again from where it came from")
    return data, hashlib.sha256(data).hexdigest()


def unknown_dataset(name: str, class_names: Sequence[str] = ()) -> DatasetFacts:
    """Return the facts of a dataset of which only a name is known; nobody said that it may be passed on."""
    return DatasetFacts(
        name=name,
        title=name,
        class_names=tuple(class_names),
        protocols={},
        num_expected=None,
        terms=UNKNOWN_TERMS,
        may_share=False,
        homepage=None,
    )
