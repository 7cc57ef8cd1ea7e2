"""A dask cluster that was begun by somebody else, from the command line."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def cluster_of_others(
    num_workers: int,
    *,
    allowed_failures: int = 3,
    scheduler_path: str = str(ROOT),
    worker_path: str = str(ROOT),
) -> Iterator[str]:
    """Begin a scheduler and workers; yield the address. They are killed at the end.

    Args:
        num_workers: processes.
        allowed_failures: how often dask itself tries a task again whose worker died.
        scheduler_path, worker_path: where they find our code.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "scheduler.json"
        stack.enter_context(_environment("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", allowed_failures))
        _begin(
            stack,
            folder,
            scheduler_path,
            "dask_scheduler",
            "--host=127.0.0.1",
            "--port=0",
            f"--scheduler-file={file}",
        )
        deadline = time.monotonic() + 60
        while not file.exists() or not file.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        _begin(
            stack, folder, worker_path, "dask_worker", address, "--nthreads=1", f"--nworkers={num_workers}"
        )
        yield address


@contextmanager
def _environment(name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, str(value))
        yield


def _begin(stack: ExitStack, folder: Path, python_path: str, command: str, *options: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{command}", "--no-dashboard", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def end() -> None:
        for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()

    stack.callback(end)
