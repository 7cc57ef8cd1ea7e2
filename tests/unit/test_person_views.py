"""Which views of who is there equal each other: the release's copy, an absent person masked out, and M=1.

A stand-in for the graph models has what matters: an input normalisation with its own statistics and scales
per slot, something that mixes channels, and the mean over persons.
"""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.store_makers import shrink_units
from tests.stream_stores import stream_store, there
from train.data import StreamDataModule

VALIDS = {
    "a": there("xxx", "---"),
    "b": there("xxx", "---"),
    "c": there("xxx", "---"),
    "d": there("xxx", "---"),
}


class SmallModel(nn.Module):
    def __init__(self, num_persons: int) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(num_persons * 2 * 3)
        self.mix = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))

    def forward(self, stream: Tensor, present: Tensor | None = None) -> Tensor:
        b, c, t, v, m = stream.shape
        x = self.data_bn(stream.permute(0, 4, 3, 1, 2).reshape(b, m * v * c, t))
        x = x.reshape(b, m, v, c, t).permute(0, 1, 4, 2, 3)
        logits = self.mix(x).mean((2, 3))  # (B, M, K)
        if present is None:
            return logits.mean(1)
        there = present[..., None].float()
        return (logits * there).sum(1) / there.sum(1)


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """The same clips of one person as the release sees them, masked, and with one slot."""
    root = tmp_path_factory.mktemp("store")
    stream_store(root, VALIDS)

    def batch(**options):
        data = StreamDataModule(
            str(root), "hpj", train_ids=(), test_ids="abcd", class_names=("sit", "stand"), batch_size=4,
            **options,
        )  # fmt: skip
        (only,) = data.batches(data.test_dataloader())
        return only

    return {"copy": batch(copy_person=True), "masked": batch(num_persons=2), "one": batch()}


def models_of(seed: int = 0, *, same_scales: bool) -> dict[str, SmallModel]:
    """Models with the weights of one; slot 0 of each is normalised alike."""
    torch.manual_seed(seed)
    two, one = SmallModel(2), SmallModel(1)
    for name, values in two.data_bn.named_parameters():
        nn.init.uniform_(values, 0.5, 1.5)
        if same_scales:
            values.data[6:] = values.data[:6]
        getattr(one.data_bn, name).data.copy_(values.data[:6])
    one.mix.load_state_dict(two.mix.state_dict())
    return {"copy": two, "masked": copy.deepcopy(two), "one": one}


def test_slots(views):
    assert {name: view["stream"].shape[-1] for name, view in views.items()} == {
        "copy": 2,
        "masked": 2,
        "one": 1,
    }
    first = views["one"]["stream"][..., 0]
    assert torch.equal(views["masked"]["stream"][..., 0], first)
    assert torch.equal(views["copy"]["stream"][..., 0], first)
    assert torch.equal(views["copy"]["stream"][..., 1], first)
    assert not views["masked"]["stream"][..., 1].any()
    assert views["copy"]["present"].all()
    assert views["masked"]["present"].tolist() == [[True, False]] * 4
    assert views["one"]["present"].all()


@pytest.mark.parametrize("same_scales", [True, False])
def test_masked_is_one_person_whatever_slot_one_has_learned(views, same_scales):
    models = {name: model.eval() for name, model in models_of(same_scales=same_scales).items()}

    masked = models["masked"](views["masked"]["stream"], views["masked"]["present"])
    one = models["one"](views["one"]["stream"], views["one"]["present"])

    torch.testing.assert_close(masked, one)


def test_a_copy_is_one_person_where_both_slots_are_normalised_alike(views):
    models = {name: model.eval() for name, model in models_of(same_scales=True).items()}

    torch.testing.assert_close(models["copy"](views["copy"]["stream"]), models["one"](views["one"]["stream"]))


def test_a_copy_is_something_else_where_they_are_not(views):
    models = {name: model.eval() for name, model in models_of(same_scales=False).items()}

    copied, one = models["copy"](views["copy"]["stream"]), models["one"](views["one"]["stream"])

    assert (copied - one).abs().max() > 0.01


def test_zeros_that_are_not_masked_are_something_else(views):
    model = models_of(same_scales=True)["masked"].eval()

    read = model(views["masked"]["stream"])
    masked = model(views["masked"]["stream"], views["masked"]["present"])

    assert (read - masked).abs().max() > 0.01


def test_training_on_copies_moves_each_slots_scales_half_as_far(views):
    models = models_of(same_scales=True)
    for name, model in models.items():
        present = None if name == "copy" else views[name]["present"]
        model.train()(views[name]["stream"], present).square().sum().backward()

    gradient = {name: model.data_bn.weight.grad for name, model in models.items()}
    torch.testing.assert_close(gradient["copy"][:6], gradient["one"] / 2)
    torch.testing.assert_close(gradient["copy"][6:], gradient["one"] / 2)
    torch.testing.assert_close(gradient["masked"][:6], gradient["one"])
    assert not gradient["masked"][6:].any()
    # what comes after the normalisation learns the same
    for other in ("copy", "masked"):
        torch.testing.assert_close(models[other].mix[0].weight.grad, models["one"].mix[0].weight.grad)
    # the copy's slots gather the same statistics; a masked slot gathers those of zeros, which nobody reads
    statistics = {name: model.data_bn.running_mean for name, model in models.items()}
    torch.testing.assert_close(statistics["copy"][6:], statistics["one"])
    assert not statistics["masked"][6:].any()


def test_two_who_are_always_there_are_the_same_in_both_views(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    stream_store(tmp_path, {"a": there("xxx", "xxx"), "b": there("xxx", "x-x")})
    found = {}
    for copies in (True, False):
        data = StreamDataModule(
            str(tmp_path), "hpj", train_ids=(), test_ids="ab", class_names=("sit", "stand"), batch_size=2,
            copy_person=copies,
        )  # fmt: skip
        (batch,) = data.batches(data.test_dataloader())
        found[copies] = batch["stream"].numpy()

    np.testing.assert_array_equal(found[True][0], found[False][0])
    # who is there at times only: the copy shows person 0 meanwhile, the default what person 1 was last
    np.testing.assert_array_equal(found[True][1, :, 1, :, 1], found[True][1, :, 1, :, 0])
    np.testing.assert_array_equal(found[False][1, :, 1, :, 1], found[False][1, :, 0, :, 1])
