"""Augmentations: what they leave alone, and what they do, by hand."""

import dataclasses

import pytest
import torch

from train.augment import Augment, drop_joints_and_channels, drop_persons, exchange_persons, vary_time


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def ramp(num_times=9, num_rows=3):
    """Return rows whose value is their time."""
    return torch.arange(float(num_times))[None, :, None, None].expand(num_rows, -1, 2, 3).clone()


CLIP_OF_ROW = torch.tensor([0, 0, 1])


def test_all_is_off_by_default():
    rows, valid, present = ramp(), torch.ones(3, 9, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)

    assert vary_time(rows, valid, CLIP_OF_ROW, 2, Augment(), draw()) == (rows, valid)
    assert drop_joints_and_channels(rows, CLIP_OF_ROW, 2, Augment(), draw()) is rows
    assert drop_persons(present, Augment(), draw()) is present
    stream = torch.rand(2, 3, 4, 5, 2)
    assert exchange_persons(stream, present, Augment(), draw()) == (stream, present)


def test_a_crop_of_all_time_is_no_crop():
    rows = ramp()

    moved, _ = vary_time(rows, None, CLIP_OF_ROW, 2, Augment(jitter=1e-9), draw())

    torch.testing.assert_close(moved, rows)


def test_a_crop_is_a_stretch_of_time():
    moved, _ = vary_time(ramp(), None, CLIP_OF_ROW, 2, Augment(crop=0.5), draw())

    times = moved[:, :, 0, 0]
    steps = times.diff(dim=1)
    inner = steps[:, 1:-1]
    assert (steps >= 0).all()
    torch.testing.assert_close(inner, inner[:, :1].expand_as(inner))  # one speed
    assert ((inner > 0.5) & (inner < 1)).all()  # a half of the time or more
    assert torch.equal(times[0], times[1])  # persons of a clip stay together
    assert not torch.equal(times[0], times[2])


def test_jitter_stays_within_its_steps():
    moved, _ = vary_time(ramp(64, 3), None, CLIP_OF_ROW, 2, Augment(jitter=0.4), draw())

    off = (moved - ramp(64, 3)).abs()
    assert 0.3 < off.max() <= 0.4 + 1e-5


def test_between_two_times_absence_is_not_read():
    rows = torch.tensor([2.0, 4.0, 100.0]).reshape(1, 3, 1, 1)
    valid = torch.tensor([[True, True, False]])

    for seed in range(20):
        moved, there = vary_time(rows, valid, torch.tensor([0]), 1, Augment(jitter=0.9), draw(seed))
        assert moved[there].max() <= 4


def test_dropout_zeroes_whole_joints_and_channels():
    rows = torch.ones(200, 4, 5, 6)
    clips = torch.arange(200) // 2

    joints = drop_joints_and_channels(rows, clips, 100, Augment(joint_dropout=0.5), draw())
    channels = drop_joints_and_channels(rows, clips, 100, Augment(channel_dropout=0.25), draw())

    assert set(joints.unique().tolist()) == {0, 2}
    assert (joints == joints[:, :1, :, :1]).all()  # at all times, in all channels
    assert joints.mean() == pytest.approx(1, abs=0.15)
    assert (channels == channels[:, :1, :1]).all()
    assert torch.equal(channels[::2], channels[1::2])  # persons of a clip lose the same
    assert channels.mean() == pytest.approx(1, abs=0.1)


def test_the_last_person_is_never_lost():
    present = torch.tensor([[True, True], [True, False], [False, True]]).repeat(50, 1)

    left = drop_persons(present, Augment(person_dropout=1), draw())

    assert (left.sum(1) == 1).all()
    assert not (left & ~present).any()
    assert 10 < left[::3, 0].sum() < 40  # either of two


def test_persons_change_slots_together_with_who_is_there():
    stream = torch.tensor([[1.0, 2], [3, 0]])[:, None, None, None]
    present = torch.tensor([[True, True], [True, False]])

    turned, there = exchange_persons(stream, present, Augment(exchange=1), draw())

    assert turned[:, 0, 0, 0].tolist() == [[2, 1], [0, 3]]
    assert there.tolist() == [[True, True], [False, True]]


def test_persons_of_some_clips_change_slots():
    stream = torch.tensor([1.0, 2]).expand(200, 1, 1, 1, 2)

    turned, _ = exchange_persons(stream, torch.ones(200, 2, dtype=torch.bool), Augment(exchange=0.5), draw())

    assert (turned.sum(4) == 3).all()
    assert 70 < (turned[..., 0] == 2).sum() < 130


def test_the_same_seed_draws_the_same():
    augment = Augment(crop=0.5, jitter=1, joint_dropout=0.2, channel_dropout=0.2, person_dropout=0.5)

    def vary(seed):
        generator = draw(seed)
        rows, _ = vary_time(ramp(), None, CLIP_OF_ROW, 2, augment, generator)
        return drop_joints_and_channels(rows, CLIP_OF_ROW, 2, augment, generator)

    assert torch.equal(vary(5), vary(5))
    assert not torch.equal(vary(5), vary(6))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", 0),
        ("crop", 1.1),
        ("jitter", -1),
        ("joint_dropout", 1),
        ("channel_dropout", -0.1),
        ("person_dropout", 2),
        ("exchange", 1.5),
        ("mirror", -0.5),
        ("turn", 181),
        ("scale", 1),
    ],
)
def test_refuses(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; expected"):
        dataclasses.replace(Augment(), **{name: value})
