"""Two processes that share each batch, on the CPU: what several GPUs do, except for SyncBatchNorm."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from tests.doors import call
from tests.train_runs import words
from tests.train_stores import train_store
from train.checkpoint import load_checkpoint
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parents[2]
# without what each process draws for itself, the input's statistics are those of one process
MORE = [
    "--protocol=kfold:2",
    "--select-on=validation",
    "epochs=1",
    "dropout=0",
    "jitter=0",
    "joint_dropout=0",
]


def test_everything_is_counted_once(tmp_path):
    train_store(tmp_path / "store", failed=["e0"])
    arguments = words(tmp_path / "store", tmp_path / "two", *MORE, "--device=cpu:2")
    command = [sys.executable, "-m", "scripts.train_stream", *arguments]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)

    assert run.returncode == 0, run.stderr
    # one table, from the first process
    assert run.stdout.count("all folds") == 1
    assert "23 of 24" in run.stdout
    joined = load_scores(tmp_path / "two/scores.npz")
    assert (len(joined.clip_ids), len(set(joined.clip_ids)), len(joined.labels)) == (23, 23, 24)

    assert call(train, *words(tmp_path / "store", tmp_path / "one", *MORE)) == 0
    for fold in ("1 of 2", "2 of 2"):
        one, two = (
            load_checkpoint(tmp_path / name / "folds" / fold / "checkpoint.pt") for name in ("one", "two")
        )
        assert one.passport == two.passport  # a batch of 4 is 2 and 2
        # the same clips in the same batches: every process has seen the rows of both
        for name in ("norm.running_mean", "norm.running_var"):
            torch.testing.assert_close(two.weights[name], one.weights[name], rtol=1e-4, atol=1e-5)
            assert not torch.equal(two.weights[name], torch.zeros_like(two.weights[name]))

        folder = tmp_path / "two/folds" / fold
        with (folder / "epochs.csv").open(newline="") as file:
            (epoch,) = csv.DictReader(file)
        command = [f"--checkpoint={folder}", f"--store={tmp_path / 'store'}", f"--out={tmp_path / fold}"]
        assert call(evaluate, *command, "--split=val") == 0
        with (tmp_path / fold / "results.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        # validation clips of both processes, each once
        assert float(row["top1_percent"]) == pytest.approx(100 * float(epoch["top1"]))
        assert row["scored"] == "4"


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, capsys):
    train_store(tmp_path / "store")

    assert call(train, *words(tmp_path / "store", tmp_path / "run", "batch_size=5", "--device=cpu:2")) == 1

    assert "batch_size is 5 and is shared by 2 devices; expected a multiple" in capsys.readouterr().err
