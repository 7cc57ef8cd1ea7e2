"""The graph models with the authors' weights against golden/models; tolerances from its meta.json."""

import json

import numpy as np
import pytest
import torch

from scripts.bench.layerwise_ctrgcn import LayerwiseCTRGCN
from store.exchange.skeletons import coco_17, ntu_25
from tests.authors_mixformer import AuthorsMixFormer
from tests.golden.shared_data import shared
from train.graph import graph_subsets
from train.models import build_model
from train.models.author_weights import ctrgcn_from_authors, mixformer_from_authors

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]

CASES = {
    "ctrgcn_pooled": ("ctrgcn", coco_17(), ctrgcn_from_authors),
    "ctrgcn_ntu25": ("ctrgcn", ntu_25(), ctrgcn_from_authors),
    "mixformer_pooled": ("mixformer", coco_17(), mixformer_from_authors),
}


def golden(case):
    folder = shared(f"golden/models/{case}")
    with np.load(folder / "io.npz") as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    meta = json.loads((folder / "meta.json").read_text())
    return torch.load(folder / "weights.pt", weights_only=True), arrays, meta["tolerance"]


@pytest.mark.parametrize("case", CASES)
def test_authors_weights_give_the_authors_numbers(case):
    name, skeleton, from_authors = CASES[case]
    weights, arrays, tolerance = golden(case)
    _, channels, frames, _, persons = arrays["x"].shape
    model = build_model(
        name, in_channels=channels, num_frames=frames, num_persons=persons, skeleton=skeleton,
        num_classes=arrays["logits"].shape[1],
    ).eval()  # fmt: skip

    model.load_state_dict(from_authors(weights, num_persons=persons))
    with torch.no_grad():
        logits, pooled = model(arrays["x"]), model.features(arrays["x"])

    torch.testing.assert_close(logits, arrays["logits"], **tolerance)
    torch.testing.assert_close(pooled, arrays["pooled"], **tolerance)


@pytest.mark.parametrize("case", ["ctrgcn_pooled", "ctrgcn_ntu25"])
def test_what_we_measure_against_is_the_authors_network(case):
    weights, arrays, tolerance = golden(case)
    _, channels, _, _, persons = arrays["x"].shape
    layerwise = LayerwiseCTRGCN(
        arrays["A"], in_channels=channels, num_persons=persons, num_classes=arrays["logits"].shape[1]
    ).eval()

    layerwise.load_state_dict(weights)
    with torch.no_grad():
        logits = layerwise(arrays["x"])

    torch.testing.assert_close(logits, arrays["logits"], **tolerance)


def test_what_mixformer_is_tested_against_is_the_authors_network():
    weights, arrays, tolerance = golden("mixformer_pooled")
    _, channels, frames, _, persons = arrays["x"].shape
    theirs = AuthorsMixFormer(
        arrays["A_fixed"], in_channels=channels, num_frames=frames, num_persons=persons,
        num_classes=arrays["logits"].shape[1],
    ).eval()  # fmt: skip

    missing, unused = theirs.load_state_dict(weights, strict=False)
    with torch.no_grad():
        logits = theirs(arrays["x"])

    assert missing == []
    assert len(unused) == 13 * 10  # what the authors do not use
    torch.testing.assert_close(logits, arrays["logits"], **tolerance)


@pytest.mark.parametrize(("case", "array"), [(case, "A_fixed" if "mix" in case else "A") for case in CASES])
def test_graphs_are_the_authors(case, array):
    _, arrays, _ = golden(case)

    np.testing.assert_array_equal(graph_subsets(CASES[case][1]), arrays[array])


def test_what_the_authors_do_not_use_is_dropped_and_nothing_else():
    folder = shared("golden/models/mixformer_pooled")
    weights = torch.load(folder / "weights.pt", weights_only=True)
    unused = {
        key.removeprefix("l*.") for key in json.loads((folder / "meta.json").read_text())["unused_keys"]
    }
    used = {key: value for key, value in weights.items() if key.partition(".")[2] not in unused}

    ours = mixformer_from_authors(used, num_persons=2)

    assert len(unused) == 13
    counted = [sum(v.numel() for k, v in state.items() if "num_batches" not in k) for state in (used, ours)]
    assert counted[0] == counted[1]
