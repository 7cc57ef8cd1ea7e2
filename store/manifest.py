"""``manifest.json``: every file of a store with its size and digest; what ``make verify`` compares."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from store import durable
from store.errors import StoreNotFoundError
from store.facts import digest_of, pretty

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Size in bytes and sha256 of one file."""

    num_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a store: the file, relative to it, and what is the matter."""

    path: str
    what: str


def describe(data: bytes) -> FileFacts:
    """Return the facts of a file with this content."""
    return FileFacts(len(data), hashlib.sha256(data).hexdigest())


def render_manifest(files: Mapping[str, FileFacts]) -> bytes:
    """Return the content of ``manifest.json``; its own digest tells damage to it from damage to others."""
    listing = {path: [facts.num_bytes, facts.sha256] for path, facts in sorted(files.items())}
    return pretty({"files": listing, "files_sha256": digest_of(listing)})


def parse_manifest(data: bytes) -> dict[str, FileFacts]:
    """Read ``manifest.json``.

    Raises:
        ValueError: it is damaged.
    """
    try:
        listing = json.loads(data)["files"]
        files = {path: FileFacts(num_bytes, sha256) for path, (num_bytes, sha256) in listing.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot be read: {error!r}") from error
    if render_manifest(files) != data:
        raise ValueError("its content does not have the digest that it names")
    return files


def verify_store(root: Path, track: Callable[[Sequence[str]], Iterable[str]] = iter) -> Iterator[Problem]:
    """Compare every file below ``root`` with the manifest; yield what is wrong, if anything.

    Args:
        root: the store's folder.
        track: wraps the list of expected files that is walked, for a progress bar.

    Raises:
        StoreNotFoundError: there is no such folder.
    """
    if not root.is_dir():
        raise StoreNotFoundError(f"{root}: no such folder; give the STORE that `make extract` wrote")
    path = root / MANIFEST
    if not path.is_file():
        yield Problem(MANIFEST, "is missing: nothing can be checked without it")
        return
    try:
        expected = parse_manifest(path.read_bytes())
    except ValueError as error:
        yield Problem(MANIFEST, f"is damaged: {error}")
        return
    found = {file.relative_to(root).as_posix() for file in root.rglob("*") if not file.is_dir()}
    for name in sorted(found - set(expected) - {MANIFEST}):
        yield Problem(name, _extra(name))
    for name in track(sorted(expected)):
        facts = expected[name]
        if name not in found:
            yield Problem(name, "is missing")
            continue
        try:
            num_bytes, sha256 = _measure(root / name)
        except OSError as error:
            yield Problem(name, f"cannot be read: {error.strerror}")
            continue
        if num_bytes != facts.num_bytes:
            yield Problem(name, f"has {num_bytes} bytes, expected {facts.num_bytes}")
        elif sha256 != facts.sha256:
            yield Problem(name, f"is damaged: sha256 {sha256[:12]}…, expected {facts.sha256[:12]}…")


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256


def _extra(name: str) -> str:
    if name.endswith(durable.TEMPORARY_SUFFIX):
        return "is left of an interrupted write; the next `make extract` on this store removes it"
    if name.startswith(("shards/", "features.zarr/")):
        return "is not in the manifest: of an interrupted run (`make extract` continues it), or foreign"
    return "does not belong to the store"
