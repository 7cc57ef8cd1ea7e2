"""Metrics of a few clips, worked out by hand."""

import numpy as np
import pytest

from tests.score_makers import scores
from train.metrics import measure
from train.report_tables import classes_csv, confusion_csv, render_classes, render_rows, rows_csv
from train.scores import ScoresError

# a (sit) right, b (sit) taken for wave, c (stand) right, d (wave) without scores
THREE = scores([[3, 1, 0], [0, 1, 2], [0, 5, 0]], "abc")


def test_missing_clip_is_wrong():
    found = measure(THREE)

    assert (found.num_expected, found.num_scored, found.num_wrong) == (4, 3, 2)
    assert found.top1 == 2 / 4
    assert found.mean_class == pytest.approx((1 / 2 + 1 / 1 + 0 / 1) / 3)
    assert found.top5 == 3 / 4  # three classes only, so every clip with scores
    np.testing.assert_array_equal(found.confusion, [[1, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert found.class_missing.tolist() == [0, 0, 1]


def test_missing_clip_can_be_left_out():
    found = measure(THREE, missing_is_wrong=False)

    assert (found.num_expected, found.num_scored, found.num_wrong) == (3, 3, 1)
    assert found.top1 == 2 / 3
    assert found.mean_class == pytest.approx((1 / 2 + 1 / 1) / 2)


def test_row_of_a_clip_that_nobody_expects_is_left_out():
    found = measure(scores([[3, 1, 0], [0, 5, 0]], "az"))

    assert (found.num_expected, found.num_scored, found.num_unexpected) == (4, 1, 1)
    assert found.top1 == 1 / 4


def test_class_without_clips_is_not_in_the_mean():
    found = measure(scores([[1, 0, 0], [0, 1, 0]], "ac", labels={"a": "sit", "c": "stand"}))

    assert found.mean_class == 1
    assert np.isnan(found.class_top1[2])


def test_of_equal_scores_the_first_class_wins():
    found = measure(scores([[1, 1, 1], [1, 1, 1]], "ac", labels={"a": "sit", "c": "stand"}))

    assert found.top1 == 1 / 2
    np.testing.assert_array_equal(found.confusion[:, 0], [1, 1, 0])


def test_top5_is_among_the_first_five():
    classes = tuple("stuvwxy")
    rows = [[7, 6, 5, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1], [0, 0, 0, 0, 0, 0, 0]]

    found = measure(scores(rows, "abc", classes=classes, labels={"a": "w", "b": "x", "c": "w"}))

    assert found.top5 == 2 / 3  # the fifth, the sixth, the fifth of equal ones
    assert found.top1 == 0


def test_scores_of_other_clips_are_refused():
    with pytest.raises(ScoresError, match="none of its 2 clips is among the 4 expected ones, such as 'a'"):
        measure(scores([[1, 0, 0], [1, 0, 0]], "yz"))


def test_tables_say_the_same():
    found = measure(THREE)

    assert render_rows({"hpj": found}).splitlines()[1].split() == [
        "hpj", "50.00", "75.00", "50.00", "2", "3", "of", "4"
    ]  # fmt: skip
    lines = [line.split() for line in render_classes(found).splitlines()[1:]]
    assert lines[0] == ["sit", "2", "1", "50.00", "0", "wave", "(1)"]
    assert lines[2] == ["wave", "1", "0", "0.00", "1", "-"]
    assert rows_csv({"hpj": found}, {}).splitlines()[1] == "hpj,50.0000,75.0000,50.0000,2,3,4,"
    assert classes_csv(found).splitlines()[1:] == [
        "sit,2,0,1,50.0000", "stand,1,0,1,100.0000", "wave,1,1,0,0.0000"
    ]  # fmt: skip
    assert confusion_csv(found).splitlines() == [
        "class,sit,stand,wave,(no scores)", "sit,1,0,1,0", "stand,0,1,0,0", "wave,0,0,0,1"
    ]  # fmt: skip
