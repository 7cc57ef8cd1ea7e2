"""What is subtracted from colours, and what they are divided by; answers by hand."""

import pytest
import torch

from train.colours import STATISTICS, normalise


@pytest.mark.parametrize("statistics", STATISTICS)
def test_normalised_by_hand(statistics):
    mean, deviation = (torch.tensor(values)[:, None, None] for values in STATISTICS[statistics])

    torch.testing.assert_close(
        normalise((mean + 2 * deviation).expand(2, 3, 1, 4), statistics), 2 * torch.ones(2, 3, 1, 4)
    )


def test_statistics_of_clip_are_255_times_those_of_floats():
    mean, deviation = STATISTICS["clip"]

    assert mean == pytest.approx([255 * x for x in (0.48145466, 0.4578275, 0.40821073)], abs=1e-4)
    assert deviation == pytest.approx([255 * x for x in (0.26862954, 0.26130258, 0.27577711)], abs=1e-4)


def test_colours_are_normalised_in_their_order():
    white, black = (normalise(torch.full((1, 3, 1, 1), value, dtype=torch.uint8)) for value in (255, 0))

    torch.testing.assert_close(
        white.flatten(), torch.tensor([131.325 / 58.395, 138.72 / 57.12, 151.47 / 57.375])
    )
    torch.testing.assert_close(
        black.flatten(), torch.tensor([-123.675 / 58.395, -116.28 / 57.12, -103.53 / 57.375])
    )


def test_unknown_statistics():
    with pytest.raises(ValueError, match="'kinetics' are not known; choose one of imagenet, clip"):
        normalise(torch.zeros(1, 3, 1, 1), "kinetics")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_frames_stay_as_they_are(dtype):
    frames = torch.full((1, 3, 1, 1), 7, dtype=dtype)

    assert normalise(frames).dtype == torch.float32
    assert (frames == 7).all()
