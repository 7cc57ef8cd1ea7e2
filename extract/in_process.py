"""Clips through the networks of this process: decoding runs ahead, batches are shared across clips."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from extract.decode import DecodedVideo, DecodePool
from extract.errors import VideoError
from extract.pipeline import ExtractedClip, Extractor
from extract.schedule import Scheduler, Stages
from extract.workers import Finished
from store.table import ClipEntry, ClipOutcome

CLIPS_AHEAD = 2  # decoded before the networks want them


class InProcess:
    """Extracts clips here. Use it in a ``with`` block.

    Args:
        extractor: the parts of the pipeline.
        videos: the folder that the clips' paths are relative to.
        execution: of this process; goes with every clip.
        num_decoders: decoding processes; so many clips are under way at once.
        decode_limit_seconds: a decoder that is silent for so long is killed.
    """

    def __init__(
        self,
        extractor: Extractor,
        *,
        videos: Path,
        execution: Mapping[str, object],
        num_decoders: int,
        decode_limit_seconds: float,
    ) -> None:
        self._extractor = extractor
        self._videos = videos
        self.execution = execution
        self._pool = DecodePool(
            num_workers=num_decoders, limit_seconds=decode_limit_seconds, plan=extractor.frames_wanted
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def wake(self) -> None:
        """Tell ``run`` that there is a clip where there was none; from any thread."""
        self._pool.news.set()

    @property
    def seconds_per_stage(self) -> Mapping[str, float]:
        """Where the time went."""
        return self._extractor.stopwatch.seconds

    def run(
        self, entries: Iterable[ClipEntry | None], should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Finished]:
        """Extract clips.

        Args:
            entries: drawn when there is room for one more; None: there is none at the moment.
            should_stop: asked before a clip is begun; clips under way are finished.

        Yields:
            The clips in the order in which they end. Those that cannot be extracted have an outcome, too.

        Raises:
            FileNotFoundError: the folder of the videos is gone.
        """
        scheduler = Scheduler(
            self._extractor.networks(),
            max_active=self._pool.num_workers,
            news=self._pool.news,
            should_stop=should_stop,
        )
        for clip_id, result in scheduler.run(self._begin(entries)):
            clip = self._failed(result) if isinstance(result, VideoError) else result
            yield Finished(clip_id, clip.outcome, clip.arrays, self.execution)

    def _begin(
        self, entries: Iterable[ClipEntry | None]
    ) -> Iterator[tuple[str, Callable[[], Stages]] | None]:
        """Yield the clips, with the next ones' decoding under way already."""
        ahead: deque[tuple[ClipEntry, DecodedVideo]] = deque()
        remaining = iter(entries)
        is_over = False
        while ahead or not is_over:
            while not is_over and len(ahead) <= CLIPS_AHEAD:
                try:
                    entry = next(remaining)
                except StopIteration:
                    is_over = True
                    break
                if entry is None:
                    break
                ahead.append((entry, self._pool.submit(self._videos / entry.path, interval=entry.interval)))
            if ahead:
                entry, video = ahead.popleft()
                opening = _Opening(video, self._pool)
                yield entry.id, partial(self._extractor.stages, entry, opening)
            elif not is_over:
                yield None

    def _failed(self, error: VideoError) -> ExtractedClip:
        # no fault of the clips: a disk that went away, which leaves an empty folder
        if not self._videos.is_dir() or next(self._videos.iterdir(), None) is None:
            raise FileNotFoundError(
                f"{self._videos}: the videos are gone; mount their disk and run again"
            ) from error
        # where the folder lies is this machine's business, not the store's
        reason = str(error).replace(f"{self._videos}{os.sep}", "")
        return ExtractedClip(ClipOutcome(error.status, reason), {})


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
