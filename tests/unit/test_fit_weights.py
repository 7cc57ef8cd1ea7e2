"""Fitted weights: of clips that are not reported, and the best there are."""

import numpy as np
import pytest

from tests.score_makers import CLASSES, scores
from train.ensemble import fuse
from train.fit_weights import fit_clips, fit_weights
from train.metrics import measure
from train.scores import ScoresError

NUM_CLIPS = 300


def drawn(seed, strength, *, num_clips=NUM_CLIPS, cycle=(0, 1, 2)):
    """Return scores that tell the classes apart, more or less."""
    random = np.random.default_rng(seed)
    truth = np.resize(cycle, num_clips)
    values = random.normal(size=(num_clips, 3)) + strength * np.eye(3)[truth]
    ids = [f"clip{number}" for number in range(num_clips)]
    labels = {clip_id: CLASSES[place] for clip_id, place in zip(ids, truth, strict=True)}
    return scores(
        values, ids, labels=labels, subjects={clip_id: str(int(clip_id[4:]) % 3) for clip_id in ids}
    )


def mean_loss(parts, weights):
    """Cross-entropy of the weighted sum, worked out clip by clip."""
    first = next(iter(parts.values()))
    losses = []
    for row, clip_id in enumerate(first.clip_ids):
        total = sum(w * parts[name].values[row].astype(float) for name, w in weights.items())
        chances = np.exp(total) / np.exp(total).sum()
        losses.append(-np.log(chances[CLASSES.index(first.labels[clip_id])]))
    return np.mean(losses)


def test_no_other_weights_make_the_classes_likelier():
    parts = {"good": drawn(1, 2.0, num_clips=2400), "fair": drawn(2, 1.0, num_clips=2400)}

    found = {name: weight.value for name, weight in fit_weights(parts, by_class=False).items()}

    # these normal draws are a case of which the best weights are known: the strengths themselves
    assert found == pytest.approx({"good": 2.0, "fair": 1.0}, abs=0.2)
    best = mean_loss(parts, found)
    for name in found:
        for factor in (0.9, 1.1):
            assert mean_loss(parts, found | {name: factor * found[name]}) > best


def test_stream_that_misleads_gets_no_weight():
    wrong = drawn(3, -2.0)

    found = fit_weights({"good": drawn(1, 2.0), "wrong": wrong}, by_class=False)

    assert found["wrong"].value == 0
    assert found["good"].value > 1


def test_stream_that_is_never_wrong_gets_a_finite_weight():
    sure = drawn(4, 100.0)

    found = fit_weights({"sure": sure, "noise": drawn(5, 0.0)}, by_class=True)

    assert 0 < found["sure"].value < np.inf
    assert measure(fuse({"sure": sure, "noise": drawn(5, 0.0)}, found)).top1 == 1


def test_classes_count_the_same_where_their_mean_is_the_measure():
    # one stream knows sit only, which has half of the clips; the other knows the two others
    first = drawn(6, 0.0, cycle=(0, 1, 0, 2))
    sits = np.array([first.labels[clip_id] == "sit" for clip_id in first.clip_ids])
    noise = np.random.default_rng(7).normal(size=(2, NUM_CLIPS, 3))
    truth = np.eye(3)[[CLASSES.index(first.labels[clip_id]) for clip_id in first.clip_ids]]
    parts = {
        "knows_sit": scores(noise[0] + 2 * truth * sits[:, None], first.clip_ids, labels=first.labels),
        "knows_others": scores(noise[1] + 2 * truth * ~sits[:, None], first.clip_ids, labels=first.labels),
    }

    by_clip, by_class = (fit_weights(parts, by_class=wish) for wish in (False, True))

    def share(weights):
        return weights["knows_sit"].value / weights["knows_others"].value

    assert share(by_class) < share(by_clip)


def test_half_is_of_each_class_and_of_the_seed():
    whole = drawn(1, 1.0)

    half, words = fit_clips(whole, "half:7")

    assert words == "half of each class, seed 7"
    for name in CLASSES:
        members = [clip_id for clip_id, label in whole.labels.items() if label == name]
        assert len(half & set(members)) == len(members) // 2
    assert half == fit_clips(whole, "half:7")[0] != fit_clips(whole, "half:8")[0]
    assert fit_clips(whole, "half")[0] == fit_clips(whole, "half:0")[0]


def test_subjects_and_lists_are_taken_as_told(tmp_path):
    whole = drawn(1, 1.0, num_clips=6)
    (tmp_path / "mine.txt").write_text("clip1\nclip5\n")

    assert fit_clips(whole, "subjects:0,2")[0] == {"clip0", "clip3", "clip2", "clip5"}
    assert fit_clips(whole, str(tmp_path / "mine.txt"))[0] == {"clip1", "clip5"}


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("third", "'third': no such file; expected half, half:SEED, subjects:2,10 or a file"),
        ("half:x", "no such file"),
        ("subjects:9", "no clips of subject '9'; its subjects are 0, 1, 2"),
        ("subjects:0,1,2", "chooses 6 of 6 clips"),
    ],
)
def test_division_that_cannot_be_is_refused(wish, message):
    with pytest.raises(ScoresError, match=message):
        fit_clips(drawn(1, 1.0, num_clips=6), wish)


def test_list_of_other_clips_is_refused(tmp_path):
    (tmp_path / "other.txt").write_text("a\nnobody\n")

    with pytest.raises(ScoresError, match="names 1 clips that are not expected, such as 'nobody'"):
        fit_clips(scores(np.eye(4, 3)), str(tmp_path / "other.txt"))


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(ScoresError, match="no clip to fit weights on has scores of all of a, b"):
        fit_weights({"a": scores([[1, 0, 0]], "a"), "b": scores([[1, 0, 0]], "b")}, by_class=False)
