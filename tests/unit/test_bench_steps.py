"""What a bench of training steps counts; a small network is timed."""

from statistics import mean
from types import SimpleNamespace

import pytest
import torch

from scripts.bench import steps
from scripts.bench.steps import steps_that_count, time_steps
from tests.epam_stores import epam_store
from train.epam.recipe import EpamRecipe

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("wanted", "num_readers", "expected"),
    [
        (3, 0, (1, 4)),  # the first one builds what is built once
        (3, 8, (16, 80)),  # 16 batches are ready; five times as many in all
        (100, 2, (4, 104)),
    ],
)
def test_what_was_ready_before_the_first_step_does_not_count(wanted, num_readers, expected):
    assert steps_that_count(wanted, num_readers) == expected


def test_steps_are_timed_beyond_an_epoch(tmp_path, monkeypatch):
    """A clock that goes on by one second at each look: each part takes one, whatever is waited for."""
    reader, seconds = epam_store(tmp_path), iter(range(1000))
    monkeypatch.setattr(steps, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    counted = []
    monkeypatch.setattr(steps, "mean", lambda waits: counted.append(len(waits)) or mean(waits))

    # 24 clips are 3 steps of 8
    small = {"width": 8, "size": 8, "pose_steps": 4, "rgb_steps": 2}
    recipe = EpamRecipe(**small, pose_epochs=0, rgb_epochs=0, batch_size=8)
    times = time_steps(reader, recipe, torch.device("cpu"), num_steps=4)

    assert (times.wait, times.prepare, times.learn) == (1, 1, 1)
    assert counted == [4]
    assert times.wait_percent == pytest.approx(100 / 3)
