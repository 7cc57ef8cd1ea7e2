"""The authors' layout of pooled features and back: who is there, what is copied, what float16 keeps."""

import numpy as np
import pytest

from store.exchange.errors import ClipImportError
from store.exchange.npy_layout import from_npy_layout, to_npy_layout

ONE, TWO, NOBODY = 1.5, 2.5, 0.0


def features(*slots: tuple[float, float]) -> np.ndarray:
    """(T, 2, 1, 1): the values of the two slots at each time."""
    return np.array(slots, np.float32).reshape(len(slots), 2, 1, 1)


def test_a_copy_is_nobody_and_is_copied_again():
    file = features((ONE, ONE), (ONE, TWO), (NOBODY, NOBODY))

    pooled, valid = from_npy_layout(file, "copied")

    assert valid.tolist() == [[True, False], [True, True], [False, False]]
    assert pooled[..., 0, 0].tolist() == [[ONE, 0], [ONE, TWO], [0, 0]]
    assert pooled.dtype == np.float16
    np.testing.assert_array_equal(to_npy_layout(pooled, valid, "copied", num_slots=2), file)


def test_zeros_are_nobody_where_files_say_so_and_equal_persons_are_two():
    file = features((ONE, ONE), (ONE, NOBODY), (NOBODY, TWO), (NOBODY, NOBODY))

    pooled, valid = from_npy_layout(file, "zeros")

    assert valid.tolist() == [[True, True], [True, False], [False, True], [False, False]]
    exported = to_npy_layout(pooled, valid, "zeros", num_slots=2)
    np.testing.assert_array_equal(exported, file)
    assert exported.dtype == np.float32


def test_a_zero_beside_a_person_is_refused_where_copies_are_the_rule():
    with pytest.raises(ClipImportError, match=r"zero at 1 of 2 times .*--empty-slot zeros"):
        from_npy_layout(features((ONE, ONE), (ONE, NOBODY)), "copied")


def test_whoever_is_there_fills_the_empty_slot():
    # of an extracted store: the tracker may lose person 0 and keep person 1
    pooled, valid = features((NOBODY, TWO)).astype(np.float16), np.array([[False, True]])

    exported = to_npy_layout(pooled, valid, "copied", num_slots=2)

    assert exported[0, :, 0, 0].tolist() == [TWO, TWO]


def test_values_are_rounded_to_the_nearest_float16():
    # float16 has steps of 1/1024 from 1 on: 1 + 0.4 steps and 1 + 0.6 steps
    pooled, _ = from_npy_layout(features((1 + 0.4 / 1024, 1 + 0.6 / 1024)), "zeros")

    assert pooled[0, :, 0, 0].tolist() == [1, 1 + 1 / 1024]


def test_one_slot_is_no_copy_of_itself():
    pooled, valid = from_npy_layout(np.full((2, 1, 1, 1), ONE, np.float32), "copied")

    assert valid.all()
    assert (pooled == ONE).all()


def test_a_store_of_one_person_fills_both_slots():
    pooled, valid = np.full((3, 1, 1, 1), ONE, np.float16), np.array([[True], [False], [True]])
    pooled[1] = 0

    exported = to_npy_layout(pooled, valid, "copied", num_slots=2)

    assert exported[..., 0, 0].tolist() == [[ONE, ONE], [0, 0], [ONE, ONE]]
