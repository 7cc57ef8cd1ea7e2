"""Decoding of network outputs against mmpose's own codecs."""

import numpy as np
import pytest
import torch

from extract.decode_pose import decode_heatmaps, decode_simcc

INPUT_WH, MAP_WH = (48, 64), (12, 16)


@pytest.fixture(scope="module")
def codecs():
    return pytest.importorskip("mmpose.codecs")


def heatmaps(seed, number=50, joints=17):
    """Blobs anywhere, borders and corners included, on a little noise."""
    random = np.random.default_rng(seed)
    width, height = MAP_WH
    x = random.choice([0, 1, 2, width - 2, width - 1, *range(width)], (number, joints, 1, 1))
    y = random.choice([0, 1, 2, height - 2, height - 1, *range(height)], (number, joints, 1, 1))
    rows, columns = np.mgrid[:height, :width]
    blobs = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return (0.8 * blobs + random.normal(0, 0.02, blobs.shape)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_heatmaps(codecs, seed):
    maps = heatmaps(seed)
    codec = codecs.MSRAHeatmap(INPUT_WH, MAP_WH, sigma=2)
    expected = [codec.decode(one) for one in maps.copy()]

    keypoints, scores = decode_heatmaps(torch.from_numpy(maps), crop_wh=INPUT_WH)

    np.testing.assert_allclose(keypoints.numpy(), [found[0] for found, _ in expected], atol=1e-5)
    np.testing.assert_allclose(scores.numpy(), np.clip([found[0] for _, found in expected], 0, 1), atol=0)


def test_map_without_a_peak_lies_outside(codecs):
    maps = np.full((1, 2, 16, 12), -0.5, np.float32)
    maps[0, 1] = 0
    expected, _ = codecs.MSRAHeatmap(INPUT_WH, MAP_WH, sigma=2).decode(maps[0].copy())

    keypoints, scores = decode_heatmaps(torch.from_numpy(maps), crop_wh=INPUT_WH)

    np.testing.assert_allclose(keypoints.numpy(), expected)
    assert (keypoints < 0).all()
    assert scores.tolist() == [[0, 0]]


def test_peak_above_one_is_cut():
    maps = torch.zeros(1, 1, 16, 12)
    maps[0, 0, 5, 5] = 1.25

    assert decode_heatmaps(maps, crop_wh=INPUT_WH)[1].item() == 1


@pytest.mark.parametrize("split_ratio", [1.0, 2.0])
def test_simcc(codecs, split_ratio):
    random = np.random.default_rng(0)
    bins_x, bins_y = (int(length * split_ratio) for length in INPUT_WH)
    x = random.normal(0, 3, (30, 17, bins_x)).astype(np.float32)
    y = random.normal(0, 3, (30, 17, bins_y)).astype(np.float32)
    codec = codecs.SimCCLabel(INPUT_WH, sigma=6.0, simcc_split_ratio=split_ratio)
    expected = [
        codec.decode(one_x[None], one_y[None])[0][0] for one_x, one_y in zip(x.copy(), y.copy(), strict=True)
    ]

    keypoints, scores = decode_simcc(torch.from_numpy(x), torch.from_numpy(y), split_ratio=split_ratio)

    np.testing.assert_array_equal(keypoints.numpy(), expected)
    assert ((scores > 0) & (scores < 1)).all()


def test_simcc_score_is_the_smaller_peak_of_the_softmax():
    # two bins: logits 0 and ln 3 are 1/4 and 3/4; four equal bins are 1/4 each
    x = torch.tensor([[[1.0, 3.0]]]).log()
    y = torch.zeros(1, 1, 4)

    keypoints, scores = decode_simcc(x, y, split_ratio=2.0)

    assert keypoints.tolist() == [[[0.5, 0]]]
    torch.testing.assert_close(scores, torch.tensor([[0.25]]))
    torch.testing.assert_close(decode_simcc(x, y[..., :1], split_ratio=2.0)[1], torch.tensor([[0.75]]))
