"""Recall, precision and PCK of the demo's networks, worked out by hand."""

import numpy as np
import pytest

from scripts.demo_weights.measures import Counts, are_near, count, match, total

# three persons beside each other, 10 wide and 20 high
TRUE = np.array([[0.0, 0, 10, 20], [20, 0, 30, 20], [40, 0, 50, 20]])


def test_surest_box_takes_the_person_and_each_person_counts_once():
    found = np.array(
        [
            [20.0, 0, 30, 20],  # the second person
            [21, 0, 31, 20],  # again: 9 of 11 columns are shared, but the person is taken
            [0, 0, 10, 10],  # the first person's upper half: an overlap of exactly 0.5
            [45, 0, 55, 20],  # 5 of 15 columns of the third: too little
        ]
    )

    assert match(found, TRUE).tolist() == [2, 0, -1]
    counts, _ = count(found, TRUE, np.array([True, True, True]))
    assert counts == Counts(num_found=4, num_true=3, num_hits=2)
    assert (counts.recall, counts.precision) == (pytest.approx(2 / 3), 0.5)


def test_person_who_is_not_asked_for_counts_neither_way():
    found = TRUE[:2]
    is_asked_for = np.array([True, False, False])

    counts, boxes = count(found, TRUE, is_asked_for)

    assert counts == Counts(num_found=1, num_true=1, num_hits=1)
    assert boxes.tolist() == [0, 1, -1]


def test_frame_without_anybody_and_frame_without_boxes():
    nothing = np.zeros((0, 4))

    false_alarm, _ = count(TRUE[:1], nothing, np.zeros(0, bool))
    missed, _ = count(nothing, TRUE[:1], np.array([True]))

    assert total([false_alarm, missed]) == Counts(num_found=1, num_true=1, num_hits=0)
    assert np.isnan(missed.precision)
    assert np.isnan(false_alarm.recall)
    assert total([]) == Counts(0, 0, 0)


def test_keypoints_are_near_within_a_tenth_of_the_height():
    # a box 20 high: 2 pixels are near; 3-4-5 triangles scaled by 0.4 and by 0.5 are 2 and 2.5 away
    true = np.array([[[5.0, 5], [5, 5], [5, 5]]])
    keypoints = true + np.array([[1.2, 1.6], [1.5, 2.0], [np.nan, 0]])

    assert are_near(keypoints, true, TRUE[:1]).tolist() == [[True, False, False]]
