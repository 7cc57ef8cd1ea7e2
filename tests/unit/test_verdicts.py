"""What is said of videos, from scores that are worked out by hand."""

import csv
import io

import numpy as np
import pytest

from scripts.prediction.members import choose_weights
from scripts.prediction.verdicts import (
    count_verdicts,
    judge,
    num_failed,
    numbers_of,
    render_line,
    render_one,
    verdicts_csv,
)
from store.table import ClipEntry, ClipOutcome, ClipRow
from train.ensemble import Weight, equal_weights, fuse, parse_weights
from train.scores import Scores, ScoresError

CLASSES = ("a", "b", "c", "d", "e", "f")
SHARES = (0.05, 0.4, 0.1, 0.02, 0.3, 0.13)  # b, e, f, c, a; d is the sixth
ALONE = {"hpj": Weight(1.0, "softmax")}


def row(name, status="ok", reason=None):
    return ClipRow(ClipEntry(name, name), ClipOutcome(status, reason, num_frames=9, num_persons=1))


def scores_of(shares, class_names=CLASSES, clip_ids=("x.mp4",)):
    values = np.log(np.array(shares, np.float32)).reshape(len(clip_ids), -1)
    return Scores(clip_ids, class_names, values, "logits", labels={})


def test_the_five_most_probable_classes_are_told():
    [verdict] = judge([row("x.mp4")], scores_of(SHARES), ALONE)

    assert [name for name, _ in verdict.top] == ["b", "e", "f", "c", "a"]
    np.testing.assert_allclose([share for _, share in verdict.top], [0.4, 0.3, 0.13, 0.1, 0.05], rtol=1e-6)
    assert verdict.reason == ""
    assert render_one(verdict).splitlines()[:2] == ["  1  b   40.0 %", "  2  e   30.0 %"]
    assert render_line(verdict) == "x.mp4: b 40.0 %, e 30.0 %, f 13.0 %"


def test_fewer_classes_than_five():
    [verdict] = judge([row("x.mp4")], scores_of((0.25, 0.75), ("a", "b")), ALONE)

    assert [name for name, _ in verdict.top] == ["b", "a"]


TWO = {"p": scores_of((0.9, 0.1), ("a", "b")), "q": scores_of((0.1, 0.9), ("a", "b"))}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (equal_weights(["p", "q"]), [0.5, 0.5]),
        (parse_weights(["p:softmax=3", "q:softmax=1"]), [0.7, 0.3]),  # (3 x 0.9 + 0.1) / 4
        # (0.9^3 x 0.1 : 0.1^3 x 0.9)^(1/4) = 81^(1/4) : 1 = 3 : 1, whatever the weights' scale
        (parse_weights(["p=3", "q=1"]), [0.75, 0.25]),
        (parse_weights(["p:logits=0.03", "q=0.01"]), [0.75, 0.25]),
        (parse_weights(["p=0.2", "q:softmax=0"]), [0.9, 0.1]),  # only p is asked
    ],
)
def test_probabilities_of_several_models(weights, expected):
    numbers, unit = numbers_of(fuse(TWO, weights), weights)

    assert unit == "probability"
    np.testing.assert_allclose(numbers, [expected], rtol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 1, 10])
def test_models_that_agree_are_as_sure_together_as_alone(scale):
    sure = scores_of((0.01, 0.99), ("a", "b"))
    weights = parse_weights([f"p={scale}", f"q={scale}"])

    [verdict] = judge([row("x.mp4")], fuse({"p": sure, "q": sure}, weights), weights)

    assert render_line(verdict) == "x.mp4: b 99.0 %, a 1.0 %"


def test_logits_and_probabilities_together_are_no_probability():
    weights = parse_weights(["p:logits=1", "q:softmax=2"])

    verdicts = judge([row("x.mp4"), row("y.mp4", "no_person")], fuse(TWO, weights), weights)

    # log 0.9 + 2 x 0.1 = 0.0946 and log 0.1 + 2 x 0.9 = -0.5026
    assert render_line(verdicts[0]) == "x.mp4: a score 0.09, b score -0.50"
    assert render_one(verdicts[0]).splitlines() == ["  1  a   score 0.09", "  2  b  score -0.50"]
    first, second = csv.DictReader(io.StringIO(verdicts_csv(verdicts)))
    assert (first["class_1"], first["score_1"][:6], first["class_2"]) == ("a", "0.0946", "b")
    assert (second["score_1"], "probability_1" in first) == ("", False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {"hpj": Weight(0.5, "softmax"), "hpnet": Weight(0.5, "softmax")}),
        (["equal"], {"hpj": Weight(0.5, "softmax"), "hpnet": Weight(0.5, "softmax")}),
        (["ntu60/xsub"], {"hpj": Weight(0.1, "logits"), "hpnet": Weight(4.0, "softmax")}),
        (["hpnet:softmax=2", "hpj=1", "hpb=1"], {"hpj": Weight(1.0), "hpnet": Weight(2.0, "softmax")}),
    ],
)
def test_weights_are_those_of_the_members(words, expected):
    assert choose_weights(words, {"hpj": None, "hpnet": None}) == expected


def test_a_member_without_a_weight_is_named():
    with pytest.raises(ScoresError, match="no weight for hpnet; there are weights for hpj"):
        choose_weights(["hpj=1"], {"hpj": None, "hpnet": None})


def test_weights_that_ask_nobody_are_refused():
    with pytest.raises(ScoresError, match="the weights of hpj, hpnet are all 0"):
        choose_weights(["hpj=0", "hpnet=0"], {"hpj": None, "hpnet": None})


def test_without_a_verdict_the_reason_is_told():
    rows = [
        row("x.mp4", "short", "9 of 12 frames"),
        row("nobody.mp4", "no_person"),
        row("broken.mp4", "decode_error", "broken.mp4: the file is empty"),
        row("behind.mp4"),  # the model looks at other slots
    ]

    verdicts = judge(rows, scores_of(SHARES), ALONE)

    assert [bool(verdict.top) for verdict in verdicts] == [True, False, False, False]
    assert render_one(verdicts[0]).endswith("note: 9 of 12 frames")
    assert render_one(verdicts[1]).startswith(
        "no verdict (no_person): nobody was found in 9 frames. If somebody"
    )
    assert verdicts[2].reason == "broken.mp4: the file is empty"
    assert "not among the persons that the model looks at" in verdicts[3].reason
    assert render_line(verdicts[2]) == "broken.mp4: no verdict (decode_error)"
    assert count_verdicts(verdicts) == "4 videos: 1 with a verdict, 1 no_person, 1 decode_error, 1 ok"
    assert num_failed(verdicts) == 1  # nobody is no failure


def test_the_table_has_a_row_per_video():
    rows = [row("x.mp4"), row("broken.mp4", "decode_error", 'it says "no", and ends')]

    table = list(csv.DictReader(io.StringIO(verdicts_csv(judge(rows, scores_of(SHARES), ALONE)))))

    assert [line["video"] for line in table] == ["x.mp4", "broken.mp4"]
    assert [table[0][f"class_{place}"] for place in range(1, 6)] == ["b", "e", "f", "c", "a"]
    assert [table[0][f"probability_{place}"] for place in (1, 5)] == ["0.400000", "0.050000"]
    assert (table[0]["persons"], table[0]["frames"], table[0]["reason"]) == ("1", "9", "")
    assert (table[1]["class_1"], table[1]["probability_5"]) == ("", "")
    assert table[1]["reason"] == 'it says "no", and ends'
