"""Processes that end with this one, however it ends, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnProcess

# spawned, because libraries with threads do not survive a fork
_SPAWN = multiprocessing.get_context("spawn")


def start_pool(num_processes: int) -> ProcessPoolExecutor:
    """Return a pool of such processes."""
    return ProcessPoolExecutor(num_processes, _SPAWN, initializer=_begin)


def start_beside(work: Callable[..., None], *arguments: object) -> SpawnProcess:
    """Run ``work(*arguments)`` in such a process."""
    process = _SPAWN.Process(target=_run, args=(work, arguments), daemon=True)
    process.start()
    return process


def _run(work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    _begin()
    work(*arguments)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
