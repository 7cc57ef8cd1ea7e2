"""Logging of the commands: stderr for people, a file beside the store for later."""

import logging
import sys
import warnings
from pathlib import Path

from tqdm import tqdm


class _AboveBar(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes above a progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stderr)
        except OSError:  # nobody reads stderr any more; that must not end a run
            self.handleError(record)


def log_to_stderr() -> None:
    """Send messages from INFO on to stderr; tracebacks are for the log file."""
    above = _AboveBar()
    above.setFormatter(logging.Formatter("%(message)s"))
    above.addFilter(lambda record: record.exc_info is None)
    root = logging.getLogger()
    root.handlers[:] = [above]
    root.setLevel(logging.INFO)


def log_to_file(path: Path) -> None:
    """Append messages from INFO on, with their time and tracebacks, to a file too."""
    file = logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(file)


def quiet_lightning() -> None:
    """Leave out what Lightning says of itself; our own lines say what a training does."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # pytorch-lightning 2.6 with torch 2.14
    warnings.filterwarnings("ignore", ".isinstance.treespec, LeafSpec.. is deprecated", FutureWarning)
