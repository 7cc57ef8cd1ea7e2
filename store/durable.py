"""The only code that writes files of stores and exports: what was reported written survives a power cut.

Every write goes to a temporary name, is synced, renamed, and its folder synced. So a file is there whole or
not at all, and a later file (a shard's record) is never on disk without the earlier ones that it speaks of.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from store.errors import StoreDiskError

TEMPORARY_SUFFIX = ".partial"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_file(path: Path, data: bytes | memoryview) -> None:
    """Write ``data`` to ``path`` whole or not at all, replacing what was there; return once it is on disk.

    Raises:
        StoreDiskError: the disk is full.
        OSError: anything else that is wrong with the disk.
    """
    write_by(path, lambda file: file.write(data))


def write_by(path: Path, write: "Callable[[Unbuffered], object]") -> None:
    """Do the same with what ``write`` writes, piece by piece; raise what it raises."""
    partial = path.with_name(path.name + TEMPORARY_SUFFIX)
    with _names(path):
        try:
            _write(partial, write)
            os.replace(partial, path)  # noqa: PTH105 - the tests of power cuts record the functions of os
        except BaseException:
            with contextlib.suppress(OSError):
                remove_file(partial)  # it may be what fills the disk
            raise
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make ``path`` and its missing parents, each entry synced."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with _names(path):
        os.mkdir(path)  # noqa: PTH102
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove ``path``. Not synced: a power cut may bring it back, until somebody syncs its folder."""
    os.unlink(path)  # noqa: PTH108


def sync_folder(path: Path) -> None:
    """Put a folder's entries (new, renamed and removed names) on disk."""
    with _names(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # some network file systems have no such thing
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)


class Unbuffered:
    """A file that is being written, as much of one as ``pickle.dump`` needs."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _write(path: Path, write: Callable[[Unbuffered], object]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)  # less the user's umask
    try:
        write(Unbuffered(descriptor))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _names(path: Path) -> Iterator[None]:
    """Give errors the file's name, which those of writing and syncing lack, and advice if there is some."""
    try:
        yield
    except OSError as error:
        named = OSError(error.errno, error.strerror, str(path))
        if error.errno in _FULL:
            raise StoreDiskError(f"{named}; make room and run the same command again") from named
        raise named from error
