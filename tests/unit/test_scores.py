"""Scores keep names with numbers, refuse what means nothing, and come back from their file."""

import json

import numpy as np
import pytest

from tests.score_makers import CLASSES, LABELS, scores
from train.scores import ScoresError, load_scores, save_scores

ROWS = [[3, 1, 0], [0, 2, 1], [0, 5, 0], [1, 0, 4]]


def test_file_gives_back_what_was_written(tmp_path):
    one = scores(ROWS[:3], "abc", source={"dataset": "demo", "stream": "hpj"}, subjects={"a": "anna"})

    save_scores(tmp_path / "new" / "hpj.npz", one)
    found = load_scores(tmp_path / "new" / "hpj.npz")

    np.testing.assert_array_equal(found.values, one.values)
    assert found.values.dtype == np.float32
    assert (found.clip_ids, found.class_names, found.kind) == (("a", "b", "c"), CLASSES, "logits")
    assert found.labels == LABELS  # "d" has no row, and is expected all the same
    assert found.source == {"dataset": "demo", "stream": "hpj"}
    assert found.subjects == {"a": "anna"}
    assert found.where == str(tmp_path / "new" / "hpj.npz")


def test_same_scores_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_scores(tmp_path / name, scores(ROWS))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_file_is_opened_by_numpy_alone(tmp_path):
    save_scores(tmp_path / "a.npz", scores(ROWS))

    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["clip_ids"].tolist() == ["a", "b", "c", "d"]
        assert arrays["expected_labels"].tolist() == ["sit", "sit", "stand", "wave"]
        assert json.loads(str(arrays["header"]))["kind"] == "logits"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [[1, 2], [3, 4]]}, r"x.npz: scores \(2, 2\); expected \(4, 3\)"),
        ({"values": [1, 2, 3]}, r"scores \(3,\); expected \(4, 3\)"),
        ({"kind": "votes"}, "kind 'votes'; expected logits or softmax"),
        ({"clip_ids": "abca"}, "clip 'a' is there twice"),
        ({"classes": ("sit", "sit", "wave"), "labels": {}}, "class 'sit' is there twice"),
        ({"labels": {"a": "fall"}}, "class 'fall', which has no column; the columns are sit, stand, wave"),
        ({"values": [[1, 2, 3], [np.nan, 0, 0], [np.inf, 0, 0], [0, 0, 0]]}, "clip 'b' and 1 others"),
    ],
)
def test_scores_that_mean_nothing_are_refused(change, message):
    with pytest.raises(ScoresError, match=message):
        scores(**{"values": ROWS, **change})


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"text"])
def test_other_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)

    with pytest.raises(ScoresError, match=r"a\.npz: no score file of Heatpool"):
        load_scores(tmp_path / "a.npz")


def test_arrays_of_somebody_else_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", scores=np.zeros(3))
    np.save(tmp_path / "b.npy", np.zeros(3))

    for name in ("a.npz", "b.npy"):
        with pytest.raises(ScoresError, match=f"{name}: no score file of Heatpool"):
            load_scores(tmp_path / name)


def test_softmax_and_logits_become_each_other():
    logits = scores(np.log([[1, 2, 5], [1, 1, 2], [1, 1, 1], [4, 0.5, 0.5]]))
    expected = [[0.125, 0.25, 0.625], [0.25, 0.25, 0.5], [1 / 3] * 3, [0.8, 0.1, 0.1]]

    np.testing.assert_allclose(logits.as_kind("softmax"), expected, rtol=1e-6)
    np.testing.assert_array_equal(logits.as_kind("logits"), logits.values)
    again = scores(expected, kind="softmax").as_kind("logits")
    np.testing.assert_allclose(again[0] - again[0, 0], np.log([1, 2, 5]), atol=1e-6)


def test_logit_of_an_impossible_class_is_finite():
    assert np.isfinite(scores([[1, 0, 0]], "a", kind="softmax").as_kind("logits")).all()


def test_part_has_only_its_clips():
    part = scores(ROWS[:3], "abc").of({"c", "d"})

    assert part.clip_ids == ("c",)
    assert part.labels == {"c": "stand", "d": "wave"}
    np.testing.assert_array_equal(part.values, [[0, 5, 0]])
