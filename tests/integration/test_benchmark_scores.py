"""Scores of our own trainings on a benchmark are fused and compared as the benchmark's are."""

import csv
from dataclasses import replace

import pytest

from scripts.ensemble_scores import main as ensemble
from scripts.train_stream import main as train
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import words
from tests.train_stores import train_entries, train_store, with_dataset
from train.fit_weights import fit_clips, fit_weights
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two streams of a store that is called smarthome, protocol cs; 5 test clips sit, 3 stand."""
    facts = with_dataset(make_facts(crops=()), name="smarthome", protocols={"cs": {"metric": "mean_class"}})
    entries = [
        replace(entry, splits={"cs": entry.splits["p1"]})
        for entry in train_entries(labels=["sit", "sit", "stand"])
    ]
    root = tmp_path_factory.mktemp("smarthome")
    train_store(root / "store", entries, facts=facts)
    for stream in ("hpj", "hpb"):
        run = root / "runs" / stream
        assert call(train, *words(root / "store", run, f"--stream={stream}")) == 0
    return root / "runs"


def weights_of(folder):
    with (folder / "table.csv").open(newline="") as file:
        return {row["name"]: row["weights"] for row in csv.DictReader(file)}["hpb+hpj"]


def test_the_published_weights_of_the_benchmark_are_its_default(runs, tmp_path, capsys):
    assert call(ensemble, "--scores", runs, "--to", tmp_path) == 0

    assert capsys.readouterr().out.startswith("smarthome cs: 8 of 8 expected clips")
    told = (
        "hpb 0.1 logits, hpj 0.1 logits; published for smarthome/cs, where they were tuned on the test clips"
    )
    assert weights_of(tmp_path) == told


def test_weights_are_fitted_for_what_the_benchmark_is_compared_by(runs, tmp_path):
    assert call(ensemble, "--scores", runs, "--to", tmp_path, "--weights", "fit") == 0

    parts = {stream: load_scores(runs / stream / "scores.npz") for stream in ("hpb", "hpj")}
    chosen, _ = fit_clips(parts["hpb"], "half")  # 2 sit, 1 stands
    for_fit = {stream: scores.of(chosen) for stream, scores in parts.items()}
    by_class, by_clip = (
        ", ".join(f"{stream} {weight}" for stream, weight in fit_weights(for_fit, by_class=each).items())
        for each in (True, False)
    )
    assert by_class != by_clip
    assert weights_of(tmp_path).startswith(f"{by_class}; fitted")
