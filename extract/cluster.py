"""Clips to the workers of a cluster, on this machine or many; the only file that imports dask.

Clips go to workers by name (dispatch.py): dask's own way of trying again would blame all clips that a dying
worker had, not the one that killed it.
"""

import logging
import os
import pickle
import queue
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from types import TracebackType
from typing import Self

import dask
from distributed import Client, Future, LocalCluster, get_worker, secede
from distributed.scheduler import KilledWorker

from extract.dispatch import MOST_DEATHS, Dispatch
from extract.errors import WorkersError
from extract.in_process import CLIPS_AHEAD
from extract.worker import ClipWorker, Job, clip_worker, seconds_of
from extract.workers import LOCAL, Finished
from store.facts import StoreFacts, differences
from store.table import ClipEntry, ClipOutcome

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5  # between two looks at which workers are there
_SAY_EVERY_SECONDS = 30.0
_CONNECT_SECONDS = 30.0
_THEIR_LOGGERS = ("distributed", "bokeh", "tornado")
_START_ATTEMPTS = 3


class Cluster:
    """Workers of dask.distributed. Use it in a ``with`` block.

    Args:
        scheduler: ``local:N``, or the address of a scheduler that runs.
        job: what each worker loads, once.

    Raises:
        WorkersError: on entering; no scheduler answers there, or it has no workers, or they lack our code.
    """

    def __init__(self, scheduler: str, job: Job) -> None:
        self._scheduler = scheduler
        self._job = pickle.dumps(job)
        self._most_clips = job.num_decoders + CLIPS_AHEAD + 1
        self._threads = job.threads
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for name in _THEIR_LOGGERS:  # what dask does all day long; what goes wrong is said by us
            logging.getLogger(name).setLevel(logging.ERROR)
        with ExitStack() as stack:
            self._client = self._connect(stack)
            try:
                self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
            except TimeoutError as error:
                raise WorkersError(
                    f"SCHEDULER={self._scheduler}: it has no workers; start some with `PYTHONPATH=. "
                    ".venv/bin/dask worker ADDRESS`, in a copy of this folder with the same paths"
                ) from error
            self._check_code()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def seconds_per_stage(self) -> Mapping[str, float]:
        """Where the time went, all workers together."""
        total: Counter[str] = Counter()
        for seconds in self._client.run(seconds_of, self._job, on_error="ignore").values():
            total.update(seconds)
        return total

    def describe(self) -> StoreFacts:
        """Let a worker load the networks; return what the store will say of them.

        Raises:
            WorkersError: workers die of it.
            Whatever else loading them raises.
        """
        future = self._client.submit(_describe, self._job, pure=False)
        try:
            described: tuple[StoreFacts, Mapping[str, object]] = future.result()
        except KilledWorker as error:
            raise WorkersError(
                f"SCHEDULER={self._scheduler}: workers die while they load the networks; look at their logs"
            ) from error
        self._facts, self.execution = described
        return self._facts

    def run(
        self, entries: Iterable[ClipEntry], should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Finished]:
        """Extract clips, see ``Workers``; after ``describe``.

        A clip that killed its worker three times has the status "error".

        Raises:
            WorkersError: workers die whatever they are given, or the scheduler is gone.
            Whatever is no clip's fault, such as videos that are gone.
        """
        dispatch = Dispatch(entries, most_clips=self._most_clips)
        under_way: dict[str, tuple[str, Future]] = {}
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        patience = _Patience()
        dead: set[str] = set()  # whose end a clip told of; one that is started anew may have the same address
        while not dispatch.is_over:
            workers = set(self._client.nthreads())
            patience.check(self._scheduler, len(workers))
            for worker in (dispatch.workers - workers) | (dead & dispatch.workers):
                lost = [clip_id for clip_id, (place, _) in under_way.items() if place == worker]
                logger.warning(
                    "worker %s died with %s under way; they are tried alone", worker, ", ".join(lost)
                )
                for clip_id in lost:
                    under_way.pop(clip_id)[1].cancel()
                yield from map(self._left_out, dispatch.bury(worker))
            dead.clear()
            if dispatch.deaths_in_a_row > MOST_DEATHS * (len(workers) + 1):
                raise WorkersError(
                    f"SCHEDULER={self._scheduler}: {dispatch.deaths_in_a_row} workers died in a row and no "
                    "clip was finished; look at their logs (memory?), or extract with SCHEDULER=here"
                )
            if should_stop() and not under_way:
                return
            for worker in () if should_stop() else sorted(workers):
                while (entry := dispatch.take(worker)) is not None:
                    under_way[entry.id] = worker, self._submit(entry, worker, ended)
            try:
                clip_id = ended.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            worker, future = under_way.get(clip_id, ("", None))
            if future is None or not future.done():
                continue  # of an earlier attempt
            clip = self._result(worker, future)
            if clip is None:
                dead.add(worker)
                continue
            del under_way[clip_id]
            dispatch.finish(worker, clip_id)
            yield clip

    def _check_code(self) -> None:
        """Refuse a cluster that does not find our code: its workers would be silent for ever."""
        places = {"the scheduler": self._client.run_on_scheduler(find_spec, "extract")}
        places |= {
            f"the worker {place}": found for place, found in self._client.run(find_spec, "extract").items()
        }
        if lacking := [place for place, found in places.items() if found is None]:
            raise WorkersError(
                f"SCHEDULER={self._scheduler}: {', '.join(lacking)} cannot import our code; start all in a "
                "copy of this folder, with the same environment: `PYTHONPATH=. .venv/bin/dask scheduler` and "
                "`PYTHONPATH=. .venv/bin/dask worker ADDRESS`"
            )

    def _connect(self, stack: ExitStack) -> Client:
        local = LOCAL.fullmatch(self._scheduler)
        if local is None:
            try:
                return stack.enter_context(Client(self._scheduler, timeout=_CONNECT_SECONDS))
            except (OSError, TimeoutError) as error:
                raise WorkersError(
                    f"SCHEDULER={self._scheduler}: no dask scheduler answers there ({error}); start one with "
                    "`dask scheduler` (see the README), or use local:N"
                ) from error
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="heatpool-dask-"))
        stack.enter_context(dask.config.set({"temporary-directory": folder}))
        cluster = stack.enter_context(self._start_local(int(local[1])))
        return stack.enter_context(Client(cluster))

    def _start_local(self, num_workers: int) -> LocalCluster:
        for attempt in range(1, _START_ATTEMPTS + 1):
            logger.info("starting %d processes", num_workers)
            try:
                return LocalCluster(
                    n_workers=num_workers,
                    threads_per_worker=self._threads or max(1, (os.cpu_count() or 1) // num_workers),
                    processes=True,
                    host="127.0.0.1",
                    # any free port: without an address it takes 8787, which another run may have
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                    memory_limit=None,  # ours is bounded; theirs would kill workers that share pages
                    silence_logs=logging.ERROR,
                    # not a plugin, as to send one to a worker that dies just then is an error
                    preload="extract.deaf_worker",
                )
            except RuntimeError as error:  # one of them died before it was there; dask then ends the others
                if attempt == _START_ATTEMPTS:
                    raise WorkersError(
                        f"SCHEDULER={self._scheduler}: processes die while they start ({error}); memory? "
                        "Take fewer, or extract with SCHEDULER=here"
                    ) from error
                logger.warning("a process died while it started; starting all anew")
        raise AssertionError

    def _submit(self, entry: ClipEntry, worker: str, ended: "queue.SimpleQueue[str]") -> Future:
        future = self._client.submit(
            _extract,
            self._job,
            entry,
            self._facts.meaning,
            pure=False,
            workers=[worker],
            allow_other_workers=False,
        )
        future.add_done_callback(lambda _: ended.put(entry.id))
        return future

    def _result(self, worker: str, future: Future) -> Finished | None:
        """Fetch a clip; None if the worker died with it."""
        while True:
            try:
                clip: Finished = future.result(timeout=_POLL_SECONDS)
            except TimeoutError:  # it lies on the worker until we have it
                if worker not in self._client.nthreads():
                    return None
            except KilledWorker:
                return None
            except Exception as error:
                if future.cancelled():
                    raise WorkersError(
                        f"SCHEDULER={self._scheduler}: the scheduler forgot our clips; was it started anew? "
                        "The same command goes on from the last finished clip"
                    ) from error
                error.add_note(f"on the worker {worker}")
                raise
            else:
                return clip

    def _left_out(self, entry: ClipEntry) -> Finished:
        reason = (
            f"{entry.path}: {MOST_DEATHS} workers died while they had it, the last {MOST_DEATHS - 1} with "
            "nothing else; extract it with SCHEDULER=here and --ids to see why"
        )
        return Finished(entry.id, ClipOutcome("error", reason), {}, self.execution)


class _Patience:
    """Says now and then that there is nobody to work."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def check(self, scheduler: str, num_workers: int) -> None:
        if num_workers:
            self._last = time.monotonic()
        elif time.monotonic() - self._last > _SAY_EVERY_SECONDS:
            self._last = time.monotonic()
            logger.warning("%s has no workers; waiting for some", scheduler)


# what runs on the workers


def _worker(job: bytes) -> ClipWorker:
    worker = get_worker()
    place = worker.name if isinstance(worker.name, int) else 0
    return clip_worker(job, place=place, threads=worker.state.nthreads)


def _describe(job: bytes) -> tuple[StoreFacts, Mapping[str, object]]:
    worker = _worker(job)
    return worker.facts, worker.execution


def _extract(job: bytes, entry: ClipEntry, meaning: Mapping[str, object]) -> Finished:
    secede()  # several clips at once share batches, however many threads the worker has
    worker = _worker(job)
    if unlike := differences(worker.facts.meaning, meaning):
        raise ValueError(
            f"this worker would extract with another {', '.join(unlike)} than the others; "
            "give all machines the same code and the same files"
        )
    return worker.extract(entry)
