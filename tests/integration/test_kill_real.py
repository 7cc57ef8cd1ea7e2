"""kill -9 at random moments of a real extraction, resumed each time, changes no byte of the store.

Units are of two clips, so that kills fall into packing as well as into extraction.
"""

import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from store.manifest import verify_store
from tests.cluster_of_others import cluster_of_others
from tests.golden.shared_data import shared

pytestmark = [pytest.mark.slow, pytest.mark.shared]

NUM_CLIPS = 6
SMALL_UNITS = """
import sys
from store import schema
schema.UNIT_CLIPS = 2
from scripts.extract_features import main
sys.exit(main())
"""
TAPS = "backbone.deconv2,backbone.deconv1,backbone.deconv3"


@pytest.fixture(scope="module")
def command():
    weights = shared("real/weights")
    options = {
        "dataset": shared("real/ut_interaction/clips.csv"),
        "detector": weights / "yolov8n.pt",
        "pose": weights / "simplepose/simplepose_coco_256x192.py",
        "pose-checkpoint": weights / "simplepose/simplepose_coco_256x192.pth",
        "taps": TAPS,
        "limit": NUM_CLIPS,
        "clock": 8,  # few frames, so that twenty runs are done in minutes
        "persons": "top1",
        "device": "cpu",
        "threads": 1,
    }
    return [
        sys.executable,
        "-c",
        SMALL_UNITS,
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def content(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def cluster():
    with cluster_of_others(2) as address:
        yield address


def workers_of(process, address):
    """The processes with networks: children of a run with local:2, or of the others' cluster."""
    root = psutil.Process() if address else psutil.Process(process.pid)
    children = [one for one in root.children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
    return [one for one in children if one.cpu_times().user > 1]


@pytest.mark.parametrize(("scheduler", "num_kills"), [("here", 20), ("local:2", 10), ("cluster", 10)])
def test_killed_at_random_moments(command, cluster, tmp_path, scheduler, num_kills):
    """Of a run with workers, every other kill meets one of them, and the run goes on."""
    command = [*command, f"--scheduler={cluster if scheduler == 'cluster' else scheduler}"]
    begin = time.monotonic()
    subprocess.run([*command, f"--store={tmp_path / 'whole'}"], check=True)
    seconds = time.monotonic() - begin
    expected = content(tmp_path / "whole")
    assert list(verify_store(tmp_path / "whole")) == []

    dice = random.Random(0)
    store = tmp_path / "store"
    moments, num_stores, num_workers_killed = [], 0, 0
    while len(moments) < num_kills or store.exists():
        begin = time.monotonic()
        process = subprocess.Popen([*command, f"--store={store}"], stderr=subprocess.DEVNULL)
        limit = dice.random() * seconds if len(moments) < num_kills else None
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            workers = workers_of(process, scheduler == "cluster") if scheduler != "here" else []
            if workers and len(moments) % 2:
                dice.choice(workers).kill()
                moments.append(time.monotonic() - begin)
                num_workers_killed += 1
            else:
                process.kill()
            process.wait()
        if process.returncode == -signal.SIGKILL:
            moments.append(time.monotonic() - begin)
            continue
        assert process.returncode == 0
        assert content(store) == expected
        num_stores += 1
        shutil.rmtree(store)
        shutil.rmtree(tmp_path / "store.work")
    print(  # noqa: T201 - the figures of the test
        f"{scheduler}: {len(moments)} kills, {num_workers_killed} of them of workers, after "
        f"{', '.join(f'{moment:.1f}' for moment in moments)} s of a run of {seconds:.1f} s; "
        f"{num_stores} stores, all equal to the uninterrupted one"
    )
