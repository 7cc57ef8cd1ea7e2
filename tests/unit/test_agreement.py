"""The measures of ``scripts/release/agreement.py``."""

import math

import numpy as np
import pytest

from scripts.release.agreement import measure_agreement


def test_by_hand():
    golden = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
    found = np.array([[3.0, 4.0], [2.0, 0.0], [0.0, 0.0]])
    agreement = measure_agreement(found, golden)

    # cosines 1, 0 and, for two zero vectors, 1; difference (2, -2) against a norm of sqrt(9 + 16 + 4)
    assert agreement.cosine == pytest.approx(2 / 3)
    assert agreement.relative_l2 == pytest.approx(math.sqrt(8 / 29))
    assert agreement.max_abs == 2


def test_zero_against_something_is_no_agreement():
    agreement = measure_agreement(np.zeros((1, 2)), np.array([[1.0, 0.0]]))

    assert (agreement.cosine, agreement.relative_l2, agreement.max_abs) == (0, 1, 1)


def test_equal_is_equal():
    values = np.random.default_rng(0).random((4, 2, 17, 5), np.float32)

    agreement = measure_agreement(values, values)
    assert agreement.cosine == pytest.approx(1)
    assert (agreement.relative_l2, agreement.max_abs) == (0, 0)


def test_nothing_golden_has_no_scale():
    assert measure_agreement(np.ones((1, 2)), np.zeros((1, 2))).relative_l2 == math.inf
