"""The long run: clips into a store; resumes, counts, records failures, stops at clips' borders."""

import json
import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from extract.decode import DecodedVideo, DecodePool
from extract.errors import VideoError
from extract.pipeline import ExtractedClip, Extractor
from extract.progress import Progress
from extract.schedule import Scheduler, Stages
from store.errors import ClipDataError
from store.schema import UNIT_CLIPS
from store.spool import SpooledClip
from store.table import NOT_RIGHT, ClipEntry, ClipOutcome, Status
from store.writer import StoreWriter

logger = logging.getLogger(__name__)

_CLIPS_AHEAD = 2  # decoded before the networks want them
# Finished clips that may wait for the disk; beyond it the networks wait, so that memory stays bounded.
_WRITES_BEHIND = 4


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Args:
        statuses: clips of the request by status, those of earlier runs included.
        num_new: clips that this run finished.
        num_frames: frames of those clips.
        seconds: wall clock.
        was_stopped: by a signal, before all clips were done.
    """

    statuses: Counter[Status]
    num_new: int
    num_frames: int
    seconds: float
    was_stopped: bool

    @property
    def num_bad(self) -> int:
        """Clips that failed or are short."""
        return sum(self.statuses[status] for status in NOT_RIGHT)

    def line(self) -> str:
        """Return the run in one line."""
        parts = ", ".join(f"{count} {status}" for status, count in self.statuses.most_common())
        rate = f"{self.num_new / self.seconds:.2f} clips/s, {self.num_frames / self.seconds:.0f} frames/s"
        stopped = "stopped: " if self.was_stopped else ""
        return (
            f"{stopped}{self.statuses.total()} clips: {parts or 'none'}; "
            f"{self.num_new} new with {self.num_frames} frames in {self.seconds:.1f} s ({rate})"
        )


def run_extraction(
    entries: Sequence[ClipEntry],
    *,
    videos: Path,
    extractor: Extractor,
    writer: StoreWriter,
    num_decoders: int,
    decode_limit_seconds: float,
    retry_failed: bool,
) -> RunSummary:
    """Extract the clips that the store still lacks.

    Args:
        entries: the clips of this request, in the dataset's order.
        videos: the folder that their paths are relative to.
        extractor: the parts of the pipeline.
        writer: of the store.
        num_decoders: decoding processes; so many clips are under way at once.
        decode_limit_seconds: a decoder that is silent for so long is killed.
        retry_failed: also the clips that failed or were short before.
    """
    if retry_failed:
        writer.forget_failures(entry.id for entry in entries)
    todo = [entry for entry in entries if writer.outcome(entry.id).status == "pending"]
    num_before = len(entries) - len(todo)
    logger.info("%d clips: %d to do, %d done before", len(entries), len(todo), num_before)
    begin = time.monotonic()
    num_new = num_frames = 0
    with (
        _stop_on_signals() as stop,
        DecodePool(
            num_workers=num_decoders, limit_seconds=decode_limit_seconds, plan=extractor.frames_wanted
        ) as pool,
        Progress(total=len(entries), num_before=num_before) as progress,
        _Packing(writer, order=[entry.id for entry in entries]) as packing,
    ):
        scheduler = Scheduler(extractor.networks(), max_active=num_decoders, should_stop=stop.is_set)
        for clip_id, result in scheduler.run(_begin_clips(todo, videos, pool, extractor)):
            if isinstance(result, VideoError):
                logger.warning("%s: %s: %s", clip_id, result.status, result)
                _check_still_there(videos)
                # the folder is this machine's business, not the store's
                reason = str(result).replace(f"{videos}{os.sep}", "")
                result = ExtractedClip(ClipOutcome(result.status, reason), {})
            packing.put(SpooledClip(clip_id, result.outcome, result.arrays))
            num_new += 1
            num_frames += result.outcome.num_frames or 0
            progress.advance(result.outcome)
        was_stopped = num_new < len(todo)
        packing.finish(last=not was_stopped)
    statuses = Counter(writer.outcome(entry.id).status for entry in entries)
    summary = RunSummary(statuses, num_new, num_frames, time.monotonic() - begin, was_stopped)
    _log_timings(writer, extractor, summary)
    return summary


def _begin_clips(
    todo: Sequence[ClipEntry], videos: Path, pool: DecodePool, extractor: Extractor
) -> Iterator[tuple[str, Callable[[], Stages]]]:
    """Yield the clips, with the next ones' decoding under way already."""
    ahead: deque[tuple[ClipEntry, DecodedVideo]] = deque()
    remaining = iter(todo)
    while True:
        while len(ahead) <= _CLIPS_AHEAD and (entry := next(remaining, None)) is not None:
            ahead.append((entry, pool.submit(videos / entry.path, interval=entry.interval)))
        if not ahead:
            return
        entry, video = ahead.popleft()
        yield entry.id, partial(extractor.stages, entry, _Opening(video, pool))


class _Opening:
    """Opens a clip's video: the first time it is the one that was begun ahead."""

    def __init__(self, begun: DecodedVideo, pool: DecodePool) -> None:
        self._path, self._interval = begun.path, begun.interval
        self._begun: DecodedVideo | None = begun
        self._pool = pool

    def __call__(self, count_by_decoding: bool) -> DecodedVideo:
        begun, self._begun = self._begun, None
        if begun is not None and not count_by_decoding:
            return begun
        return self._pool.submit(self._path, again=True, use_pyav=count_by_decoding, interval=self._interval)


class _Packing:
    """Writing that runs behind, in one thread, so that a store has one writer."""

    def __init__(self, writer: StoreWriter, order: Sequence[str]) -> None:
        self._writer = writer
        self._order = order
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)

    def put(self, clip: SpooledClip) -> None:
        """Hand a finished clip over; waits while too many are on their way to the disk."""
        while len(self._pending) >= _WRITES_BEHIND:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._write, clip))

    def finish(self, *, last: bool) -> None:
        """Wait for everything, then pack what is left if the run is over."""
        while self._pending:
            self._pending.popleft().result()
        self._thread.submit(self._writer.pack, self._order, last=last).result()

    def _write(self, clip: SpooledClip) -> None:
        try:
            self._writer.put(clip)
        except ClipDataError as error:
            logger.warning("%s: error: %s", clip.id, error)
            self._writer.put(SpooledClip(clip.id, ClipOutcome("error", str(error)), {}))
        # on a clock a unit cannot be full before
        if self._writer.facts.layout.is_native or len(self._writer.spool) >= UNIT_CLIPS:
            self._writer.pack(self._order, last=False)


def _check_still_there(videos: Path) -> None:
    """Tell a broken video from a disk that went away: that is no fault of the clips."""
    if not videos.is_dir():
        raise FileNotFoundError(f"{videos}: the folder of the videos is gone; mount it and run again")


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a wish to stop; the second one ends the program as usual."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        logger.warning(
            "%s: finishing the clips under way, then stopping; once more stops at once and loses them",
            signal.Signals(number).name,
        )

    previous = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _log_timings(writer: StoreWriter, extractor: Extractor, summary: RunSummary) -> None:
    """Note where the time went, beside the store: no two runs take equally long."""
    stages = {name: round(seconds, 3) for name, seconds in sorted(extractor.stopwatch.seconds.items())}
    line = {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "clips": summary.num_new,
        "frames": summary.num_frames,
        "seconds": round(summary.seconds, 3),
        "seconds_per_stage": stages,
    }
    with (writer.work / "timings.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    logger.info(
        "seconds per stage: %s", ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items())
    )
