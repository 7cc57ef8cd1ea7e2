"""Who extracts: this process (in_process.py), or many, on one machine or several (cluster.py)."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from store.spool import Arrays
from store.table import ClipEntry, ClipOutcome

LOCAL = re.compile(r"local:([1-9]\d*)")
_ADDRESS = re.compile(r"(?!local:|here:)(\w+://)?[\w.:\[\]-]+:\d+")


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a clip.

    Args:
        id: of the clip.
        outcome: what was found, or why nothing was.
        arrays: of ``store/schema.py``, if the outcome has data.
        execution: of the process that extracted it (``extract/execution.py``).
    """

    id: str
    outcome: ClipOutcome
    arrays: Arrays
    execution: Mapping[str, object]


class Workers(Protocol):
    """Extracts clips; used in a ``with`` block.

    Args:
        execution: of the process that is asked first; clips bring their own.
    """

    execution: Mapping[str, object]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def seconds_per_stage(self) -> Mapping[str, float]:
        """Where the time went, all workers together."""
        ...

    def run(
        self, entries: Iterable[ClipEntry], should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Finished]:
        """Extract clips.

        Args:
            entries: drawn when there is room for one more.
            should_stop: asked before a clip is begun; clips under way are finished.

        Yields:
            The clips in the order in which they end. Those that cannot be extracted have an outcome, too.
        """
        ...


def check_scheduler(scheduler: str) -> str:
    """Return SCHEDULER if it is one.

    Raises:
        ValueError: it is none of ``here``, ``local:N`` and an address.
    """
    if scheduler != "here" and not LOCAL.fullmatch(scheduler) and not _ADDRESS.fullmatch(scheduler):
        raise ValueError(
            f"{scheduler}: expected here, local:N for N processes on this machine, or the address of a dask "
            "scheduler such as tcp://10.0.0.5:8786"
        )
    return scheduler
