"""Calling the commands behind ``make`` in the tests' own process; logging and signals stay as they were."""

import logging
import signal
from collections.abc import Callable, Sequence


def call(main: Callable[[Sequence[str]], int], *words: object) -> int:
    """Run a command's ``main`` with these words; return its exit status."""
    root = logging.getLogger()
    before, level, handler = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    try:
        return main([str(word) for word in words])
    finally:
        for added in set(root.handlers) - set(before):
            added.close()
        root.handlers[:] = before
        root.setLevel(level)
        signal.signal(signal.SIGTERM, handler)
