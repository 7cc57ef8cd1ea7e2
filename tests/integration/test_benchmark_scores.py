"""Scores of our own trainings on a benchmark are fused and compared as the benchmark's are."""

import csv
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from scripts.ensemble_scores import main as ensemble
from scripts.train_stream import main as train
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import words
from tests.train_stores import train_entries, train_store, with_dataset
from train.scores import load_scores, save_scores

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
        assert call(train, *words(root / "store", run, f"--stream={stream}", "epochs=1")) == 0
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
    """The trainer's files with scores by hand: of e, who sits, stands, sits and sits, hpj is wrong at last.

    Its margin is 1 each time. The likeliest share of right clips is 3 of 4, the weight ln 3; but of right
    classes 5 of 6, as each sitting clip counts a third, and ln 5. hpb knows nothing.
    """
    for stream, is_known in (("hpb", 0), ("hpj", 1)):
        scores = load_scores(runs / stream / "scores.npz")
        values = np.zeros_like(scores.values)
        for clip_id, place in {"e0": 0, "e1": 1, "e2": 0, "e3": 1}.items():
            values[scores.clip_ids.index(clip_id), place] = is_known
        save_scores(tmp_path / f"{stream}.npz", replace(scores, values=values))

    assert call(ensemble, "--scores", tmp_path, "--weights", "fit", "--fit-on", "subjects:e") == 0

    hpb, hpj = re.findall(r"hp[bj] (\S+) logits", weights_of(tmp_path / "ensemble"))
    assert float(hpb) == 0
    assert float(hpj) == pytest.approx(
        math.log(5), rel=0.01
    )  # a little less, as weights are pulled towards 0
