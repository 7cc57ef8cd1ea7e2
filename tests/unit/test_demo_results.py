"""What is told of the demo's results, worked out by hand."""

from html.parser import HTMLParser

import numpy as np
import pytest

from extract.datasets.demo import CLASSES, LOOK_ALIKE
from scripts.demo_results.examples import choose_examples, top_classes
from scripts.demo_results.kinds import class_kinds, counts_right, kinds_in_test, movement_only
from scripts.demo_results.lines import compare, render_table, table_csv, table_of
from scripts.demo_results.page import render_page
from scripts.demo_table import Row, render_markdown
from scripts.demo_videos.actions import ACTIONS
from tests.score_makers import scores
from train.metrics import measure

NAMES = ("wave", "drink", "phone call", "push")
# two clips of each class but push, of which there are none
TRUTH = {"a": "wave", "b": "wave", "c": "drink", "d": "drink", "e": "phone call", "f": "phone call"}


def said(*names, sure=2.0, clip_ids="abcdef"):
    """Return scores in which these classes win by so much."""
    values = [[sure * (name == said_name) for name in NAMES] for said_name in names]
    return scores(values, clip_ids, classes=NAMES, labels=TRUTH)


@pytest.fixture
def lines():
    """hpj takes one phone call for drinking, j knows the movement only and is less sure of it."""
    hpj = said("wave", "wave", "drink", "drink", "phone call", "drink")
    j = said("wave", "push", "phone call", "drink", "drink", "phone call", sure=1.0)
    return compare({"hpj": hpj, "j": j})


def test_the_kinds_of_the_demo_hold_each_class_once():
    kinds = class_kinds("demo_full", CLASSES)

    assert list(kinds) == ["all", "by pose", "by object", "by pair"]
    assert [len(names) for names in kinds.values()] == [15, 5, 7, 3]
    assert kinds["all"] == (*kinds["by pose"], *kinds["by object"], *kinds["by pair"])


def test_classes_that_look_alike_are_those_of_one_movement():
    movements = {}
    for name, action in ACTIONS.items():
        movements.setdefault(action.movement, []).append(name.replace("_", " "))

    assert sorted(map(tuple, (names for names in movements.values() if len(names) > 1))) == sorted(LOOK_ALIKE)


def test_another_dataset_has_one_kind():
    assert class_kinds("ntu60", ["drink", "wave"]) == {"all": ("drink", "wave")}


def test_a_kind_without_test_clips_is_left_out(lines):
    kinds = kinds_in_test("demo", lines[0].metrics)

    assert kinds == {"all": NAMES[:3], "by pose": ("wave",), "by object": ("drink", "phone call")}
    assert counts_right(lines[0].metrics, kinds["by object"]) == (3, 4)


def test_a_clip_without_scores_is_wrong():
    metrics = measure(said("wave", "drink", clip_ids="ac"))

    assert counts_right(metrics, ["wave"]) == (1, 2)
    assert counts_right(metrics, NAMES) == (2, 6)


def test_who_knows_the_movement_only_guesses_the_object():
    assert movement_only(["read book", "use tablet"]) == 1 / 2
    # three of three, two of two and two of two look alike: each group gives one class in all
    assert movement_only(class_kinds("demo", CLASSES)["by object"]) == pytest.approx(3 / 7)
    assert movement_only(["wave"]) is None
    assert movement_only(CLASSES) is None


def test_together_the_surer_one_wins(lines):
    assert [line.name for line in lines] == ["hpj", "j", "hpj+j"]
    assert [NAMES[best] for best in lines[2].scores.values.argmax(1)] == [
        "wave", "wave", "drink", "drink", "phone call", "drink"
    ]  # fmt: skip


def test_the_table(lines):
    table = table_of(lines, kinds_in_test("demo", lines[0].metrics))

    assert table == [
        ["percent right", "all", "by pose", "by object"],
        ["test clips", "6", "2", "4"],
        ["chance", "25.0", "25.0", "25.0"],
        ["movement known, object guessed", "-", "-", "33.3"],
        ["hpj", "83.3", "100.0", "75.0"],
        ["j", "50.0", "50.0", "50.0"],
        ["hpj+j", "83.3", "100.0", "75.0"],
    ]
    assert table_csv(table).splitlines()[4] == "hpj,83.3,100.0,75.0"
    printed = render_table(table).splitlines()
    assert len({len(line) for line in printed}) == 1
    assert printed[4].split() == ["hpj", "83.3", "100.0", "75.0"]


def test_examples_are_of_each_case_and_kind(lines):
    cases = choose_examples(lines[0], lines[1], kinds_in_test("demo", lines[0].metrics))

    # right: hpj a b c d e, j a d f
    assert [(case.title, case.num_clips) for case in cases] == [
        ("only hpj is right", 3), ("only j is right", 1), ("hpj and j are both right", 2)
    ]  # fmt: skip
    first, second, third = (case.clip_ids for case in cases)
    assert first[0] == "b"
    assert first[1] in "ce"
    assert second == ("f",)
    assert third == ("a", "d")


def test_examples_where_there_are_no_kinds(lines):
    (first, *_) = choose_examples(lines[0], lines[1], {"all": NAMES})

    assert len(first.clip_ids) == 1


def test_the_likeliest_classes(lines):
    (name, share), (_, other) = top_classes(lines[0], "e", 2)

    assert name == "phone call"
    assert share == pytest.approx(np.e**2 / (np.e**2 + 3))
    assert other == pytest.approx(1 / (np.e**2 + 3))


def test_a_table_of_seeds_has_means_and_spreads(lines):
    hpj, j, _ = lines
    found = {Row(("hpj",), "ctrgcn"): [hpj, j], Row(("hpj", "j"), "ctrgcn"): [j], Row(("b",), "stgcnpp"): []}

    # of 83.33 and 50 the mean is 66.67, and the deviation half their difference times the root of 2
    assert render_markdown("demo", found).splitlines() == [
        "| streams | model | seeds | all (6 clips) | by pose (2 clips) | by object (4 clips) |",
        "|---|---|---|---|---|---|",
        "| hpj | ctrgcn | 2 | 66.7 ± 23.6 | 75.0 ± 35.4 | 62.5 ± 17.7 |",
        "| hpj+j | ctrgcn | 1 | 50.0 | 50.0 | 50.0 |",
        "| b | stgcnpp | 0 | - | - | - |",
    ]


def test_a_table_of_nothing_says_so():
    with pytest.raises(ValueError, match="no training is finished yet"):
        render_markdown("demo", {Row(("hpj",), "ctrgcn"): []})


def test_a_page_shows_names_as_they_are():
    table = [["right", "all"], ["chance", "7"], ["a<b", "9"]]
    page = render_page("A & B", ["told"], table, {"Bars": ("a.png", "1 < 2")}, "make it", num_lines=1)

    read = _Read()
    read.feed(page)
    assert read.pictures == ["a.png"]
    assert read.faint == ["chance", "7"]
    assert {"A & B", "told", "1 < 2", "a<b", "9", "make it"} <= set(read.texts)


class _Read(HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts, self.pictures, self.faint, self.in_faint = [], [], [], False

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs)["src"])
        if tag == "tr":
            self.in_faint = ("class", "faint") in attrs

    def handle_data(self, data):
        self.texts.append(data)
        if self.in_faint and data.strip():
            self.faint.append(data)
