"""Decoding, pooling and resampling against golden/models/fpm; tolerances from its meta.json."""

import numpy as np
import pytest
import torch

from extract.decode_pose import decode_simcc
from extract.pool import pool_at_joints
from store.clock import blend_valid, sample_times
from tests.golden.shared_data import shared

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(shared("golden/models/fpm/io.npz")) as file:
        return dict(file)


def test_simcc_joints_are_exact(golden):
    keypoints, _ = decode_simcc(
        torch.from_numpy(golden["simcc_x"]), torch.from_numpy(golden["simcc_y"]), split_ratio=2.0
    )

    np.testing.assert_array_equal(keypoints.numpy(), golden["joints"])


@pytest.mark.parametrize(
    ("joints", "expected"),
    [("joints", "pooled"), ("joints_fractional", "pooled_fractional"), ("joints_outside", "pooled_outside")],
)
def test_pooling(golden, joints, expected):
    pooled = pool_at_joints(
        torch.from_numpy(golden["maps"]), torch.from_numpy(golden[joints]), crop_wh=(192, 256)
    )

    np.testing.assert_allclose(pooled.numpy(), golden[expected], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("num_frames", [1, 7, 64, 74, 103, 158])
def test_resampling_to_64(golden, num_frames):
    values = golden[f"resample_in_{num_frames}"]
    times = sample_times(num_frames, 64)
    blend = blend_valid(times, np.arange(num_frames), np.ones((num_frames, values.shape[1]), bool))

    np.testing.assert_allclose(blend(values), golden[f"resample_out_{num_frames}"], atol=5e-5, rtol=1e-5)
