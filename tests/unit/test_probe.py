"""The linear probe, by hand."""

import numpy as np

from scripts.probe.linear import STRENGTHS, choose_strength, fit_predict, probe
from scripts.probe.views import average


def test_only_what_is_there_is_averaged():
    values = np.array([[[1.0], [10.0]], [[3.0], [99.0]], [[50.0], [30.0]]])  # T 3, M 2, D 1
    valid = np.array([[True, True], [True, False], [False, True]])

    assert average(values, valid).tolist() == [2.0, 20.0]
    assert average(values, valid, spread=True).tolist() == [2.0, 1.0, 20.0, 10.0]


def test_somebody_who_is_never_there_is_zero():
    assert average(np.full((2, 1, 3), 7.0), np.zeros((2, 1), bool)).tolist() == [0.0, 0.0, 0.0]


def test_two_heaps_are_told_apart():
    train = np.array([[0.0, 5.0], [1.0, 5.0], [9.0, 5.0], [10.0, 5.0]])  # the second column says nothing
    labels = np.array([4, 4, 7, 7])

    (predicted,) = fit_predict(train, labels, np.array([[2.0, 5.0], [8.0, 5.0]]), [1.0])

    assert predicted.tolist() == [4, 7]


def test_it_is_ridge_regression_with_a_mean():
    dice = np.random.default_rng(0)
    train, test = dice.normal(size=(12, 3)), dice.normal(size=(5, 3))
    labels = np.arange(12) % 3
    scaled = (train - train.mean(0)) / train.std(0)
    targets = np.eye(3)[labels]
    weights = np.linalg.solve(scaled.T @ scaled + 2.0 * np.eye(3), scaled.T @ (targets - targets.mean(0)))
    expected = ((test - train.mean(0)) / train.std(0)) @ weights + targets.mean(0)

    (predicted,) = fit_predict(train, labels, test, [2.0])

    assert predicted.tolist() == expected.argmax(1).tolist()


def test_the_strength_is_chosen_on_subjects_that_were_left_out():
    dice = np.random.default_rng(1)
    labels = np.tile([0, 1], 30)
    subjects = [str(number // 6) for number in range(60)]
    vectors = np.concatenate(
        [labels[:, None] + dice.normal(0, 0.8, (60, 1)), dice.normal(0, 1, (60, 200))], axis=1
    )

    assert choose_strength(vectors, labels, subjects) > STRENGTHS[0]  # 200 columns of noise want a penalty


def test_nothing_is_learned_of_test_clips():
    dice = np.random.default_rng(2)
    vectors, labels = dice.normal(size=(40, 6)), np.arange(40) % 4
    vectors[:, 0] += labels
    subjects = [str(number // 5) for number in range(40)]
    is_test = np.arange(40) >= 25
    one = np.arange(40) == 39  # a test clip that stays as it is

    before = probe(vectors, labels, subjects, is_test)
    others = is_test & ~one
    vectors[others] *= 1000
    labels[others] = 0
    after = probe(vectors, labels, subjects, is_test)

    assert after[-1] == before[-1]


def test_clips_of_a_subject_are_left_out_together():
    # each subject has a class and a place of its own: told by place, a clip is right while others of its
    # subject are learned from, and wrong otherwise
    dice = np.random.default_rng(3)
    subjects = [str(number // 8) for number in range(80)]
    labels = np.array([(number // 8) % 2 for number in range(80)])
    places = dice.normal(0, 10, (10, 30))[np.arange(80) // 8]
    honest = 0.4 * (2 * labels[:, None] - 1) + dice.normal(0, 0.1, (80, 1))
    vectors = np.concatenate([honest, places + dice.normal(0, 0.01, (80, 30))], axis=1)

    by_subject = choose_strength(vectors, labels, subjects)
    by_clip = choose_strength(vectors, labels, [str(number) for number in range(80)])

    assert by_subject > by_clip  # places mislead, which only left-out subjects show
