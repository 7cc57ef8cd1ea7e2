"""Each graph model against the same network written layer by layer: logits, gradients and statistics.

The layer-by-layer networks of authors are held to golden/models by tests/golden/test_graph_models.py.
"""

import pytest
import torch

from scripts.bench.layerwise_ctrgcn import LayerwiseCTRGCN
from store.exchange.skeletons import coco_17
from tests.authors_mixformer import AuthorsMixFormer
from tests.plain_stgcnpp import PlainSTGCNPP
from tests.small_models import CHANNELS, CLASSES, FRAMES, WIDTHS, shaken, small_model, small_stream
from train.graph import graph_subsets
from train.models.author_weights import ctrgcn_from_authors, mixformer_from_authors

pytestmark = pytest.mark.usefixtures("one_thread")


def test_ctrgcn():
    # in train mode, with topologies that differ from clip to clip
    adjacency = torch.from_numpy(graph_subsets(coco_17()))
    torch.manual_seed(0)
    layerwise = LayerwiseCTRGCN(adjacency, in_channels=CHANNELS, num_persons=2, num_classes=5, width=8)
    for name, parameter in layerwise.named_parameters():
        if name.endswith("alpha"):
            parameter.data.fill_(0.7)
    ours = small_model("ctrgcn")
    ours.load_state_dict(ctrgcn_from_authors(layerwise.state_dict(), num_persons=2))
    stream = small_stream()

    found, expected = ours(stream), layerwise(stream)
    for logits in (found, expected):
        (logits * torch.arange(15).view(3, 5)).sum().backward()

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    gradients = {name: parameter.grad for name, parameter in layerwise.named_parameters()}
    statistics = {name: buffer for name, buffer in layerwise.named_buffers()}
    in_our_terms = ctrgcn_from_authors({**statistics, **gradients}, num_persons=2)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, in_our_terms[name], rtol=1e-3, atol=2e-3, msg=name)
    for name, buffer in ours.named_buffers():
        torch.testing.assert_close(buffer, in_our_terms[name], rtol=1e-4, atol=1e-5, msg=name)


@pytest.fixture
def in_float64(monkeypatch):
    """Graph products are float32 whatever goes in; here float64: rounding may choose another maximum."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


def backward(logits):
    (logits * torch.arange(logits.numel()).view_as(logits)).sum().backward()
    return logits.detach()


def assert_same(found, expected, name="logits"):
    """No number is off by 1e-9 of the largest one; gradients that should be 0 are rounding errors."""
    largest = max(expected.abs().max().item(), 1e-2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9 * largest, msg=name)


@pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])
def test_stgcnpp(in_float64, is_training):
    # 16 channels: the first temporal branch has six of them, the others two
    ours = small_model("stgcnpp", width=16).double().train(is_training)
    state = {
        name: value.detach().clone().requires_grad_(value.requires_grad)
        for name, value in ours.state_dict(keep_vars=True).items()
    }
    plain = PlainSTGCNPP(state, is_training=is_training)
    stream = small_stream().double()

    assert_same(backward(ours(stream)), backward(plain(stream)))
    for name, parameter in ours.named_parameters():
        assert_same(parameter.grad, state[name].grad, name)
    running = {name for name in state if "running" in name}
    assert plain.statistics.keys() == (running if is_training else set())
    for name, value in plain.statistics.items():
        assert_same(ours.state_dict()[name].flatten(), value, name)


@pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])
def test_mixformer(in_float64, is_training):
    torch.manual_seed(0)
    theirs = AuthorsMixFormer(
        torch.from_numpy(graph_subsets(coco_17())), in_channels=CHANNELS, num_frames=FRAMES, num_persons=2,
        num_classes=CLASSES, width=WIDTHS["mixformer"],
    )  # fmt: skip
    theirs = shaken(theirs).double().train(is_training)
    ours = small_model("mixformer").double().train(is_training)
    ours.load_state_dict(mixformer_from_authors(theirs.state_dict(), num_persons=2))
    stream = small_stream().double()

    assert_same(backward(ours(stream)), backward(theirs(stream)))
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    in_our_terms = mixformer_from_authors({**dict(theirs.named_buffers()), **gradients}, num_persons=2)
    for name, parameter in ours.named_parameters():
        assert_same(parameter.grad, in_our_terms[name], name)
    for name, buffer in ours.named_buffers():
        if not name.endswith(("fixed", "num_batches_tracked")):
            assert_same(buffer, in_our_terms[name], name)
