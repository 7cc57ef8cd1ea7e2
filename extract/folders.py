"""What lies below a folder, in the order in which people would list it."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath


def files_below(folder: Path, is_wanted: Callable[[str], bool]) -> list[PurePosixPath]:
    """Return the visible files at any depth, relative to ``folder``, in natural order; follow links.

    Args:
        folder: one that is not there has no files.
        is_wanted: file name -> whether it is one of those.
    """

    def walk(inner: PurePosixPath, above: frozenset[Path]) -> Iterator[PurePosixPath]:
        for child in visible(folder / inner):
            if not child.is_dir():
                if is_wanted(child.name):
                    yield inner / child.name
            elif (real := Path(child).resolve()) not in above:  # a link to a folder around it would never end
                yield from walk(inner / child.name, above | {real})

    return list(walk(PurePosixPath(), frozenset({folder.resolve()}))) if folder.is_dir() else []


def visible(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder but for names that begin with a dot, in natural order."""
    with os.scandir(folder) as children:  # tells files from folders without asking a slow disk for each
        found = [child for child in children if not child.name.startswith(".")]
    return sorted(found, key=lambda child: natural_key(child.name))


def natural_key(name: str) -> tuple[list[tuple[str, int]], str]:
    """Return a key that sorts clip2 before clip10, and "Wave" beside "wave"."""
    parts = re.findall(r"(\D*)(\d*)", name.casefold())
    return [(text, int(digits or -1)) for text, digits in parts], name
