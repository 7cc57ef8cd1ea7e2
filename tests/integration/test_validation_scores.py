"""Scores of validation clips: they agree with the training, and weights of an ensemble are fitted on them."""

import csv

import pytest

from scripts.ensemble_scores import main as ensemble
from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import curve, words
from tests.train_stores import train_entries, train_store, with_dataset
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root)
    return root


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    """Return a folder of two runs, and of the scores of their validation clips."""
    root = tmp_path_factory.mktemp("runs")
    for stream in ("hpj", "j"):
        more = [f"--stream={stream}", "--select-on=validation", "epochs=2"]
        assert call(train, *words(store, root / stream, *more)) == 0
        assert call(evaluate, f"--checkpoint={root / stream}", f"--store={store}", "--split=val") == 0
    return root


def table(folder, name="table.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_they_are_those_of_the_training(runs):
    for run in (runs / "hpj", runs / "j"):
        scores = load_scores(run / "on-toy-p1-val/scores.npz")
        epochs = [float(row["top1"]) for row in table(run, "epochs.csv")]

        assert len(scores.labels) == 4  # of the one training subject of four that was held out
        assert len({clip_id[0] for clip_id in scores.labels}) == 1
        assert set(scores.labels) < {f"{subject}{take}" for subject in "abcd" for take in range(4)}
        (row,) = table(run / "on-toy-p1-val", "results.csv")
        assert float(row["top1_percent"]) == pytest.approx(100 * max(epochs))
        assert curve(run, "top1") == pytest.approx(epochs)


def test_weights_are_fitted_on_them(runs, capsys):
    val = [runs / stream / "on-toy-p1-val" for stream in ("hpj", "j")]

    assert call(ensemble, "--scores", runs, "--weights", "fit", "--fit-scores", *val) == 0

    assert "Weights are fitted on 4 clips of " in capsys.readouterr().out
    rows = {row["name"]: row for row in table(runs / "ensemble")}
    assert {name: row["expected"] for name, row in rows.items()} == {"hpj": "8", "j": "8", "hpj+j": "8"}
    assert f"fitted on 4 clips of {val[0] / 'scores.npz'}, " in rows["hpj+j"]["weights"]


def test_clips_that_are_reported_are_no_validation_clips(runs, capsys):
    assert call(ensemble, "--scores", runs, "--weights", "fit", "--fit-scores", runs) == 1

    assert "8 of its 8 clips are reported too, such as 'e0'" in capsys.readouterr().err


def test_a_protocol_with_validation_clips_needs_no_held_out_ones(tmp_path):
    entries = [
        entry if entry.id[0] != "d" else type(entry)(entry.id, entry.path, entry.label, splits={"p1": "val"})
        for entry in train_entries()
    ]
    train_store(tmp_path / "store", entries)

    assert call(train, *words(tmp_path / "store", tmp_path / "run", "epochs=1")) == 0
    command = [f"--checkpoint={tmp_path / 'run'}", f"--store={tmp_path / 'store'}", "--split=val"]
    assert call(evaluate, *command) == 0

    scores = load_scores(tmp_path / "run/on-toy-p1-val/scores.npz")
    assert set(scores.labels) == {"d0", "d1", "d2", "d3"}


def test_where_nothing_was_held_out_there_are_none(store, runs, tmp_path, capsys):
    assert call(train, *words(store, tmp_path / "run", "epochs=1")) == 0
    assert call(evaluate, f"--checkpoint={tmp_path / 'run'}", f"--store={store}", "--split=val") == 1
    assert 'Train with ARGS="--select-on validation"' in capsys.readouterr().err

    facts = with_dataset(make_facts(crops=()), name="other")
    train_store(tmp_path / "other", facts=facts)
    command = [f"--checkpoint={runs / 'hpj'}", f"--store={tmp_path / 'other'}", "--split=val"]
    assert call(evaluate, *command) == 1
    assert "was trained on toy, p1, p1; only of that are there clips" in capsys.readouterr().err
