"""Which clip goes to which worker, and what becomes of the clips of a worker that dies. Pure.

A worker takes all its clips with it, and only one of them may be to blame. So each of them is tried again
alone: those that are innocent end well, and the one that kills again is known.
"""

from collections import Counter, deque
from collections.abc import Iterable

from store.table import ClipEntry

MOST_DEATHS = 3  # of workers, that a clip may be under way in before it is left out


class Dispatch:
    """Deals clips out to workers that come and go.

    Args:
        entries: the clips, in the order in which they are begun.
        most_clips: that a worker has at once.
    """

    def __init__(self, entries: Iterable[ClipEntry], *, most_clips: int) -> None:
        self._fresh = deque(entries)
        self._suspects: deque[ClipEntry] = deque()
        self._most_clips = most_clips
        self._deaths: Counter[str] = Counter()  # by clip
        self._under_way: dict[str, dict[str, ClipEntry]] = {}  # by worker and clip
        self.deaths_in_a_row = 0  # of workers, since a clip was finished or left out

    @property
    def workers(self) -> frozenset[str]:
        """Workers that have clips."""
        return frozenset(worker for worker, clips in self._under_way.items() if clips)

    @property
    def is_over(self) -> bool:
        """Whether all clips are finished or left out."""
        return not (self._fresh or self._suspects or self.workers)

    def take(self, worker: str) -> ClipEntry | None:
        """Return a clip for a worker to begin now, None if it shall wait."""
        clips = self._under_way.setdefault(worker, {})
        if any(self._deaths[clip_id] for clip_id in clips):
            return None  # one under suspicion is alone
        if self._suspects:  # nobody gets fresh clips until somebody has nothing else to do
            source = self._suspects if not clips else None
        else:
            source = self._fresh if len(clips) < self._most_clips else None
        if not source:
            return None
        entry = source.popleft()
        clips[entry.id] = entry
        return entry

    def finish(self, worker: str, clip_id: str) -> None:
        """Note that a worker finished a clip."""
        del self._under_way[worker][clip_id]
        self.deaths_in_a_row = 0

    def bury(self, worker: str) -> list[ClipEntry]:
        """Note that a worker died; return those of its clips that are left out from now on."""
        left_out = []
        self.deaths_in_a_row += 1
        for entry in self._under_way.pop(worker).values():
            self._deaths[entry.id] += 1
            if self._deaths[entry.id] < MOST_DEATHS:
                self._suspects.append(entry)
            else:
                left_out.append(entry)
                self.deaths_in_a_row = 0
        return left_out
