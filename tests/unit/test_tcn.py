"""The temporal network for few clips: its layers by hand, persons, and what it refuses."""

import pytest
import torch

from store.exchange.skeletons import coco_17
from store.skeleton import make_skeleton
from tests.small_models import shaken, small_stream
from train.models import build_model

pytestmark = pytest.mark.usefixtures("one_thread")


def network(*, num_persons=2, **options):
    settings = {"in_channels": 6, "num_frames": 16, "skeleton": coco_17(), "num_classes": 5, "width": 4}
    torch.manual_seed(0)
    return shaken(build_model("tcn", num_persons=num_persons, **(settings | options))).eval()


def test_parameters():
    model = build_model(
        "tcn", in_channels=128, num_frames=32, num_persons=2, skeleton=coco_17(), num_classes=6
    )

    norm = 2 * 128 * 17
    reduce, join = 128 * 8 + 8, 8 * 17 * 32 + 32
    convs, norms = 2 * (32 * 32 * 5 + 32), 3 * 2 * 32
    assert (
        sum(one.numel() for one in model.parameters()) == norm + reduce + join + convs + norms + 128 * 6 + 6
    )


def test_features_are_mean_and_maximum_over_time():
    """One joint, one channel: everything passes unchanged, and the convolutions add nothing."""
    model = network(num_persons=1, in_channels=1, num_frames=3, skeleton=make_skeleton(["head"], []), width=1)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.zero_()
        model.backbone.reduce.weight[0] = 1
        model.backbone.join.weight[0, 0] = 1
        for norm in (model.norm, model.backbone.norms[0]):
            norm.weight.fill_(1)
            norm.bias.zero_()
            norm.running_mean.zero_()
            norm.running_var.fill_(1)

    features = model.features(torch.tensor([1.0, 6, -3]).view(1, 1, 3, 1, 1))

    torch.testing.assert_close(features, torch.tensor([[7 / 3, 6, 7 / 3, 6]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("train", [True, False])
def test_an_absent_person_counts_as_nothing(train):
    """Half of the sum, the same maximum, and no trace in any statistic."""
    both, one = network().train(train), network(num_persons=1).train(train)
    stream = small_stream()
    present = torch.tensor([[True, False]] * 3)

    alone, of_one = both.features(stream, present), one.features(stream[..., :1])

    torch.testing.assert_close(alone, of_one * torch.tensor([0.5] * 8 + [1] * 8))
    assert torch.equal(both.norm.running_mean, one.norm.running_mean)


def test_two_persons_are_summed_and_compared():
    both, one = network(), network(num_persons=1)
    stream = small_stream()

    first, second = (one.features(stream[..., [person]])[:, :8] for person in (0, 1))

    expected = torch.cat([(first + second) / 2, torch.maximum(first, second)], 1)
    torch.testing.assert_close(both.features(stream), expected)


def test_persons_may_change_slots():
    model, stream = network(), small_stream()

    torch.testing.assert_close(model(stream), model(stream.flip(4)))


def test_every_parameter_gets_a_gradient():
    model = network().train()

    (model(small_stream()) * torch.arange(15.0).view(3, 5)).sum().backward()

    assert all(parameter.grad.any() for parameter in model.parameters())


def test_any_number_of_frames():
    assert network()(small_stream(frames=7)).shape == (3, 5)


def test_no_width():
    with pytest.raises(ValueError, match="width 0: expected a number of channels, 1 or more"):
        network(width=0)
