"""Heatmap volumes: the vectors of specs/epam.md A.3 and specs/posec3d.md 1, and those drawn one at a time."""

from math import exp

import pytest
import torch

from scripts.bench.plain_heatmaps import plain_joint_volume, plain_limb_volume
from train.epam.heatmaps import COCO_17_LIMBS, joint_volume, limb_volume

pytestmark = pytest.mark.usefixtures("one_thread")


def joints(*persons):
    """Return points (1, 1, M, V, 2) and scores of persons, each a list of (x, y, score)."""
    values = torch.tensor(persons, dtype=torch.float32)[None, None]
    return values[..., :2], values[..., 2]


def random_poses(*, clips=2, times=3, persons=2, spread=20.0):
    draw = torch.Generator().manual_seed(0)
    middle = 56 * torch.rand(clips, times, persons, 1, 2, generator=draw)
    points = middle + spread * torch.randn(clips, times, persons, 17, 2, generator=draw)
    scores = torch.rand(clips, times, persons, 17, generator=draw)
    scores[torch.rand(scores.shape, generator=draw) < 0.2] = 5e-5
    return points, scores


def test_joints_of_the_fact_sheet():
    volume = joint_volume(*joints([(10.3, 20.7, 0.9), (54.9, 0.3, 0.5)]))

    assert volume.shape == (1, 1, 2, 56, 56)
    first, second = volume[0, 0]
    assert ((first > 0).sum() + (second > 0).sum()).item() == 34
    assert volume.sum().item() == pytest.approx(2.95956, abs=1e-5)
    for (row, column), expected in {
        (21, 10): 0.700921, (20, 10): 0.402156, (21, 11): 0.402156, (22, 12): 0.00155470, (18, 8): 2.32e-8,
    }.items():  # fmt: skip
        assert first[row, column].item() == pytest.approx(expected, rel=2e-3, abs=1e-10)
    assert second[0, 55].item() == pytest.approx(0.435162, abs=1e-6)
    assert second[0, 54].item() == pytest.approx(0.143252, abs=1e-6)


def test_persons_are_merged_by_the_maximum():
    volume = joint_volume(*joints([(10, 10, 1.0)], [(11, 10, 0.5)]))[0, 0, 0]

    beside = exp(-1 / (2 * 0.6**2))
    assert volume[10, 10].item() == 1
    assert volume[10, 11].item() == pytest.approx(0.5)  # more than what the first person has there
    assert volume[10, 9].item() == pytest.approx(beside)


def test_windows_are_cut_towards_zero():
    def columns(x):
        return joint_volume(*joints([(x, 10, 1.0)]))[0, 0, 0, 10].nonzero().flatten().tolist()

    assert columns(10.0) == [8, 9, 10, 11]  # 8.2 to 11.8, cut to 8 and 11
    assert columns(10.3) == [8, 9, 10, 11, 12]
    assert columns(-2.5) == [0]  # to -0.7, which is cut to 0
    assert columns(-2.9) == []
    assert columns(57.5) == [55]
    assert columns(57.9) == []


def test_who_is_not_seen_is_not_drawn():
    volume = joint_volume(*joints([(10, 10, 0.9e-4), (10, 10, 1.1e-4)]))[0, 0]

    assert volume[0].sum() == 0
    assert volume[1].sum() > 0
    assert joint_volume(*joints([(10, 10, 0.9)]), min_score=0.95).sum() == 0


@pytest.mark.parametrize(("size_hw", "sigma"), [((56, 56), 0.6), ((20, 31), 1.0), ((3, 2), 2.0)])
def test_joints_are_those_drawn_one_at_a_time(size_hw, sigma):
    points, scores = random_poses()
    options = {"size_hw": size_hw, "sigma": sigma, "min_score": 1e-4}

    found = joint_volume(points, scores, **options)
    expected = torch.from_numpy(plain_joint_volume(points.numpy(), scores.numpy(), **options))

    assert (expected > 0).any()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_limb_of_the_fact_sheet():
    volume = limb_volume(*joints([(10, 10, 0.9), (20, 14, 0.6)]), [(0, 1)])[0, 0, 0]

    assert (volume > 0).sum().item() == 112
    assert volume.sum().item() == pytest.approx(11.0736, abs=1e-4)
    assert volume[12, 15].item() == pytest.approx(0.6)
    assert volume[10, 15].item() == pytest.approx(0.0049911, abs=1e-6)


def test_a_limb_without_length_is_its_first_joint():
    points, scores = joints([(10, 10, 0.9), (10.6, 10.7, 0.6)])

    joint = joint_volume(points[..., :1, :], scores[..., :1])

    torch.testing.assert_close(limb_volume(points, scores, [(0, 1)]), joint)
    assert limb_volume(points, torch.tensor([0.9, 0.0]).view(1, 1, 1, 2), [(0, 1)]).sum() == 0


@pytest.mark.parametrize("spread", [0.3, 6.0, 30.0])
def test_limbs_are_those_drawn_one_at_a_time(spread):
    points, scores = random_poses(spread=spread)
    options = {"size_hw": (40, 56), "sigma": 0.6, "min_score": 1e-4}

    found = limb_volume(points, scores, COCO_17_LIMBS, **options)
    expected = torch.from_numpy(plain_limb_volume(points.numpy(), scores.numpy(), COCO_17_LIMBS, **options))

    assert (expected > 0).any()
    torch.testing.assert_close(found, expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("draw", [joint_volume, limb_volume])
def test_nobody_is_nothing(draw):
    volume = draw(torch.zeros(1, 2, 0, 17, 2), torch.zeros(1, 2, 0, 17))

    assert volume.shape == (1, 2, 17, 56, 56)
    assert not volume.any()
