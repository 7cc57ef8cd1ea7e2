"""Streams are joined by names, never by places; those that do not fit each other are refused."""

from dataclasses import replace

import numpy as np
import pytest

from tests.score_makers import CLASSES, LABELS, scores
from train.ensemble import PUBLISHED, Weight, equal_weights, fuse, parse_weights
from train.scores import ScoresError

HPJ = scores([[3, 1, 0], [0, 2, 1], [0, 5, 0], [1, 0, 4]], where="hpj.npz")
# the same clips and classes in other orders
HPB = scores(
    [[9, 7, 8], [3, 1, 2], [12, 10, 11], [6, 4, 5]],
    "cadb",
    classes=("wave", "sit", "stand"),
    where="hpb.npz",
)


def test_rows_and_columns_are_joined_by_name():
    fused = fuse({"hpj": HPJ, "hpb": HPB}, {"hpj": Weight(10), "hpb": Weight(1)})

    assert (fused.clip_ids, fused.class_names) == (tuple("abcd"), CLASSES)
    expected = [[30 + 1, 10 + 2, 0 + 3], [0 + 4, 20 + 5, 10 + 6], [0 + 7, 50 + 8, 9], [10 + 10, 11, 40 + 12]]
    np.testing.assert_array_equal(fused.values, expected)
    assert fused.labels == LABELS
    assert fused.source == {"stream": "hpj+hpb", "weights": {"hpj": "10", "hpb": "1"}}


def test_kind_is_of_each_stream():
    halves = scores(np.log([[1, 1, 2]]), "a")

    fused = fuse({"one": halves, "two": halves}, {"one": Weight(1, "softmax"), "two": Weight(2, "logits")})

    np.testing.assert_allclose(fused.values, [[0.25, 0.25, 0.5 + 2 * np.log(2)]], rtol=1e-6)


def test_clip_that_one_stream_lacks_has_no_scores():
    part = scores([[1, 0, 0], [1, 0, 0]], "da", where="part.npz")

    fused = fuse({"hpj": HPJ, "part": part}, equal_weights(["hpj", "part"]))

    assert fused.clip_ids == ("a", "d")
    assert fused.labels == LABELS


@pytest.mark.parametrize(
    ("trained", "expected"), [((0, 0), 0), ((4, 3), 4), ((0, None), None), ((2, None), 2), ((0,), None)]
)
def test_clips_that_trained_a_stream_are_noted(trained, expected):
    """At least so many as of the worst stream; None: none of those that are known, and some are not."""
    parts = [replace(HPJ, source={"tested_training_clips": count}) for count in trained]
    parts = {"hpj": parts[0], "hpb": (parts[1:] or [HPB])[0]}

    assert fuse(parts, equal_weights(list(parts))).source["tested_training_clips"] == expected


def test_single_stream_stays_as_it_is():
    np.testing.assert_array_equal(fuse({"hpj": HPJ}, {}).values, HPJ.values)


def test_stream_without_a_weight_is_refused():
    with pytest.raises(ScoresError, match="no weight for hpb; there are weights for hpj"):
        fuse({"hpj": HPJ, "hpb": HPB}, {"hpj": Weight(1)})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"classes": ("sit", "stand", "fall"), "labels": {}},
            "hpj.npz and b.npz have other classes.*only hpj.npz has 1, such as 'wave'; "
            "only b.npz has 1, such as 'fall'",
        ),
        (
            {"labels": LABELS | {"e": "wave"}},
            r"hpj.npz and b.npz have other expected clips \(4 and 5\): only b.npz has 1, such as 'e'",
        ),
        (
            {"labels": LABELS | {"c": "wave"}},
            "hpj.npz and b.npz differ in the labels of 1 clips: 'c' is 'stand' in one and "
            "'wave' in the other",
        ),
    ],
)
def test_streams_that_do_not_fit_are_refused(other, message):
    with pytest.raises(ScoresError, match=message):
        fuse({"a": HPJ, "b": scores(np.zeros((4, 3)), where="b.npz", **other)}, equal_weights(["a", "b"]))


def test_weights_are_read_from_words():
    assert parse_weights(["hpj=0.1", "hpnet:softmax=11"]) == {
        "hpj": Weight(0.1),
        "hpnet": Weight(11, "softmax"),
    }


@pytest.mark.parametrize(
    "words", [["hpj"], ["hpj=much"], ["=1"], ["hpj=-1"], ["hpj=nan"], ["hpj=inf"], ["hpj=1", "hpj=2"]]
)
def test_words_that_are_no_weights_are_refused(words):
    with pytest.raises(ScoresError, match="is no weight"):
        parse_weights(words)


def test_unknown_kind_is_refused():
    with pytest.raises(ScoresError, match="unknown kind 'sigmoid'; expected logits or softmax"):
        parse_weights(["hpj:sigmoid=1"])


def test_published_weights_are_those_of_seven_benchmarks():
    found = {name: weights["hpnet"].value for name, weights in PUBLISHED.items()}

    assert found == {
        "ntu60/xsub": 4, "ntu60/xview": 3, "ntu120/xsub": 6, "ntu120/xset": 6,
        "smarthome/cs": 11, "smarthome/cv1": 4, "smarthome/cv2": 8,
    }  # fmt: skip
    for weights in PUBLISHED.values():
        assert {weights[name] for name in ("hpj", "hpb", "hpjm", "hpbm")} == {Weight(0.1, "logits")}
        assert weights["hpnet"].kind == "softmax"
