"""Runs of ``make train`` on the stores of ``tests.train_stores``, here or in a process that is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.checkpoint import load_checkpoint

# 16 training clips are 4 steps of 4; dropout and augmentation draw something in each
SMALL = [
    "width=8",
    "epochs=3",
    "batch_size=4",
    "lr=0.05",
    "dropout=0.3",
    "jitter=1",
    "joint_dropout=0.2",
    "warmup_epochs=1",
]
KILLED = """
import os, signal, sys
import torch
from scripts.train_stream import main
from train.task import ClassificationTask

torch.set_num_threads(1)
number, step = int(sys.argv[1]), ClassificationTask.training_step
calls = 0

def training_step(self, batch, batch_idx):
    global calls
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    calls += 1
    return step(self, batch, batch_idx)

ClassificationTask.training_step = training_step
sys.exit(main(sys.argv[2:]))
"""


def words(store, run, *more):
    return [f"--store={store}", f"--run={run}", "--device=cpu", *SMALL, *map(str, more)]


def assert_same_run(one, other):
    ours, theirs = (load_checkpoint(run / "checkpoint.pt") for run in (one, other))
    assert ours.passport == theirs.passport
    assert ours.weights.keys() == theirs.weights.keys()
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    for name in ("epochs.csv", "results.csv", "classes.csv", "confusion.csv", "scores.npz"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def killed(number, *arguments):
    """Run the command and kill it when it begins its step of this number."""
    run = subprocess.run([sys.executable, "-c", KILLED, str(number), *arguments], capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()


def curve(run: Path, name: str) -> list[float]:
    """Return the values of a curve in the run's TensorBoard logs, one per epoch from 0."""
    logs = EventAccumulator(str(run / "tensorboard"))
    logs.Reload()
    events = logs.Scalars(name)
    assert [event.step for event in events] == list(range(len(events)))
    return [event.value for event in events]
