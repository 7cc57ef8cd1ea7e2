"""Extraction with fake networks into a real store, in processes that begin at once and can be killed.

``python -m tests.fake_extraction VIDEOS`` reads one line per run, the folder of a store; it answers with the
process
of the run, and when that has ended with its exit status. Runs are forks of it, so that they need no time to
import.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from extract.in_process import InProcess
from extract.pipeline import Extractor
from extract.run import RunSummary, run_extraction
from store.facts import DatasetFacts, StoreFacts
from store.schema import Layout
from store.table import ClipEntry
from store.writer import StoreWriter
from tests.fakes import FakePose, fake_extractor

STOPPED = 130
MADE = DatasetFacts("made", "Made", ("walk",), {}, None, "Made for a test.", True, None)


class Deadly(Extractor):
    """Kills its process at the clip "deadly", as a decoder's bug or a lack of memory may."""

    def stages(self, entry, open_video):
        if entry.id == "deadly":
            os._exit(1)
        return super().stages(entry, open_video)


def build(device: str) -> Extractor:
    """Make the fake networks; a cluster's workers call it."""
    fake = fake_extractor(crops=("person",))
    return Deadly(fake.detector, fake.boxes, fake.pose, fake.config)


def describe(extractor: Extractor) -> StoreFacts:
    layout = Layout(64, 2, 3, FakePose.taps, ("person",))
    return StoreFacts(MADE, FakePose.skeleton, layout, {"networks": "fake"})


def entries_of(videos: Path) -> list[ClipEntry]:
    return [ClipEntry(path.stem, path.name, label="walk") for path in sorted(videos.iterdir())]


def extract(
    videos: Path,
    store: Path,
    *,
    entries: Sequence[ClipEntry] | None = None,
    every: Sequence[ClipEntry] | None = None,
    dataset: DatasetFacts = MADE,
    retry_failed: bool = False,
    num_decoders: int = 2,
) -> RunSummary:
    """Extract the videos of a folder, or some of them; ``every``: its clips, where they are not videos."""
    extractor = build("cpu")
    every = entries_of(videos) if every is None else every
    facts = replace(describe(extractor), dataset=dataset)
    execution = {"device": "fake"}
    workers = InProcess(
        extractor, videos=videos, execution=execution, num_decoders=num_decoders, decode_limit_seconds=20
    )
    with StoreWriter(store, facts, every, execution) as writer, workers:
        return run_extraction(
            every if entries is None else entries, workers=workers, writer=writer, retry_failed=retry_failed
        )


class Runs:
    """The other side: begins runs from a test. Use it in a ``with`` block."""

    def __init__(self, videos: Path) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.fake_extraction", str(videos)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._server.stdout.readline()  # it has imported everything

    def __enter__(self) -> "Runs":
        return self

    def __exit__(self, *error: object) -> None:
        self._server.communicate()

    def begin(self, store: Path) -> int:
        """Begin a run; return its process."""
        self._server.stdin.write(f"{store}\n")
        self._server.stdin.flush()
        return self._read("process")

    def end(self) -> int:
        """Wait for the run; return its exit status, negative for a signal."""
        return self._read("status")

    def _read(self, kind: str) -> int:
        found, value = self._server.stdout.readline().split()
        assert found == kind  # a status that is taken for a process gets signals that are not meant for it
        return int(value)


def _serve(videos: Path) -> None:
    _say("ready")
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            status = 1
            try:
                status = STOPPED if extract(videos, Path(line.rstrip("\n"))).was_stopped else 0
            finally:
                os._exit(status)
        _say(f"process {child}")
        _, how = os.waitpid(child, 0)
        _say(f"status {os.waitstatus_to_exitcode(how)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
