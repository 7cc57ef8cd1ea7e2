"""One writer at a time: the lock that a run holds on a store, and the folder beside it that has the lock."""

import fcntl
import os
import time
from pathlib import Path

from store.errors import StoreBusyError


def work_folder(root: Path) -> Path:
    """Return the folder beside a store for what is not part of it: spool, lock, logs."""
    root = root.resolve()  # a store that is reached through two links must have one lock
    return root.with_name(f"{root.name}.work")


def take_lock(root: Path) -> int:
    """Lock a store, whose work folder is there, for writing; return the descriptor for ``release_lock``.

    Raises:
        StoreBusyError: another run holds it.
    """
    descriptor = os.open(_lock_file(root), os.O_RDWR | os.O_CREAT, 0o666)
    for patience in (0.2, 0.0):
        try:
            # released by the kernel when the process ends, however it ends
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            time.sleep(patience)  # is_being_written() holds it for a moment
    os.close(descriptor)
    raise StoreBusyError(f"{root}: another run is writing this store; wait for it or give another STORE")


def release_lock(descriptor: int) -> None:
    """Give back what ``take_lock`` returned."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # forked children may hold copies of the descriptor
    os.close(descriptor)


def is_being_written(root: Path) -> bool:
    """Tell whether a run holds the store right now."""
    try:
        descriptor = os.open(_lock_file(root), os.O_RDONLY)
    except OSError:
        return False  # never written from here, or not ours to know
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_file(root: Path) -> Path:
    return work_folder(root) / "lock"
