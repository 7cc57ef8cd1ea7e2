"""Peak memory of an extraction against the length of its clip: it must not grow."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

from scripts.bench.made import FPS, make_video
from scripts.bench.table import print_table

_WATCH_SECONDS = 0.1
_MB = 1 << 20
_NUM_CLIPS = 2  # as many as are under way at once by default


def bench_memory(*, minutes: list[float]) -> None:
    """Extract 1080p clips of several lengths, each length in a fresh process, and watch all processes."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for length in minutes:
            num_frames = int(length * 60 * FPS)
            make_video(folder / "clip.avi", num_frames=num_frames, width=1920, height=1080)
            names = [f"{place}.avi" for place in range(_NUM_CLIPS)]
            for clip in names:
                (folder / clip).unlink(missing_ok=True)
                (folder / clip).hardlink_to(folder / "clip.avi")
            (folder / "clips.csv").write_text("\n".join(["path", *names]))
            peak = _peak_of(
                [
                    sys.executable,
                    "-m",
                    "scripts.bench.extract_one",
                    str(folder),
                    f"{folder}/store-{num_frames}",
                ]
            )
            rows.append((f"{length:g} min", num_frames, f"{peak / _MB:.0f}"))
    print_table(
        f"Memory: {_NUM_CLIPS} 1920x1080 clips of two persons at once, default settings, HRNet-W18 + yolov8n",
        ("each clip", "frames", "peak RSS of all processes, MB (target: under 4096, not growing)"),
        rows,
        "RSS counts pages that processes share once per process, so the true figure is lower.",
    )


def _peak_of(command: list[str]) -> int:
    peak = 0
    process = subprocess.Popen(command)
    is_over = threading.Event()

    def watch() -> None:
        nonlocal peak
        root = psutil.Process(process.pid)
        while not is_over.wait(_WATCH_SECONDS):
            total = 0
            for member in [root, *_children(root)]:
                try:
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak = max(peak, total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    is_over.set()
    watcher.join()
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    return peak


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = process.children(recursive=True)
        return children
    except psutil.NoSuchProcess:
        return []
