"""One worker: networks that are loaded once; in a cluster the clips come from any thread."""

import pickle
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import torch

from extract.execution import choose_device, describe_execution
from extract.in_process import InProcess
from extract.pipeline import Extractor
from extract.workers import Finished
from store.facts import StoreFacts
from store.table import ClipEntry


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to begin; it is pickled, so its paths are those that all machines see.

    Args:
        build: device -> the parts, networks loaded.
        describe: what the store will say of them.
        videos: the folder that the clips' paths are relative to.
        device: "cpu", "cuda:0", … or "auto".
        threads: CPU threads of the networks; None: as many as the worker was given.
        detect_batch, pose_batch: rows per call.
        num_decoders, decode_limit_seconds: see ``InProcess``.
    """

    build: Callable[[str], Extractor]
    describe: Callable[[Extractor], StoreFacts]
    videos: Path
    device: str
    threads: int | None
    detect_batch: int
    pose_batch: int
    num_decoders: int
    decode_limit_seconds: float


def load(job: Job, device: str) -> tuple[InProcess, StoreFacts]:
    """Load the networks; return who extracts with them, and what the store will say of them.

    Raises:
        ValueError: there is no such device, or another setting is wrong.
        OSError: a file is not there.
    """
    device = choose_device(device)
    extractor = job.build(device)
    execution = describe_execution(device=device, detect_batch=job.detect_batch, pose_batch=job.pose_batch)
    workers = InProcess(
        extractor,
        videos=job.videos,
        execution=execution,
        num_decoders=job.num_decoders,
        decode_limit_seconds=job.decode_limit_seconds,
    )
    return workers, job.describe(extractor)


class ClipWorker:
    """Extracts clips for many callers at once, so that they share batches.

    Args:
        job: what to load.
        place: of this worker among those of the machine; "auto" deals its GPUs out by it.
        threads: what it was given.

    Raises:
        Whatever ``load`` raises.
    """

    def __init__(self, job: Job, *, place: int, threads: int) -> None:
        torch.set_num_threads(job.threads or threads)
        num_gpus = torch.cuda.device_count()
        is_dealt = job.device == "auto" and num_gpus
        self._workers, self.facts = load(job, f"cuda:{place % num_gpus}" if is_dealt else job.device)
        self.execution = self._workers.execution
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[Finished]] = {}
        self._entries: queue.SimpleQueue[ClipEntry | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="networks", daemon=True)
        self._thread.start()

    @property
    def is_broken(self) -> bool:
        """Whether it raised an error that is no clip's fault, and takes no more clips."""
        return self._error is not None

    @property
    def seconds_per_stage(self) -> Mapping[str, float]:
        """Where the time went."""
        return dict(self._workers.seconds_per_stage)

    def extract(self, entry: ClipEntry) -> Finished:
        """Extract a clip; waits for it.

        Raises:
            FileNotFoundError: the folder of the videos is gone.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            # a run that was killed may have asked for the same clip just before
            future = self._waiting.get(entry.id)
            if future is None:
                future = self._waiting[entry.id] = Future()
                self._entries.put(entry)
        self._workers.wake()
        return future.result()

    def close(self) -> None:
        """End the thread and its decoders, after the clips under way."""
        self._entries.put(None)
        self._workers.wake()
        self._thread.join()

    def _serve(self) -> None:
        try:
            with self._workers as workers:
                for clip in workers.run(self._arriving()):
                    with self._lock:
                        self._waiting.pop(clip.id).set_result(clip)
        except BaseException as error:  # whoever waits for a clip would wait for ever
            with self._lock:
                self._error = error
                for future in self._waiting.values():
                    future.set_exception(error)

    def _arriving(self) -> Iterator[ClipEntry | None]:
        while True:
            try:
                entry = self._entries.get_nowait()
            except queue.Empty:
                yield None
            else:
                if entry is None:
                    return
                yield entry


_lock = threading.Lock()
_current: tuple[bytes, ClipWorker] | None = None


def clip_worker(job: bytes, *, place: int, threads: int) -> ClipWorker:
    """Return this process's worker for a pickled ``Job``: made once, and anew for another job."""
    global _current
    with _lock:
        if _current is not None and (_current[0] != job or _current[1].is_broken):
            _current[1].close()
            _current = None
        if _current is None:
            _current = job, ClipWorker(pickle.loads(job), place=place, threads=threads)
        return _current[1]


def seconds_of(job: bytes) -> Mapping[str, float]:
    """Return where this process's time for a pickled ``Job`` went; nothing if it has not loaded it."""
    return _current[1].seconds_per_stage if _current is not None and _current[0] == job else {}
