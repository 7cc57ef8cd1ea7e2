"""Two processes that share each batch, on the CPU: what several GPUs do, except for SyncBatchNorm."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from tests.doors import call
from tests.epam_stores import epam_store
from tests.ranks import Shard, normed, normed_together
from tests.train_runs import KILLED, assert_same_run, words
from tests.train_stores import train_store
from train.checkpoint import load_checkpoint
from train.models.persons import PersonNorm
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


def test_a_network_begins_with_the_streams_that_both_processes_trained(tmp_path):
    """16 training clips are 2 steps of 2 processes, 2 parts each; the joint rate is too small to learn."""
    epam_store(tmp_path / "store")
    arguments = [
        f"--store={tmp_path / 'store'}", f"--run={tmp_path / 'run'}", "--device=cpu:2", "--stream=epam",
        "width=8", "size=8", "pose_steps=4", "rgb_steps=2", "batch_size=8", "at_once=2", "epochs=1",
        "pose_epochs=1", "rgb_epochs=1", "lr=1e-12", "weight_decay=0",
    ]  # fmt: skip
    command = [sys.executable, "-m", "scripts.train_stream", *arguments]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)

    assert run.returncode == 0, run.stderr
    assert len(load_scores(tmp_path / "run/scores.npz").clip_ids) == 8
    joint = load_checkpoint(tmp_path / "run/checkpoint.pt").weights
    for stream in ("pose", "rgb"):
        stage = tmp_path / f"run/stages/xshift_{stream}-xshift"
        with (stage / "epochs.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == 1
        for name, weights in load_checkpoint(stage / "checkpoint.pt").weights.items():
            if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
                torch.testing.assert_close(joint[f"{stream}.{name}"], weights, rtol=0, atol=1e-6)


def test_persons_are_normalised_by_those_of_both_processes(tmp_path):
    """Of slot 0 there are 3 rows and 2, of slot 1 there are 2 and none, of slot 2 nobody has any."""
    draw = torch.Generator().manual_seed(0)
    norm = PersonNorm(3, 2, 2)
    before = norm.state_dict()
    for values in before.values():  # scales, shifts, statistics of the steps before
        values.uniform_(0.5, 2, generator=draw)
    shards = [
        Shard(
            x=torch.randn(sum(counts), 2, 2, 4, generator=draw) * 3 + 5,
            counts=counts,
            pull=torch.randn(sum(counts), 2, 2, 4, generator=draw),
        )
        for counts in ((3, 2, 0), (2, 0, 0))
    ]

    torch.save({"sizes": (3, 2, 2), "state": before, "shards": shards}, tmp_path / "given.pt")
    before = {name: values.clone() for name, values in before.items()}

    mp.spawn(normed_together, (tmp_path,), nprocs=2)

    # of all, sorted by slot: rows 0 1 2 of the first process, 0 1 of the second, 3 4 of the first
    order = torch.tensor([0, 1, 2, 5, 6, 3, 4])
    x, pull = (torch.cat([shard[name] for shard in shards])[order] for name in ("x", "pull"))
    whole = normed(norm, Shard(x=x, counts=(5, 2, 0), pull=pull))
    ones = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name in ("values", "x"):  # the loss of both is the sum of theirs
        together = torch.cat([one[name] for one in ones])[order]
        torch.testing.assert_close(together, whole[name], rtol=1e-5, atol=1e-5)
    for one in ones:
        for name in ("weight", "bias"):  # averaged
            torch.testing.assert_close(2 * one[name], whole[name], rtol=1e-5, atol=1e-5)
        for name in ("running_mean", "running_var"):
            torch.testing.assert_close(one[name], whole[name], rtol=1e-5, atol=1e-5)
            assert torch.equal(one[name][2], before[name][2])


@pytest.mark.slow
def test_both_go_on_after_a_kill_in_the_middle_of_an_epoch(tmp_path):
    """Step 6 is the third of the second epoch; several processes have resume points after epochs only."""
    train_store(tmp_path / "store")
    (tmp_path / "killed.py").write_text(KILLED)  # a file, for the second process is started with it too

    def run(script, folder):
        arguments = words(tmp_path / "store", tmp_path / folder, "--device=cpu:2", "--save-every=0")
        command = [sys.executable, *script, *arguments]
        paths = os.environ | {"PYTHONPATH": str(ROOT)}  # a script's own folder is another one
        return subprocess.run(command, cwd=ROOT, env=paths, capture_output=True, text=True, timeout=500)

    train_it = ["-m", "scripts.train_stream"]
    killed = run([tmp_path / "killed.py", "6"], "run")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "run/checkpoint.pt").exists()
    resumed, whole = run(train_it, "run"), run(train_it, "whole")

    assert (resumed.returncode, whole.returncode) == (0, 0), resumed.stderr + whole.stderr
    assert "p1: resumes at step 4 of 12" in resumed.stderr
    assert_same_run(tmp_path / "run", tmp_path / "whole")
