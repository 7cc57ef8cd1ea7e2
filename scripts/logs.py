"""Logging of the commands: stderr for people, a file beside the store for later."""

import logging
import sys
from pathlib import Path

from tqdm import tqdm


class _AboveBar(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes above a progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def log_to(path: Path | None = None) -> None:
    """Send messages to stderr, and everything from INFO on with its time to ``path``."""
    above = _AboveBar()
    above.setFormatter(logging.Formatter("%(message)s"))
    handlers: list[logging.Handler] = [above]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        handlers.append(file)
    for handler in handlers:
        handler.setLevel(logging.INFO)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(logging.INFO)
