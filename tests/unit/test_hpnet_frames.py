"""Which frames the video encoder sees, and how they vary; answers by hand."""

import colorsys

import pytest
import torch

from train.hpnet.frames import (
    Variation,
    adjust_colours,
    gray,
    sample_frames,
    turn_hue,
    vary_frames,
)

STILL = Variation(flip=0, jitter=0, gray=0)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def colourful(clips=2, times=3, side=4):
    return torch.randint(0, 256, (clips, times, 3, side, side), generator=draw(9)).float()


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [
        (8, [0, 1, 2, 3, 4, 5, 6, 7]),
        (16, [1, 3, 5, 7, 9, 11, 13, 15]),
        # edges 0 1 2 3 5 6 7 8 10
        (10, [0, 1, 2, 4, 5, 6, 7, 9]),
        # edges 0 12 25 38 51 64 77 90 103
        (103, [6, 18, 31, 44, 57, 70, 83, 96]),
    ],
)
def test_frames_of_a_test_clip(num_frames, expected):
    assert sample_frames(num_frames).tolist() == expected


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [(7, [0, 1, 2, 3, 4, 5, 6, 6]), (3, [0, 1, 2, 2, 2, 2, 2, 2]), (1, [0] * 8)],
)
def test_last_frame_of_a_short_clip_is_repeated(num_frames, expected):
    assert sample_frames(num_frames).tolist() == expected
    assert sample_frames(num_frames, draw=draw()).tolist() == expected


def test_frames_of_a_training_clip_are_anywhere_in_their_part():
    drawn = torch.stack([sample_frames(10, draw=draw(seed)) for seed in range(100)])

    assert [sorted(set(column.tolist())) for column in drawn.T] == [
        [0], [1], [2], [3, 4], [5], [6], [7], [8, 9],
    ]  # fmt: skip
    assert 30 < (drawn[:, 3] == 3).sum() < 70
    assert torch.equal(sample_frames(10, draw=draw(5)), drawn[5])


def test_clip_without_frames():
    with pytest.raises(ValueError, match="no frame to sample"):
        sample_frames(0)


def test_other_numbers_of_frames():
    assert sample_frames(9, num_samples=3).tolist() == [1, 4, 7]


def test_nothing_varies_where_nothing_is_wanted():
    frames = colourful()

    assert torch.equal(vary_frames(frames, STILL, draw()), frames)


def test_a_clip_is_mirrored_as_a_whole():
    frames = colourful(clips=20)

    varied = vary_frames(frames, Variation(flip=0.5, jitter=0, gray=0), draw())

    mirrored = [torch.equal(new, old.flip(-1)) for new, old in zip(varied, frames, strict=True)]
    same = [torch.equal(new, old) for new, old in zip(varied, frames, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 5 <= sum(mirrored) <= 15


def test_a_clip_loses_its_colours():
    frames = colourful()

    varied = vary_frames(frames, Variation(flip=0, jitter=0, gray=1), draw())

    torch.testing.assert_close(varied, gray(frames).expand_as(frames))


@pytest.mark.parametrize(("jitter_per", "flickers"), [("frame", True), ("clip", False)])
def test_colours_flicker_as_published_or_not(jitter_per, flickers):
    frames = colourful(times=1).expand(-1, 3, -1, -1, -1)
    variation = Variation(flip=0, jitter=1, gray=0, jitter_per=jitter_per)

    varied = vary_frames(frames, variation, draw())

    assert all(torch.equal(clip[0], clip[1]) != flickers for clip in varied)
    assert not torch.allclose(varied[0, 0] - frames[0, 0], varied[1, 0] - frames[1, 0])
    assert varied.min() >= 0
    assert varied.max() <= 255


def test_a_clip_keeps_its_colours_or_they_change_as_if_all_did():
    frames = colourful(clips=20)
    some = vary_frames(frames, Variation(flip=0, jitter=0.5, gray=0), draw())
    every = vary_frames(frames, Variation(flip=0, jitter=1, gray=0), draw())

    changed = [torch.equal(new, jittered) for new, jittered in zip(some, every, strict=True)]
    kept = [torch.equal(new, old) for new, old in zip(some, frames, strict=True)]
    assert all(a != b for a, b in zip(changed, kept, strict=True))
    assert 5 <= sum(changed) <= 15


def test_variation_is_decided_by_the_seed():
    frames = colourful()

    assert torch.equal(vary_frames(frames, Variation(), draw(3)), vary_frames(frames, Variation(), draw(3)))


def one(value):
    return torch.tensor(float(value))


def test_colours_by_hand():
    # two pixels: (100, 200, 50) and (0, 0, 0); luma 29.9 + 117.4 + 5.7 = 153 and 0
    frame = torch.tensor([[100.0, 0.0], [200.0, 0.0], [50.0, 0.0]])[:, None]
    same = {"brightness": one(1), "contrast": one(1), "saturation": one(1), "hue": one(0)}

    def adjusted(**options):
        return adjust_colours(frame, **(same | options))[:, 0]

    torch.testing.assert_close(adjusted(), frame[:, 0])
    brighter = [[150.0, 0.0], [255.0, 0.0], [75.0, 0.0]]
    torch.testing.assert_close(adjusted(brightness=one(1.5)), torch.tensor(brighter))
    # half of the way to the mean luma, 76.5
    flatter = [[88.25, 38.25], [138.25, 38.25], [63.25, 38.25]]
    torch.testing.assert_close(adjusted(contrast=one(0.5)), torch.tensor(flatter))
    # half of the way to each pixel's own luma
    paler = [[126.5, 0.0], [176.5, 0.0], [101.5, 0.0]]
    torch.testing.assert_close(adjusted(saturation=one(0.5)), torch.tensor(paler))


@pytest.mark.parametrize("turn", [0.0, 0.1, -0.1, 1 / 3, 0.5])
def test_hue_turns_as_in_the_standard_library(turn):
    frames = colourful(clips=1, times=1, side=6)
    frames[..., 0, 0] = 77.0  # gray has no hue

    turned = turn_hue(frames, one(turn))

    def by_hand(pixel):
        hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255).tolist())
        return [255 * part for part in colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)]

    pixels = frames.movedim(-3, -1).reshape(-1, 3)
    expected = torch.tensor([by_hand(pixel) for pixel in pixels])
    torch.testing.assert_close(turned.movedim(-3, -1).reshape(-1, 3), expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": 2}, "flip is 2"),
        ({"hue": 0.6}, "hue is 0.6; expected 0 to 0.5"),
        ({"contrast": -1}, "contrast is -1"),
    ],
)
def test_variation_outside_its_range(options, message):
    with pytest.raises(ValueError, match=message):
        Variation(**options)
