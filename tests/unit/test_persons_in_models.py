"""Folding persons into the batch and out again."""

import pytest
import torch

from tests.small_models import NAMES, small_model, small_stream
from train.models.persons import PersonNorm, fold_persons, mean_over_persons

pytestmark = pytest.mark.usefixtures("one_thread")

PRESENT = torch.tensor([[True, False], [True, True], [False, True]])


def test_rows_are_the_present_persons_slot_by_slot():
    stream = small_stream()

    rows = fold_persons(stream, PRESENT)

    assert rows.counts == (2, 2)
    expected = torch.stack([stream[0, ..., 0], stream[1, ..., 0], stream[1, ..., 1], stream[2, ..., 1]])
    torch.testing.assert_close(rows.values, expected.transpose(2, 3), rtol=0, atol=0)


def test_mean_counts_who_is_there():
    rows = fold_persons(small_stream(), PRESENT)

    pooled = mean_over_persons(torch.tensor([[1.0], [2.0], [4.0], [8.0]]), rows)

    assert pooled.tolist() == [[1.0], [3.0], [8.0]]


def test_all_present_is_the_published_mean():
    model = small_model("ctrgcn").eval()
    stream = small_stream()

    torch.testing.assert_close(model(stream, torch.ones(3, 2, dtype=torch.bool)), model(stream))


def test_a_slot_is_normalised_by_its_own_rows():
    norm = PersonNorm(2, 1, 1)
    x = torch.tensor([0.0, 2.0, 10.0, 14.0]).view(2, 1, 1, 2)  # slot 0: 0 and 2; slot 1: 10 and 14

    normed = norm(x, (1, 1))

    torch.testing.assert_close(normed.flatten(), torch.tensor([-1.0, 1, -1, 1]), atol=1e-4, rtol=0)
    # a tenth of the new mean and of the unbiased variance (2 and 8) is taken over
    torch.testing.assert_close(norm.running_mean.flatten(), torch.tensor([0.1, 1.2]))
    torch.testing.assert_close(norm.running_var.flatten(), torch.tensor([1.1, 1.7]))


def test_a_slot_without_rows_keeps_its_statistics():
    norm = PersonNorm(2, 1, 1)

    norm(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2), (1, 0))

    assert (norm.running_mean[1], norm.running_var[1]) == (0, 1)


def test_a_clip_with_nobody_is_refused():
    present = torch.tensor([[True, True], [False, False], [True, True]])

    with pytest.raises(ValueError, match="clip 1 of the batch has no person present; leave such clips out"):
        fold_persons(small_stream(), present)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"present is \(3, 1\); expected \(clips, persons\) = \(3, 2\)"):
        fold_persons(small_stream(), PRESENT[:, :1])


def outcome(model, stream, present=None, *, train):
    """Logits, gradients and statistics after one batch; the entrance norm, which has slots, apart."""
    model.train(train)
    logits = model(stream, present)
    (logits * torch.arange(logits.numel()).view_as(logits)).sum().backward()
    rest = {name: p.grad for name, p in model.named_parameters() if not name.startswith("norm.")}
    rest |= {name: b for name, b in model.named_buffers() if not name.startswith("norm.")}
    return logits.detach(), rest, model.norm


def copy_into_one_slot(name, model):
    """The same model for M = 1, with the entrance norm of slot 0."""
    one = small_model(name, num_persons=1)
    one.load_state_dict(
        {key: value[:1] if key.startswith("norm.") else value for key, value in model.state_dict().items()}
    )
    return one


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", NAMES)
def test_masked_second_person_equals_one_slot(name, train):
    # in every respect: logits, gradients, statistics; whatever lies in the masked slot
    model = small_model(name)
    one = copy_into_one_slot(name, model)
    stream = small_stream()
    only_first = torch.tensor([[True, False]] * 3)

    logits, rest, norm = outcome(model, stream, only_first, train=train)
    expected, expected_rest, expected_norm = outcome(one, stream[..., :1], train=train)

    assert_same(logits, expected)
    assert_same(rest, expected_rest)
    assert_same(norm.weight.grad[:1], expected_norm.weight.grad)
    assert_same(norm.running_mean[:1], expected_norm.running_mean)
    assert not norm.weight.grad[1:].any()


@pytest.mark.parametrize("name", NAMES)
def test_copied_second_person_equals_one_slot_in_eval_while_both_slots_are_alike(name):
    model = small_model(name)
    one = copy_into_one_slot(name, model)
    stream = small_stream()
    copied = torch.cat([stream[..., :1]] * 2, -1)

    logits, _, _ = outcome(model, copied, train=False)
    expected, _, _ = outcome(one, stream[..., :1], train=False)

    assert_same(logits, expected)


@pytest.mark.parametrize("name", ["ctrgcn", "mixformer"])
def test_copied_second_person_differs_in_eval_once_the_slots_differ(name):
    # which they do as soon as one clip has two different persons: statistics and scales are per slot
    model = small_model(name)
    stream = small_stream()
    copied = torch.cat([stream[..., :1]] * 2, -1)
    masked, _, _ = outcome(model, stream, torch.tensor([[True, False]] * 3), train=False)
    with torch.no_grad():
        model.norm.running_mean[1] += 0.5

    logits, _, _ = outcome(model, copied, train=False)

    assert (logits - masked).abs().max() > 0.01


def test_copied_second_person_stays_equal_where_slots_share_a_norm():
    model = small_model("stgcnpp")
    model.train()(small_stream())  # moves the statistics, by two different persons
    stream = small_stream()[..., :1]

    copied, _, _ = outcome(model, torch.cat([stream] * 2, -1), train=False)
    masked, _, _ = outcome(model, torch.cat([stream] * 2, -1), torch.tensor([[True, False]] * 3), train=False)

    assert_same(copied, masked)


@pytest.mark.parametrize("name", NAMES)
def test_copied_second_person_in_train_mode(name):
    # same logits and gradients as with one slot, but each slot of the entrance norm gets half the gradient
    # and takes half the step; running variances differ by the factor of the unbiased estimate
    model = small_model(name)
    one = copy_into_one_slot(name, model)
    stream = small_stream()
    copied = torch.cat([stream[..., :1]] * 2, -1)

    logits, rest, norm = outcome(model, copied, train=True)
    expected, expected_rest, expected_norm = outcome(one, stream[..., :1], train=True)

    assert_same(logits, expected)
    gradients = {key: value for key, value in rest.items() if "num_" not in key and "run" not in key}
    assert_same(gradients, {key: expected_rest[key] for key in gradients})
    slots = len(norm.weight)
    assert_same(norm.weight.grad * slots, expected_norm.weight.grad.expand(slots, -1))
    variance = "norm_out.running_var"
    differs = [
        key for key in rest if key.endswith(variance) and not torch.equal(rest[key], expected_rest[key])
    ]
    assert differs


@pytest.mark.parametrize("name", NAMES)
def test_zeros_in_the_second_slot_are_not_an_absent_person(name):
    model = small_model(name).eval()
    stream = small_stream()
    stream[..., 1] = 0

    published, masked = model(stream), model(stream, torch.tensor([[True, False]] * 3))

    assert (published - masked).abs().max() > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_does_not_depend_on_who_is_missing_elsewhere(name):
    model = small_model(name).eval()
    stream = small_stream()

    torch.testing.assert_close(model(stream, PRESENT)[1], model(stream)[1], rtol=1e-4, atol=1e-4)
