"""What a bench of training steps counts; a small network is timed."""

from statistics import mean
from types import SimpleNamespace

import pytest
import torch

from scripts.bench import hpnet_step, steps
from scripts.bench.steps import Times, steps_that_count, time_steps
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

    assert (times.wait, times.prepare, times.learn, times.update) == (1, 1, 1, 1)
    assert counted == [4]
    assert times.wait_percent == 25


def test_a_step_of_parts_has_one_update(tmp_path, monkeypatch):
    """Two parts of 1 + 1 + 1 seconds and an update of 1, which finds gradients in memory."""
    reader, seconds = epam_store(tmp_path), iter(range(1000))
    monkeypatch.setattr(steps, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    kept = []
    monkeypatch.setattr(
        torch.optim.Optimizer, "zero_grad", lambda self, set_to_none=True: kept.append(not set_to_none)
    )

    recipe = EpamRecipe(width=8, size=8, pose_steps=4, rgb_steps=2, batch_size=8, pose_epochs=0, rgb_epochs=0)
    times = time_steps(reader, recipe, torch.device("cpu"), num_steps=2, num_parts=2)

    assert times.step == 2 * 3 + 1
    assert times.wait_percent == pytest.approx(100 * 2 / 7)
    assert kept == [True] * 3  # one step is left out


def test_hpnets_step_is_sixteen_parts_and_an_update(monkeypatch, capsys):
    asked = []

    def timed(reader, recipe, device, *, num_parts, **_):
        asked.append((recipe.batch_size, num_parts))
        return Times(wait=0.25, prepare=0.5, learn=1.25, update=3, memory=10**9, num_parts=num_parts)

    monkeypatch.setattr(hpnet_step, "time_steps", timed)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    hpnet_step.bench_hpnet_step(repeats=1)

    assert asked == [(4, 16)]
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| 4 |"))
    assert (
        "| 1.250 | 3.000 | 16 x part + AdamW = **35.0** | **11.43** (target 5) |" in row
    )  # 4 s of 16 * 2 + 3
