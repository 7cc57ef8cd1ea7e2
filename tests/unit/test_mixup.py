"""Mixtures of clips, by hand."""

import torch

from train.graph_method import GraphMethod
from train.graph_recipe import GraphRecipe
from train.mixup import draw_mixture, mix


def clips(*values):
    """Return (B, 1, 1, 1, M) streams of these values of persons; 0 is nobody."""
    stream = torch.tensor(values)[:, None, None, None]
    return stream, stream[:, 0, 0, 0] != 0


def test_two_persons_are_mixed_slot_by_slot():
    stream, present = clips([4.0, 8], [8.0, 16])

    mixed = mix(stream, present, share=0.75, partners=torch.tensor([1, 0]))

    assert mixed.stream[:, 0, 0, 0].tolist() == [[5, 10], [7, 14]]
    assert mixed.present.all()


def test_who_is_in_one_of_two_clips_stays_as_it_is():
    stream, present = clips([4.0, 0], [8.0, 16], [2.0, 0])

    mixed = mix(stream, present, share=0.75, partners=torch.tensor([1, 0, 0]))

    assert mixed.stream[:, 0, 0, 0].tolist() == [[5, 16], [7, 16], [2.5, 0]]
    assert mixed.present.tolist() == [[True, True], [True, True], [True, False]]


def test_what_is_drawn_comes_from_the_seed():
    stream, present = torch.rand(8, 2, 3, 4, 2), torch.ones(8, 2, dtype=torch.bool)

    def drawn(seed):
        torch.manual_seed(seed)
        return draw_mixture(stream, present, strength=0.5)

    one, same, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(one.stream, same.stream)
    assert one.share == same.share != other.share
    assert sorted(one.partners.tolist()) == list(range(8))
    assert 0 < one.share < 1


def test_the_loss_is_of_both_labels(monkeypatch):
    logits = torch.tensor([[2.0, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    half = mix(
        torch.zeros(2, 6, 4, 17, 2),
        torch.ones(2, 2, dtype=torch.bool),
        share=0.25,
        partners=torch.tensor([1, 0]),
    )
    monkeypatch.setattr("train.graph_method.draw_mixture", lambda *_, **__: half)
    batch = {"stream": half.stream, "present": half.present, "label": torch.tensor([0, 1])}

    loss = GraphMethod(GraphRecipe(mixup=1.0)).loss(lambda stream, present: logits, batch)

    nll = -logits.log_softmax(1)
    by_hand = (0.25 * nll[0, 0] + 0.75 * nll[0, 1] + 0.25 * nll[1, 1] + 0.75 * nll[1, 0]) / 2
    torch.testing.assert_close(loss, by_hand)
