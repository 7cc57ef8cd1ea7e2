"""`make evaluate` tests nothing unnoticed that trained the model, and no run that lacks folds."""

import shlex
import shutil

import pytest
import torch

from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from store import open_store
from tests.doors import call
from tests.train_runs import words
from tests.train_stores import FOUR_EACH, train_entries, train_store
from train.score_source import source_of_all, unlike_source
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

FIRST = "folds/1 of 3/checkpoint.pt"  # tests a and d


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root)
    return root


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    """Three folds of the six subjects: a and d, b and e, c and f."""
    run = tmp_path_factory.mktemp("runs") / "three"
    assert call(train, *words(store, run, "--protocol=kfold:3", "epochs=1")) == 0
    return run


def test_a_store_that_grew_has_other_folds(run, tmp_path, capsys):
    """With 14 clips of c the folds are c; a, d and f; b and e."""
    entries = train_entries([*FOUR_EACH, *(f"c{take}" for take in range(4, 14))])
    train_store(tmp_path / "grown", entries)
    command = [f"--checkpoint={run}", f"--store={tmp_path / 'grown'}", f"--out={tmp_path / 'out'}"]

    assert call(evaluate, *command) == 1
    error = capsys.readouterr().err
    assert "1 of 3: 4 of the 14 test clips trained" in error
    assert "such as 'c0'; expected none" in error
    assert 'ARGS="--accept training_clips"' in error
    assert not (tmp_path / "out").exists()

    assert call(evaluate, *command, "--accept=training_clips") == 0
    page = capsys.readouterr().out
    assert "1 of 3: 4 of the 14 test clips trained the model" in page
    assert "2 of 3: 12 of the 12 test clips trained the model" in page
    assert load_scores(tmp_path / "out/scores.npz").source["tested_training_clips"] == 4 + 12 + 8


def test_a_run_tests_no_clip_that_trained(run, store, tmp_path, capsys):
    joined = load_scores(run / "scores.npz")
    assert joined.source["tested_training_clips"] == 0
    own = source_of_all(open_store(str(store)), "kfold:3")
    assert unlike_source(joined, own) == []
    assert own.keys() < joined.source.keys()

    assert call(evaluate, f"--checkpoint={run / FIRST}", f"--store={store}", f"--out={tmp_path}") == 0
    assert load_scores(tmp_path / "scores.npz").source["tested_training_clips"] == 0
    assert "trained the model" not in capsys.readouterr().out


def test_another_protocol_may_test_what_trained(run, store, tmp_path, capsys):
    command = [f"--checkpoint={run / FIRST}", f"--store={store}", f"--out={tmp_path}", "--protocol=all"]

    assert call(evaluate, *command) == 1
    assert "all: 16 of the 24 test clips trained" in capsys.readouterr().err
    assert call(evaluate, *command, "--accept=training_clips") == 0
    assert len(load_scores(tmp_path / "scores.npz").clip_ids) == 24


def test_a_checkpoint_that_does_not_say_what_trained_it(run, store, tmp_path, capsys):
    content = torch.load(run / FIRST, weights_only=True)
    del content["passport"]["train_digests"]
    torch.save(content, tmp_path / "checkpoint.pt")
    command = [f"--checkpoint={tmp_path / 'checkpoint.pt'}", f"--store={store}", f"--out={tmp_path}"]

    assert call(evaluate, *command) == 0

    assert "cannot be checked that none of them is tested" in capsys.readouterr().err
    assert load_scores(tmp_path / "scores.npz").source["tested_training_clips"] is None


def test_a_run_that_lacks_folds_is_no_result_of_all_of_them(run, store, tmp_path, capsys):
    part = tmp_path / "part"
    shutil.copytree(run, part)
    shutil.rmtree(part / "folds/2 of 3")
    command = [f"--checkpoint={part}", f"--store={store}", f"--out={tmp_path / 'out'}"]

    assert call(evaluate, *command) == 1
    error = capsys.readouterr().err
    assert f"{part}: no checkpoint.pt of 1 of the 3 folds of {store}, kfold:3, such as '2 of 3'" in error
    own = f"--recipe '{part}/recipe.json' --run '{part}'"
    assert f'make train STORE="{store}" PROTOCOL="kfold:3" ARGS="{own}"' in error
    assert not (tmp_path / "out").exists()

    command[0] = f"--checkpoint={part / FIRST}"
    assert call(evaluate, *command) == 0  # says that it is of one fold
    assert len(load_scores(tmp_path / "out/scores.npz").labels) == 8
    more = ["--protocol=kfold:3", *shlex.split(own), "--device=cpu"]
    assert call(train, f"--store={store}", *more) == 0
    command[0] = f"--checkpoint={part}"
    assert call(evaluate, *command) == 0
    assert len(load_scores(tmp_path / "out/scores.npz").labels) == 24


@pytest.mark.parametrize("part", ["", "folds/1 of 3", FIRST])
def test_without_a_store_it_is_that_of_the_training(run, tmp_path, part):
    assert call(evaluate, f"--checkpoint={run / part}", f"--out={tmp_path}") == 0

    assert len(load_scores(tmp_path / "scores.npz").labels) == (8 if part else 24)


def test_a_checkpoint_of_no_run_needs_a_store(run, tmp_path, capsys):
    shutil.copy(run / FIRST, tmp_path)

    assert call(evaluate, f"--checkpoint={tmp_path}") == 1
    assert f"{tmp_path}: no run.json with it" in capsys.readouterr().err
    assert call(evaluate, f"--checkpoint={tmp_path / 'nothing'}") == 1
    assert f"{tmp_path / 'nothing'}: no checkpoint.pt here" in capsys.readouterr().err
