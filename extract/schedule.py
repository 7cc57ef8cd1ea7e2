"""Batches of a fixed shape across clips: several clips wait for the networks and share their batches.

A clip is a generator that yields what it asks of a network and is resumed with the answers
(``extract/pipeline.py``). Full batches run as soon as there are rows for them, whichever clips they come
from; only when nothing else can be done is a batch padded. A row's answer does not depend on its neighbours,
so neither does a clip's result.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from extract.errors import VideoError

NetworkName = Literal["detect", "pose"]
Row = npt.NDArray[np.uint8]


@dataclass(slots=True, eq=False)
class Ask:
    """Rows for a network, made one by one as they are there, and the answers as they come.

    Args:
        network: who is asked. None: nobody, and there are no answers; the clip itself takes the rows in as it
            makes them, and other clips go on meanwhile.
        rows: what it is asked.
        is_ready: whether the next row, or the end, is there; where it is not, making it waits for a decoder.
    """

    network: NetworkName | None
    rows: Iterator[Row | None]
    is_ready: Callable[[], bool] = lambda: True
    answers: list[Any] = field(default_factory=list)
    num_waiting: int = 0
    is_exhausted: bool = False
    error: VideoError | None = None  # that ended the rows

    @property
    def is_answered(self) -> bool:
        return self.error is not None or (self.is_exhausted and self.num_waiting == 0)


Stages = Generator[Ask, list[Any], Any]


@dataclass(frozen=True, slots=True)
class Network:
    """A network that answers row by row: ``run`` takes exactly ``batch_size`` rows of one shape."""

    batch_size: int
    run: Callable[[Sequence[Row]], Sequence[Any]]


@dataclass(slots=True, eq=False)
class _Task:
    key: str
    stages: Stages
    ask: Ask | None = None


class Scheduler:
    """Runs clips against shared networks.

    Args:
        networks: by name.
        max_active: clips under way at once; more fill batches better and keep more frames in memory.
        news: set by others when a row that was not ready is there, or a clip where there was none; None where
            everything is there from the beginning.
        should_stop: asked before a clip is begun; clips under way are finished.
    """

    def __init__(
        self,
        networks: dict[NetworkName, Network],
        *,
        max_active: int,
        news: threading.Event | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._networks = networks
        self._max_active = max_active
        self._news = news
        self._should_stop = should_stop
        self._waiting: dict[tuple[NetworkName, tuple[int, ...]], list[tuple[Ask, int, Row]]] = {}

    def run(self, clips: Iterable[tuple[str, Callable[[], Stages]] | None]) -> Iterator[tuple[str, Any]]:
        """Run clips to their end.

        Args:
            clips: key and how to begin; drawn when there is room for one more. None: there is none at the
                moment.

        Yields:
            Key and result, or key and the ``VideoError`` that ended the clip, in the order of their ends.
        """
        upcoming = iter(clips)
        is_over = False
        active: list[_Task] = []
        while True:
            if self._news is not None:
                self._news.clear()  # before looking, so that what comes meanwhile is not missed
            for task in list(active):
                while task.ask is None or task.ask.is_answered:
                    ended, result = self._resume(task)
                    if ended:
                        active.remove(task)
                        yield task.key, result
                        break
            # poses before detections: they end clips, and ended clips free their frames
            if any(self._pull(active, network) for network in (None, "pose", "detect")):
                continue
            if not is_over and len(active) < self._max_active:
                try:
                    begun = None if self._should_stop() else next(upcoming)
                except StopIteration:
                    is_over = True
                    continue
                if begun is not None:
                    active.append(_Task(begun[0], begun[1]()))
                    continue
            if not active and (is_over or self._should_stop()):
                return
            # a batch is padded only if no decoder will ever fill it
            if not active or any(task.ask is not None and not task.ask.is_exhausted for task in active):
                assert self._news is not None, "something is not ready, and nobody would say when it is"
                self._news.wait()
            else:
                self._pad_oldest(active)

    def _resume(self, task: _Task) -> tuple[bool, Any]:
        """Answer a clip's last ask; return whether it ended, and with what."""
        try:
            if task.ask is None:
                task.ask = next(task.stages)
            elif task.ask.error is not None:
                task.ask = task.stages.throw(task.ask.error)  # it may begin anew
            else:
                task.ask = task.stages.send(task.ask.answers)
        except StopIteration as end:
            return True, end.value
        except VideoError as error:
            return True, error
        return False, None

    def _pull(self, active: Sequence[_Task], network: NetworkName | None) -> bool:
        """Take one row, of the oldest clip that has one, and run the batch if it is full."""
        asks = (task.ask for task in active if task.ask is not None and task.ask.network == network)
        ask = next((ask for ask in asks if not ask.is_exhausted and ask.is_ready()), None)
        if ask is None:
            return False
        try:
            row = next(ask.rows)
        except StopIteration:
            ask.is_exhausted = True
            return True
        except VideoError as error:
            self._end(ask, error)
            return True
        if network is None or row is None:
            return True
        waiting = self._waiting.setdefault((network, row.shape), [])
        waiting.append((ask, len(ask.answers), row))
        ask.answers.append(None)
        ask.num_waiting += 1
        if len(waiting) == self._networks[network].batch_size:
            self._run_batch(network, row.shape)
        return True

    def _end(self, ask: Ask, error: VideoError) -> None:
        """Note that an ask's rows ended in an error, and forget those that wait."""
        ask.error, ask.is_exhausted = error, True
        for key, waiting in self._waiting.items():
            self._waiting[key] = [entry for entry in waiting if entry[0] is not ask]

    def _pad_oldest(self, active: Sequence[_Task]) -> None:
        """Run the batch that the oldest clip waits for, though it is not full."""
        for task in active:
            for (network, shape), waiting in self._waiting.items():
                if any(ask is task.ask for ask, _, _ in waiting):
                    self._run_batch(network, shape)
                    return
        raise AssertionError("clips are active, but none has rows or waits for a batch")

    def _run_batch(self, network: NetworkName, shape: tuple[int, ...]) -> None:
        waiting = self._waiting.pop((network, shape))
        size = self._networks[network].batch_size
        rows = [row for _, _, row in waiting]
        rows += [np.zeros(shape, np.uint8)] * (size - len(rows))
        answers = self._networks[network].run(rows)
        for (ask, place, _), answer in zip(waiting, answers, strict=False):
            ask.answers[place] = answer
            ask.num_waiting -= 1
