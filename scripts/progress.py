"""How far something is: a bar on a terminal, a line now and then elsewhere; on stderr."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

logger = logging.getLogger(__name__)

_LINE_EVERY_SECONDS = 15.0
_Item = TypeVar("_Item")


def counted(items: Iterable[_Item], *, total: int, unit: str) -> Iterator[_Item]:
    """Yield ``items`` and show how many of ``total`` there were, and the time that is left."""
    begin = last = time.monotonic()
    is_terminal = sys.stderr.isatty()
    for number, item in enumerate(tqdm(items, total=total, unit=unit, disable=not is_terminal), start=1):
        yield item
        if not is_terminal and time.monotonic() - last > _LINE_EVERY_SECONDS:
            last = time.monotonic()
            left = tqdm.format_interval((total - number) * (last - begin) / number)
            logger.info("%d of %d %ss, %s left", number, total, unit, left)
