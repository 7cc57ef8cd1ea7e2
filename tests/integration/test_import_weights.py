"""`make import-weights`: the authors' state dict and a store become scores; what does not fit is named.

The authors' networks are those that are written layer by layer, which tests/golden/test_graph_models.py holds
to golden/models.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scripts.bench.layerwise_ctrgcn import LayerwiseCTRGCN
from scripts.evaluate_checkpoint import main as evaluate
from scripts.import_weights import main as import_weights
from store import open_store
from store.exchange.skeletons import ntu_25
from store.schema import Layout
from tests.authors_mixformer import AuthorsMixFormer, ntu_graph
from tests.doors import call
from tests.small_models import shaken
from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store
from train.checkpoint import load_checkpoint
from train.graph import graph_subsets
from train.graph_method import GraphMethod
from train.graph_recipe import GraphRecipe
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root, failed=["e0"])
    return root


def network(store, *, num_persons=2, num_classes=2, channels=3):
    graph = torch.from_numpy(graph_subsets(open_store(str(store)).facts.skeleton))
    torch.manual_seed(0)
    made = LayerwiseCTRGCN(graph, in_channels=channels, num_persons=num_persons, num_classes=num_classes)
    for name, buffer in made.named_buffers():
        if name.endswith("running_mean"):
            buffer.add_(0.3 * torch.randn(buffer.shape))
    return made.eval()


def words(store, weights, to, *more):
    return ["--from", weights, "--store", store, "--to", to, *more]


def save(content, tmp_path):
    torch.save(content, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


@pytest.mark.parametrize("prefix", ["", "module."])
def test_scores_are_those_of_the_authors_network(store, tmp_path, capsys, prefix):
    theirs = network(store)
    state = {prefix + name: value for name, value in theirs.state_dict().items()}

    assert call(import_weights, *words(store, save(state, tmp_path), tmp_path / "run")) == 0
    assert "ctrgcn on hpj (pooled/net.a), p1, 2 classes, 2 person(s)" in capsys.readouterr().out
    assert call(evaluate, "--checkpoint", tmp_path / "run", "--store", store) == 0

    assert "trained on toy, p1, imported from weights.pt" in capsys.readouterr().out
    scores = load_scores(tmp_path / "run/on-toy-p1/scores.npz")
    assert len(scores.clip_ids) == 7
    assert_scores_of(theirs, scores, open_store(str(store)))


def assert_scores_of(theirs, scores, reader):
    """The scores are those of the authors' network, clip by clip."""
    for clip_id, row in zip(scores.clip_ids, scores.values, strict=True):
        values = reader.read("pooled/net.a", clip_id).astype(np.float32)  # (T, M, V, C)
        if not reader.person_valid(clip_id)[:, 1].any():
            values[:, 1] = values[:, 0]  # as the release shows one person
        with torch.no_grad():
            logits = theirs(torch.from_numpy(values).permute(3, 0, 2, 1)[None])
        np.testing.assert_allclose(row, logits[0], rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def kinect(tmp_path_factory):
    """A store of NTU's 25 joints."""
    layout = Layout(8, max_persons=2, num_joints=25, taps={"net.a": 3}, crops=())
    facts = replace(make_facts(), skeleton=ntu_25(), layout=layout)
    return train_store(tmp_path_factory.mktemp("kinect"), train_entries(["a0", "e0", "e1"]), facts=facts)


def test_mixformer_of_ntus_joints_is_scored_on_the_graph_of_its_authors(kinect, tmp_path):
    torch.manual_seed(0)
    theirs = shaken(
        AuthorsMixFormer(ntu_graph(), in_channels=3, num_frames=8, num_persons=2, num_classes=2, width=40)
    ).eval()
    weights = save(theirs.state_dict(), tmp_path)

    command = words(kinect.address, weights, tmp_path / "run", "--model=mixformer", "width=40")
    assert call(import_weights, *command) == 0
    assert call(evaluate, "--checkpoint", tmp_path / "run", "--store", kinect.address) == 0

    scores = load_scores(tmp_path / "run/on-toy-p1/scores.npz")
    assert len(scores.clip_ids) == 2
    assert_scores_of(theirs, scores, kinect)
    assert GraphMethod(GraphRecipe(model="mixformer", graph="tree")).facts(kinect, ["sit"]) == {}
    # what was trained before the root was noted keeps the graph that it was trained on
    passport = replace(load_checkpoint(tmp_path / "run/checkpoint.pt").passport, facts={})
    before = GraphMethod(GraphRecipe(model="mixformer", width=40)).model(passport)
    assert np.array_equal(before.backbone.first[0].spatial.fixed, graph_subsets(ntu_25()))


def test_what_the_network_was_shown_can_be_chosen(store, tmp_path):
    weights = save({"state_dict": network(store, num_persons=1).state_dict()}, tmp_path)

    assert call(import_weights, *words(store, weights, tmp_path / "run", "mask_absent=true")) == 0

    passport = load_checkpoint(tmp_path / "run/checkpoint.pt").passport
    assert (passport.num_persons, passport.recipe["num_persons"]) == (1, 1)
    assert (passport.recipe["mask_absent"], passport.recipe["copy_person"]) == (True, False)


def test_weights_that_do_not_fit_are_refused(store, tmp_path, capsys):
    def error_of(content, *more):
        assert call(import_weights, *words(store, save(content, tmp_path), tmp_path / "run", *more)) == 1
        assert not (tmp_path / "run").exists()
        return capsys.readouterr().err

    fitting = network(store).state_dict()
    assert "scores of 5 classes" in error_of(network(store, num_classes=5).state_dict())
    assert "the input's BatchNorm has 20 numbers; expected persons x 2 joints x 3 channels" in error_of(
        network(store, channels=5).state_dict()
    )
    assert "have no 'to_joint_embedding.bias'" in error_of(fitting, "--model=mixformer")
    assert "are not known here; those of ctrgcn, mixformer are" in error_of(fitting, "--model=stgcnpp")
    assert "has no protocol 'p9'; expected one of p1" in error_of(fitting, "--protocol=p9")
    without = {name: value for name, value in fitting.items() if not name.startswith("l7")}
    assert "the weights have no 'l7.gcn1" in error_of(without)
    cut = fitting | {"fc.weight": fitting["fc.weight"][:, :7]}
    assert "size mismatch for classify.weight" in error_of(cut)
    assert "holds no weights by name" in error_of([1])


def test_what_is_no_file_of_weights_is_refused(store, tmp_path, capsys):
    (tmp_path / "weights.pt").write_bytes(b"no weights")

    assert call(import_weights, *words(store, tmp_path / "weights.pt", tmp_path / "run")) == 1

    assert "weights.pt: no plain weights" in capsys.readouterr().err
