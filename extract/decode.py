"""Decoding that runs ahead: in processes of its own, behind bounded queues, with a time limit."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from extract.channel import Channel, Message
from extract.errors import VideoError
from extract.interfaces import Frame, Interval, VideoFacts

Plan = Callable[[VideoFacts], Sequence[int]]  # which frames of a video are wanted, ascending

# Frames that may wait decoded, per clip: enough to ride out a batch, little beside those that a clip keeps.
_AHEAD_BYTES = 128 << 20
_AHEAD_MIN_FRAMES = 4
# decord and FFmpeg lose a little memory per file (specs/ecosystem.md D5); a new process costs half a second.
_VIDEOS_PER_PROCESS = 500
_POLL_SECONDS = 0.2
_START_SECONDS = 300.0  # imports from a cold network disk
# The process finds our modules whatever its working directory.
_SEARCH_PATH = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(_SEARCH_PATH)}


class DecodedVideo:
    """A video in the hands of the pool; its facts and frames arrive as they are decoded.

    Everything that goes wrong is raised as ``VideoError`` where facts or frames are asked for.
    """

    def __init__(
        self, path: Path, *, use_pyav: bool, interval: Interval | None, news: threading.Event
    ) -> None:
        self.path = path
        self._news = news
        self.use_pyav = use_pyav
        self.interval = interval
        self.decoder = ""
        self.sha256 = ""
        self.is_short = False
        self.header_frames = 0
        self._facts: VideoFacts | None = None
        self._started = threading.Event()
        self._items: queue.Queue[tuple[int, Frame] | Exception | None] = queue.Queue()
        self._slots = threading.Semaphore(0)
        self._cancelled = threading.Event()
        self._is_ended = False

    @property
    def facts(self) -> VideoFacts:
        """Number of frames, rate and size; waits until the file is open."""
        self._started.wait()
        if self._facts is None:
            raise self._failure()
        return self._facts

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Yield the wanted frames with their numbers, ascending."""
        while (item := self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            self._slots.release()
            yield item

    def is_open(self) -> bool:
        """Tell whether the facts, or why there are none, are there already."""
        return self._started.is_set()

    def is_ready(self) -> bool:
        """Tell whether the next frame, or the end, is there already."""
        return self._is_ended or not self._items.empty()

    def cancel(self) -> None:
        """Nobody wants the rest; its decoder is free for others."""
        self._cancelled.set()

    def _failure(self) -> Exception:
        item = self._items.get()
        assert isinstance(item, Exception)
        self._items.put(item)
        return item

    # what the pool's threads call

    def _open(self, message: Message) -> VideoFacts:
        self._facts = VideoFacts(message["num_frames"], message["fps"], message["width"], message["height"])
        self.decoder, self.sha256 = message["decoder"], message["sha256"]
        self.is_short, self.header_frames = message["is_short"], message["header_frames"]
        frame_bytes = max(1, self._facts.width * self._facts.height * 3)
        self._slots = threading.Semaphore(max(_AHEAD_MIN_FRAMES, _AHEAD_BYTES // frame_bytes))
        self._started.set()
        self._news.set()
        return self._facts

    def _has_room(self) -> bool:
        """Tell whether a frame may be put; takes the place for it."""
        return self._slots.acquire(blocking=False)

    def _wait_for_room(self) -> None:
        while not self._slots.acquire(timeout=_POLL_SECONDS):
            if self._cancelled.is_set():
                return

    def _put(self, number: int, frame: Frame) -> None:
        self._items.put((number, frame))
        self._news.set()

    def _end(self, error: Exception | None) -> None:
        self._items.put(error)
        self._is_ended = True
        self._started.set()
        self._news.set()


class DecodePool:
    """Decoding processes and the threads that feed from them.

    Args:
        num_workers: clips decoded at the same time; as many again that are decoded for the second time.
        limit_seconds: a process that is silent for so long is killed and its clip fails with status
            ``timeout``.
        plan: which frames of a video are wanted, once its facts are known.
    """

    def __init__(self, *, num_workers: int, limit_seconds: float, plan: Plan) -> None:
        self.num_workers = num_workers
        self.news = threading.Event()  # set whenever a video is open, has a frame more, or ends
        self._limit_seconds = limit_seconds
        self._plan = plan
        # Second decodings have threads of their own: behind the clips that are decoded ahead, which wait for
        # the end of the very clip that waits for its second decoding, they would wait for ever.
        self._first: queue.Queue[DecodedVideo | None] = queue.Queue()
        self._again: queue.Queue[DecodedVideo | None] = queue.Queue()
        self._open_videos: list[DecodedVideo] = []
        self._workers: set[_Worker] = set()
        self._threads = [
            threading.Thread(target=self._serve, args=(tasks,), daemon=True)
            for tasks in (self._first, self._again)
            for _ in range(num_workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for video in self._open_videos:
            video.cancel()
        for _ in range(self.num_workers):
            self._first.put(None)
            self._again.put(None)
        for worker in list(self._workers):
            worker.kill()  # its thread may wait for a file that takes its time
        for thread in self._threads:
            thread.join()

    def submit(
        self, path: Path, *, again: bool = False, use_pyav: bool = False, interval: Interval | None = None
    ) -> DecodedVideo:
        """Queue a video; videos are begun in the order in which they are submitted.

        Args:
            path: the file.
            again: a second decoding, of a clip that is under way; it does not wait for those decoded ahead.
            use_pyav: see ``open_video``.
            interval: see ``open_video``.
        """
        video = DecodedVideo(path, use_pyav=use_pyav, interval=interval, news=self.news)
        self._open_videos = [other for other in self._open_videos if not other._cancelled.is_set()]
        self._open_videos.append(video)
        (self._again if again else self._first).put(video)
        return video

    def _serve(self, tasks: "queue.Queue[DecodedVideo | None]") -> None:
        worker: _Worker | None = None
        while (video := tasks.get()) is not None:
            if video._cancelled.is_set():
                continue
            error: Exception | None = None
            try:
                if worker is None:
                    worker = _Worker(self._limit_seconds)
                    self._workers.add(worker)
                worker.decode(video, self._plan)
            except Exception as failure:  # our mistakes too: who asks for the frames would wait for ever
                error = failure
            # closed before the clip's end is told, so that a finished clip leaves no process behind
            if worker is not None and not (worker.is_ready and worker.num_videos < _VIDEOS_PER_PROCESS):
                self._close(worker)
                worker = None
            video._end(error)
            video.cancel()
        if worker is not None:
            self._close(worker)

    def _close(self, worker: "_Worker") -> None:
        self._workers.discard(worker)
        worker.close()


class _Worker:
    """A decoding process; its imports take their time, which is not the first clip's."""

    def __init__(self, limit_seconds: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "extract.decode_worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,  # a terminal's Ctrl-C goes to the parent alone
            )
        self._channel = Channel(ours, limit_seconds=_START_SECONDS)
        self._limit_seconds = limit_seconds
        self.num_videos = 0
        self.is_ready = True  # for the next video

    def decode(self, video: DecodedVideo, plan: Plan) -> None:
        """Decode one video into its queue.

        Raises:
            VideoError: it cannot be decoded, or its frames differ in size.
            RuntimeError: the process does not start.
        """
        self.is_ready = False
        if self.num_videos == 0:
            self._wait_for_start()
        self.num_videos += 1
        if video._cancelled.is_set():
            return
        try:
            self._channel.send(
                {"path": str(video.path), "use_pyav": video.use_pyav, "interval": video.interval}
            )
            facts = video._open(self._answer())
            wanted = [int(number) for number in plan(facts)]
            self._channel.send({"wanted": wanted})
            num_sent = 0
            while "end" not in (message := self._answer()):
                _check_size(video.path, message, facts)
                frame = self._channel.receive_frame(height=message["height"], width=message["width"])
                num_sent += 1
                if not video._has_room():
                    with self._paused():
                        video._wait_for_room()
                if video._cancelled.is_set():
                    return  # it still sends what nobody wants
                video._put(message["frame"], frame)
        except TimeoutError as error:
            raise VideoError(
                f"{video.path}: no frame for {self._limit_seconds:g} s, the decoder was killed; "
                "look at the file, or give it longer with --decode-limit",
                "timeout",
            ) from error
        except (EOFError, OSError) as error:
            raise VideoError(
                f"{video.path}: the decoder died ({self._exit_reason()}); the file is likely damaged",
                "decode_error",
            ) from error
        self.is_ready = True
        if num_sent < len(wanted):
            raise EarlyEndError(
                f"{video.path}: ends early, after {num_sent} of the {len(wanted)} frames that were wanted",
                "decode_error",
            )

    @contextlib.contextmanager
    def _paused(self) -> Iterator[None]:
        """Hold the process still: while nobody takes its frames decord decodes on, into memory (video.py)."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process, from any thread; whoever waits for it is told."""
        self._process.kill()

    def close(self) -> None:
        """End the process."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _wait_for_start(self) -> None:
        try:
            self._channel.receive()
        except (EOFError, OSError) as error:
            raise RuntimeError(f"a decoding process does not start ({self._exit_reason()})") from error
        self._channel.set_limit(self._limit_seconds)

    def _answer(self) -> Message:
        while "alive" in (message := self._channel.receive()):
            pass
        if "error" in message:
            self.is_ready = True
            raise VideoError(message["error"], message["status"])
        return message

    def _exit_reason(self) -> str:
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it closed the channel"
        return f"signal {-code}" if code < 0 else f"exit status {code}"


def _check_size(path: Path, message: Message, facts: VideoFacts) -> None:
    """Refuse a stream that changes its size half-way: boxes and crops belong to one size."""
    found, expected = (message["width"], message["height"]), (facts.width, facts.height)
    if found != expected:
        raise VideoError(
            f"{path}: frame {message['frame']} has {found[0]}x{found[1]} pixels, expected "
            f"{expected[0]}x{expected[1]} as at the beginning; cut the file where its size changes",
            "decode_error",
        )


class EarlyEndError(VideoError):
    """The file holds fewer frames than were counted; counted by decoding, it can be read."""
