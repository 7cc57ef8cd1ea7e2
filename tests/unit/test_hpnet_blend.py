"""Mixup and CutMix; answers by hand."""

import pytest
import torch

from train.hpnet.blend import Blend, Blending, cut_box, draw_blend, soft_labels


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def flat(*values, times=2, side=4):
    """A clip of one value each: (B, T, 3, side, side)."""
    return torch.tensor(values).view(-1, 1, 1, 1, 1).expand(-1, times, 3, side, side)


def test_mixup_by_hand():
    blend = Blend(torch.tensor([1, 2, 0]), 0.75, None)

    frames = blend.frames(flat(0.0, 4.0, 8.0))
    labels = blend.values(soft_labels(torch.tensor([0, 1, 1]), 2, smoothing=0.0))

    assert torch.equal(frames, flat(1.0, 5.0, 6.0))
    assert torch.equal(labels, torch.tensor([[0.75, 0.25], [0.0, 1.0], [0.25, 0.75]]))


def test_cutmix_by_hand():
    blend = Blend(torch.tensor([1, 0]), 0.75, (0, 2, 1, 3))  # 4 of 16 pixels

    frames = blend.frames(flat(0.0, 4.0))

    patched = torch.zeros(4, 4)
    patched[0:2, 1:3] = 4
    assert torch.equal(frames[0], patched.expand(2, 3, 4, 4))
    assert torch.equal(frames[1], 4 - patched.expand(2, 3, 4, 4))
    assert torch.equal(blend.values(torch.tensor([0.0, 4.0])), torch.tensor([1.0, 3.0]))


def test_blending_changes_no_input():
    frames = flat(0.0, 4.0).clone()

    Blend(torch.tensor([1, 0]), 0.75, (0, 2, 1, 3)).frames(frames)

    assert torch.equal(frames, flat(0.0, 4.0))


@pytest.mark.parametrize(
    ("share", "centre", "expected"),
    [
        (0.75, (50, 100), (25, 75, 50, 150)),  # half of either side
        (0.75, (0, 199), (0, 25, 149, 200)),  # cut off at the edges
        (1.0, (50, 100), (50, 50, 100, 100)),  # nothing
        (0.0, (50, 100), (0, 100, 0, 200)),  # everything
    ],
)
def test_box_by_hand(share, centre, expected):
    assert cut_box(share, (100, 200), centre) == expected


def drawn(blending, num=400):
    return [draw_blend(4, (10, 20), blending, draw(seed)) for seed in range(num)]


def test_half_of_all_batches_are_cut_as_published():
    blends = drawn(Blending())

    assert None not in blends
    assert 150 < sum(blend.box is not None for blend in blends) < 250
    assert all(sorted(blend.partners.tolist()) == [0, 1, 2, 3] for blend in blends)
    for blend in blends:
        if blend.box is not None:
            top, bottom, left, right = blend.box
            assert blend.share == pytest.approx(1 - (bottom - top) * (right - left) / 200)


def test_shares_of_mixup_are_beta():
    shares = torch.tensor([blend.share for blend in drawn(Blending(cutmix=0))])

    # Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1))
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(1 / (4 * 2.6), rel=0.15)


def test_some_batches_stay_as_they_are_where_that_is_wanted():
    blends = drawn(Blending(probability=0.5))

    assert 150 < blends.count(None) < 250
    assert drawn(Blending(probability=0), 5) == [None] * 5


def test_blends_are_decided_by_the_seed():
    first, second = drawn(Blending(), 10), drawn(Blending(), 10)

    assert [(a.share, a.box, a.partners.tolist()) for a in first] == [
        (b.share, b.box, b.partners.tolist()) for b in second
    ]


@pytest.mark.parametrize(
    ("options", "message"), [({"cutmix": 1.5}, "cutmix is 1.5"), ({"mixup_alpha": 0}, "mixup_alpha is 0")]
)
def test_blending_outside_its_range(options, message):
    with pytest.raises(ValueError, match=message):
        Blending(**options)


def test_soft_labels_by_hand():
    labels = soft_labels(torch.tensor([1, 0]), 4, smoothing=0.2)

    torch.testing.assert_close(labels, torch.tensor([[0.05, 0.85, 0.05, 0.05], [0.85, 0.05, 0.05, 0.05]]))
    assert torch.equal(soft_labels(torch.tensor([1]), 3, smoothing=0.0), torch.tensor([[0.0, 1.0, 0.0]]))
