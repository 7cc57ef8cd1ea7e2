"""kill -9 at random moments of a real extraction, resumed each time, changes no byte of the store.

Units are of two clips, so that kills fall into packing as well as into extraction.
"""

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from store.manifest import verify_store
from tests.golden.shared_data import shared

pytestmark = [pytest.mark.slow, pytest.mark.shared]

NUM_CLIPS, NUM_KILLS = 6, 20
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


def test_killed_at_random_moments(command, tmp_path):
    begin = time.monotonic()
    subprocess.run([*command, f"--store={tmp_path / 'whole'}"], check=True)
    seconds = time.monotonic() - begin
    expected = content(tmp_path / "whole")
    assert list(verify_store(tmp_path / "whole")) == []

    dice = random.Random(0)
    store = tmp_path / "store"
    moments, num_stores = [], 0
    while len(moments) < NUM_KILLS or store.exists():
        begin = time.monotonic()
        process = subprocess.Popen([*command, f"--store={store}"], stderr=subprocess.DEVNULL)
        limit = dice.random() * seconds if len(moments) < NUM_KILLS else None
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
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
        f"{len(moments)} kills after {', '.join(f'{moment:.1f}' for moment in moments)} s of a run of "
        f"{seconds:.1f} s; {num_stores} stores, all equal to the uninterrupted one"
    )
