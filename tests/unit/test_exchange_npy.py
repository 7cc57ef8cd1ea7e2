"""The authors' layout of pooled features and back: who is there, what is copied, what float16 keeps."""

import itertools

import numpy as np
import pytest

from store.exchange.errors import ClipImportError
from store.exchange.npy_layout import from_npy_layout, must_be_told, to_npy_layout

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


PAIRS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.mark.parametrize("empty_slot", ["copied", "zeros"])
@pytest.mark.parametrize("times", list(itertools.product(PAIRS, repeat=2)))
@pytest.mark.parametrize("values", [(ONE, TWO), (ONE, ONE), (NOBODY, TWO)])
def test_every_pattern_of_presence_comes_back(times, values, empty_slot):
    valid = np.array(times)
    pooled = np.where(valid[..., None, None], features(values, values), 0).astype(np.float16)
    file = to_npy_layout(pooled, valid, empty_slot, num_slots=2)

    after, who = from_npy_layout(file, empty_slot, must_be_told(file, valid, empty_slot))

    np.testing.assert_array_equal(who, valid)
    np.testing.assert_array_equal(after, pooled)


def test_only_what_a_file_cannot_say_must_be_told():
    valid = np.array([[True, False], [True, True], [False, False]])
    file = features((ONE, ONE), (ONE, TWO), (NOBODY, NOBODY))

    assert must_be_told(file, valid, "copied") is None
    told = must_be_told(file, valid[:, ::-1], "copied")
    assert told is not None
    assert told.tolist() == [[False, True], [True, True], [False, False]]


def test_what_was_told_of_another_content_is_passed_over():
    _, valid = from_npy_layout(features((ONE, TWO)), "copied", np.array([[False, True]]))

    assert valid.tolist() == [[True, True]]
