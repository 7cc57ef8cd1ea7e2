"""How far a long run is: a bar on a terminal, a line now and then elsewhere; always on stderr."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from store.table import FAILED, ClipOutcome

logger = logging.getLogger(__name__)

_LINE_EVERY_SECONDS = 30.0


class Progress:
    """Counts clips, frames and failures; shows rates and the time that is left.

    Args:
        total: clips of the request.
        num_before: clips that earlier runs finished; they count as done, not for the rates.
    """

    def __init__(self, *, total: int, num_before: int) -> None:
        self._total = total
        self._num_before = num_before
        self._num_new = self._num_frames = self._num_failed = 0
        self._begin = self._last_line = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            initial=num_before,
            unit="clip",
            disable=not self._is_terminal,
            dynamic_ncols=True,
            smoothing=0.05,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, outcome: ClipOutcome) -> None:
        """Count a finished clip."""
        self._num_new += 1
        self._num_frames += outcome.num_frames or 0
        self._num_failed += outcome.status in FAILED
        frames_per_second = self._num_frames / (time.monotonic() - self._begin)
        self._bar.set_postfix_str(
            f"{frames_per_second:.0f} frames/s, {self._num_failed} failed", refresh=False
        )
        self._bar.update()
        if not self._is_terminal and time.monotonic() - self._last_line > _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            logger.info("%s", self._line(frames_per_second))

    def _line(self, frames_per_second: float) -> str:
        done = self._num_before + self._num_new
        rate = self._num_new / (time.monotonic() - self._begin)
        left = tqdm.format_interval((self._total - done) / rate)
        return (
            f"{done} of {self._total} clips, {rate:.2f} clips/s, {frames_per_second:.0f} frames/s, "
            f"{self._num_failed} failed, {left} left"
        )
