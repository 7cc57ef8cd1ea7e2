"""`make import-weights STREAM=hpnet` and `STREAM=epam`: what the authors' trainers save becomes scores.

Their arithmetic is held to golden/models by tests/golden; here the file, its names and the store meet.
"""

import pytest
import torch

from scripts.bench.layerwise_ctrgcn import LayerwiseCTRGCN
from scripts.evaluate_checkpoint import main as evaluate
from scripts.import_weights import main as import_weights
from store import open_store
from tests.authors_epam import authors_state
from tests.authors_xclip import AuthorsXClip
from tests.doors import call
from tests.epam_stores import epam_store
from tests.small_models import shaken
from tests.store_makers import make_facts
from tests.train_stores import train_store
from train.checkpoint import load_checkpoint
from train.epam.model import build_epam
from train.graph import graph_subsets
from train.hpnet.text import token_rows
from train.hpnet.xclip import Sizes, letter_tokenizer, num_tokens
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = Sizes(
    image_size=16, patch_size=8, num_frames=2, video_width=64, video_layers=2, embed_dim=64, mit_layers=1,
    vocab_size=num_tokens(letter_tokenizer()), context_length=16, text_width=64, text_layers=2,
)  # fmt: skip
WIDTH = 16  # of graph models; published: 64
SMALL = ["--stream=epam", "width=8", "size=8", "pose_steps=4", "rgb_steps=2"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """A store with crops of persons, for HP-Net."""
    root = tmp_path_factory.mktemp("seen")
    train_store(root, facts=make_facts(crops=("person",)), failed=["e0"])
    return root


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A store with poses and crops of clips, for EPAM-Net."""
    root = tmp_path_factory.mktemp("drawn")
    epam_store(root, failed=["e0"])
    return root


def hpnet_state(store, *, num_classes=2):
    """The encoders, three graph models with heads of their own, and TRMM (specs/hpnet.md D)."""
    torch.manual_seed(0)
    graph = torch.from_numpy(graph_subsets(open_store(str(store)).facts.skeleton))
    state = dict(AuthorsXClip(SIZES).state_dict())
    for number in (1, 2, 3):
        model = LayerwiseCTRGCN(graph, in_channels=3, num_persons=2, num_classes=31, width=WIDTH)
        # with its own classifier, which is not used
        state |= {f"GCN{number}.{name}": value for name, value in model.state_dict().items()}
        state[f"ske_fc{number}.weight"] = torch.randn(num_classes, 4 * WIDTH)
        state[f"ske_fc{number}.bias"] = torch.zeros(num_classes)
    for name, width in (("fc_gamma", 12 * WIDTH), ("fc_beta", 12 * WIDTH), ("fc1", 64), ("fc2", 64)):
        for layer, before in ((0, width), (1, 64)):
            state[f"ske_film.{name}.{layer}.weight"] = 0.05 * torch.randn(64, before)
            state[f"ske_film.{name}.{layer}.bias"] = torch.zeros(64)
    return state


def saved(content, tmp_path):
    torch.save(content, tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def words(weights, store, tmp_path, *more):
    return ["--from", weights, "--store", store, "--to", tmp_path / "run", *more]


def test_hpnet_of_its_authors_is_scored(seen, tmp_path, capsys):
    state = hpnet_state(seen)
    content = {"model": {f"module.{name}": value for name, value in state.items()}, "epoch": 29}
    command = words(saved(content, tmp_path), seen, tmp_path, "--stream=hpnet", "tokenizer=letters")

    assert call(import_weights, *command) == 0
    assert "ctrgcn on hpnet (pooled/net.a), p1, 2 classes, 2 person(s)" in capsys.readouterr().out
    assert call(evaluate, "--checkpoint", tmp_path / "run", "--store", seen, "--device=cpu") == 0

    assert len(load_scores(tmp_path / "run/on-toy-p1/scores.npz").clip_ids) == 7  # e0 failed
    made = load_checkpoint(tmp_path / "run/checkpoint.pt")
    shown = {name: made.passport.recipe[name] for name in ("copy_person", "mask_absent", "absence")}
    assert shown == {"copy_person": True, "mask_absent": False, "absence": "zeros"}
    # the classes as their own text encoder reads them
    authors = AuthorsXClip(SIZES).eval()
    authors.load_state_dict({name: state[name] for name in authors.state_dict()})
    with torch.no_grad():
        text = authors.text(token_rows(["sit", "stand"], letter_tokenizer(), length=16))
    torch.testing.assert_close(made.weights["text"], text, rtol=1e-4, atol=1e-4)
    assert torch.equal(made.weights["skeleton.graphs.hpb.classify.weight"], state["ske_fc3.weight"])


def test_epam_net_of_its_authors_is_scored(drawn, tmp_path):
    torch.manual_seed(0)
    theirs = shaken(build_epam("epam", num_classes=2, num_joints=2, width=8))
    content = {"epoch": 9, "model_state_dict": authors_state(theirs), "optimizer_state_dict": {}}
    command = words(saved(content, tmp_path), drawn, tmp_path, *SMALL)

    assert call(import_weights, *command) == 0
    assert call(evaluate, "--checkpoint", tmp_path / "run", "--store", drawn, "--device=cpu") == 0

    assert len(load_scores(tmp_path / "run/on-toy-p1/scores.npz").clip_ids) == 7
    made = load_checkpoint(tmp_path / "run/checkpoint.pt")
    assert made.passport.recipe["box"] == "published"
    ours, expected = made.model().state_dict(), theirs.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in expected.items())


def test_what_does_not_fit_is_named(seen, drawn, tmp_path, capsys):
    def error_of(content, store, *more):
        assert call(import_weights, *words(saved(content, tmp_path), store, tmp_path, *more)) == 1
        assert not (tmp_path / "run").exists()
        return capsys.readouterr().err

    hpnet = ["--stream=hpnet", "tokenizer=letters"]
    state = hpnet_state(seen)
    assert "scores of 5 classes" in error_of(hpnet_state(seen, num_classes=5), seen, *hpnet)
    assert "have no 'ske_fc1.bias', as HP-Net's have" in error_of({"a": torch.ones(1)}, seen, *hpnet)
    without = {name: value for name, value in state.items() if name != "ske_film.fc1.1.bias"}
    assert "the weights have no 'fc1.1.bias'" in error_of(without, seen, *hpnet)
    longer = state | {"token_embedding.weight": torch.zeros(600, 64)}
    assert "knows 600 tokens, the vocabulary has 514; name the one" in error_of(longer, seen, *hpnet)
    assert "expected what the authors' weights are of: fusion=trmm" in error_of(
        state, seen, *hpnet, "fusion=film"
    )
    assert "have no 'rgb_cls_head.fc_cls.bias', as EPAM-Net's have" in error_of(state, drawn, *SMALL)
    wide = authors_state(build_epam("epam", num_classes=2, num_joints=2, width=16))
    assert "size mismatch" in error_of(wide, drawn, *SMALL)
    assert "weights of xshift_pose alone are not known here" in error_of(wide, drawn, "--stream=xshift_pose")
