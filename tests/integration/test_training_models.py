"""MixFormer and ST-GCN++ through the whole trainer: trained, killed, resumed, evaluated, joined."""

import csv

import pytest

from scripts.ensemble_scores import main as ensemble
from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import assert_same_run, killed, words
from tests.train_stores import train_store
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTHS = {"mixformer": 40, "stgcnpp": 12}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root, facts=make_facts(clock=4, crops=()), failed=["e0"])  # MixFormer halves time twice
    return root


@pytest.mark.parametrize("model", WIDTHS)
def test_a_model_through_the_whole_trainer(store, tmp_path, model):
    choices = [f"--model={model}", f"width={WIDTHS[model]}", "epochs=2"]
    runs = tmp_path / "runs"
    assert call(train, *words(store, runs / "hpj", *choices)) == 0
    assert call(train, *words(store, runs / "b", "--stream=b", *choices)) == 0

    command = words(store, tmp_path / "killed", *choices, "--save-every=0")
    killed(6, *command)
    assert call(train, *command) == 0
    assert_same_run(tmp_path / "killed", runs / "hpj")

    out = tmp_path / "evaluated"
    assert call(evaluate, f"--checkpoint={runs / 'hpj'}", f"--store={store}", f"--out={out}") == 0
    assert (out / "scores.npz").read_bytes() == (runs / "hpj/scores.npz").read_bytes()

    assert call(ensemble, "--scores", runs, "--weights", "hpj=1", "b=0.5") == 0
    first, second, fused = (load_scores(runs / name / "scores.npz") for name in ("hpj", "b", "ensemble"))
    assert fused.clip_ids == first.clip_ids == second.clip_ids
    assert fused.values == pytest.approx(first.values + 0.5 * second.values, rel=1e-6)
    with (runs / "ensemble/table.csv").open(newline="") as file:
        assert {line["name"]: line["scored"] for line in csv.DictReader(file)} == {
            "b": "7", "hpj": "7", "b+hpj": "7"
        }  # fmt: skip
