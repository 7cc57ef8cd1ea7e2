"""Seconds per stage."""

import pytest

from extract import stopwatch as module
from extract.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_adds_up_under_a_name(clock):
    watch = Stopwatch()
    for seconds in (1, 2):
        with watch("crop"):
            clock[0] += seconds
        clock[0] += 10  # nobody's

    assert watch.seconds == {"crop": 3}


def test_what_is_nested_is_counted_once(clock):
    watch = Stopwatch()
    with watch("outer"):
        clock[0] += 1
        with watch("inner"):
            clock[0] += 2
            with watch("innermost"):
                clock[0] += 4
        with watch("inner"):
            clock[0] += 8
        clock[0] += 16

    assert watch.seconds == {"outer": 17, "inner": 10, "innermost": 4}


def test_counts_what_fails(clock):
    watch = Stopwatch()

    def fail():
        with watch("detect"):
            clock[0] += 1
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011
            fail()

    assert watch.seconds == {"detect": 2}
