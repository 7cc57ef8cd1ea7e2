"""The choices that `make train` lists in its help."""

import shlex

import pytest

from scripts.choices import list_choices
from scripts.train_stream import main as train
from train.config import parse_choices
from train.method import RECIPES, make_recipe


def listed():
    """Return, by the streams that they are of, the words of all choices."""
    found = {}
    for line in list_choices().splitlines():
        if line.endswith(":"):
            streams = line.removesuffix(":")
            found[streams] = []
        else:
            found[streams] += shlex.split(line)
    return found


def test_all_choices_are_listed_as_they_are_typed():
    assert [stream for streams in listed() for stream in streams.split()] == list(RECIPES)
    for streams, words in listed().items():
        stream = streams.split()[0]
        choices = parse_choices(words)

        assert make_recipe({"stream": stream, **choices}) == make_recipe({"stream": stream})
        assert {"stream", *choices} == set(make_recipe({"stream": stream}).to_json())


def test_they_are_in_the_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        train(["--help"])

    told = capsys.readouterr().out
    assert list_choices() in told
    assert max(map(len, told.splitlines())) <= 110
