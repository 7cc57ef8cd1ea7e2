"""golden/models as a user would: import features and weights, `make evaluate`; the golden logits come out."""

import json

import numpy as np
import pytest

from scripts import evaluate_checkpoint, import_store, import_weights
from tests.doors import call
from tests.golden.shared_data import shared
from train.scores import load_scores

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]

# performer 3 tests in xsub, performer 1 trains
TESTED, TRAINED = ("S001C001P003R001A001", "S001C001P003R002A002"), "S001C001P001R001A001"


@pytest.mark.parametrize(
    ("case", "model", "dataset"),
    [("ctrgcn_pooled", "ctrgcn", "ntu120"), ("mixformer_pooled", "mixformer", "ntu60")],
)
def test_authors_features_and_weights_give_the_authors_scores(tmp_path, case, model, dataset):
    golden = shared(f"golden/models/{case}")
    with np.load(golden / "io.npz") as file:
        stream, logits = file["x"], file["logits"]  # (N, C, T, V, M), (N, K); exact in float16
    folder, store, run = (tmp_path / name for name in ("npy", "store", "run"))
    folder.mkdir()
    for name, clip in zip((*TESTED, TRAINED), (*stream, stream[0]), strict=True):
        np.save(folder / f"{name}.npy", clip.transpose(1, 3, 2, 0))
    words = ["--format", "npy", "--from", folder, "--store", store, "--dataset", dataset]
    assert call(import_store.main, *words) == 0
    words = ["--from", golden / "weights.pt", "--store", store, "--to", run, "--model", model]
    assert call(import_weights.main, *words) == 0

    assert call(evaluate_checkpoint.main, "--checkpoint", run, "--store", store) == 0

    scores = load_scores(run / f"on-{dataset}-xsub/scores.npz")
    assert scores.clip_ids == TESTED
    tolerance = json.loads((golden / "meta.json").read_text())["tolerance"]
    np.testing.assert_allclose(scores.values, logits, **tolerance)
