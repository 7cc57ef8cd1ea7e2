"""The picture of a prediction: who is drawn when, and what is written beside it."""

import pytest

from scripts.prediction.strip import draw_verdict
from scripts.prediction.verdicts import Verdict
from tests.stream_stores import stream_store, there


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Three sample times: both persons, the second one, nobody."""
    return stream_store(tmp_path_factory.mktemp("strip") / "store", {"a.mp4": there("x--", "xx-")})


def test_only_who_is_there_is_drawn(reader):
    figure = draw_verdict(reader, Verdict(reader.row("a.mp4"), (("sit", 0.75), ("stand", 0.25))), "hpj")

    *moments, classes = figure.axes
    boxes = [{patch.get_gid() for patch in axes.patches if patch.get_gid()} for axes in moments]
    first, second = "box of person 0", "box of person 1"
    # six moments: each sample time twice
    assert boxes == [{first, second}, {first, second}, {second}, {second}, set(), set()]
    assert [[text.get_text() for text in axes.texts] for axes in moments] == [[]] * 4 + [["absent"]] * 2
    assert [text.get_text() for text in classes.texts] == ["sit", "75.0 %", "stand", "25.0 %"]
    assert [bar.get_width() for bar in classes.patches] == [0.75, 0.25]
    said = [text.get_text() for text in figure.texts]
    assert "a.mp4:  sit, 75.0 %" in said
    assert {"hpj", "● person 0", "● person 1"} <= set(said)


def test_a_score_has_no_bar(reader):
    scored = Verdict(reader.row("a.mp4"), (("sit", 3.5), ("stand", -0.25)), "score")

    figure = draw_verdict(reader, scored, "hpj + hpnet")

    classes = figure.axes[-1]
    assert [text.get_text() for text in classes.texts] == ["sit", "score 3.50", "stand", "score -0.25"]
    assert list(classes.patches) == []
    assert "a.mp4:  sit, score 3.50" in [text.get_text() for text in figure.texts]


def test_without_a_verdict_the_picture_says_so(reader):
    figure = draw_verdict(reader, Verdict(reader.row("a.mp4"), ()), "hpj")

    assert [text.get_text() for text in figure.axes[-1].texts] == ["no verdict"]
