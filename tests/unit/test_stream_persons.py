"""What rows hold where a person is absent, by hand."""

import numpy as np
import pytest

from tests.stream_stores import there
from train.persons import copy_first, hold, with_slots


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        ("xxxxx", [0, 1, 2, 3, 4]),
        ("-x-x-", [1, 1, 1, 3, 3]),  # of two equally near times the earlier one
        ("x---x", [0, 0, 0, 4, 4]),
        ("---x-", [3, 3, 3, 3, 3]),
        ("xx---", [0, 1, 1, 1, 1]),
    ],
)
def test_the_nearest_time_speaks(valid, expected):
    mask = np.array([mark == "x" for mark in valid])

    assert hold(np.arange(5), mask).tolist() == expected


def test_the_first_who_is_there_is_copied():
    valid = there("xx--", "-xx-")
    values = np.array([[1, 0], [2, 3], [0, 4], [0, 0]])[..., None]

    copied, anybody = copy_first(values, valid)

    assert copied[..., 0].tolist() == [[1, 1], [2, 3], [4, 4], [0, 0]]
    assert anybody.tolist() == [[True, True], [True, True], [True, True], [False, False]]


def test_slots():
    values = np.ones((2, 2, 3))

    assert with_slots(values, 1).shape == (2, 1, 3)
    padded = with_slots(values, 4)
    assert padded.shape == (2, 4, 3)
    assert padded[:, :2].all()
    assert not padded[:, 2:].any()
