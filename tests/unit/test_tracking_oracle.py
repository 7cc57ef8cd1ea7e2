"""Whole frames at once and box by box: the same tracks to the bit, on random crowds."""

import numpy as np
import pytest

from extract import tracking
from extract.interfaces import Detections
from scripts.bench import plain_tracking
from scripts.bench.crowds import make_crowd


def assert_same_tracks(crowd: dict[int, Detections]) -> None:
    ours = tracking.link_detections(crowd, fps=30)
    plain = plain_tracking.link_detections(crowd, fps=30)
    assert len(ours) == len(plain)
    for track, other in zip(ours, plain, strict=True):
        np.testing.assert_array_equal(track.frames, other.frames)
        np.testing.assert_array_equal(track.boxes_xyxy, other.boxes_xyxy)
        np.testing.assert_array_equal(track.scores, other.scores)


@pytest.mark.parametrize("num_persons", range(1, 9))
def test_same_tracks_as_box_by_box(num_persons):
    for seed in range(25):
        assert_same_tracks(make_crowd(num_persons, num_looks=10 + seed, seed=seed))


def test_a_crowd_of_thirty():
    assert_same_tracks(make_crowd(30, num_looks=12, seed=0))


def test_the_crowds_have_what_is_hard(monkeypatch):
    calls = dict.fromkeys(("_put_on_sides", "_join"), 0)
    for name in calls:
        plain = getattr(tracking, name)

        def counted(*args, name=name, plain=plain):
            calls[name] += 1
            return plain(*args)

        monkeypatch.setattr(tracking, name, counted)
    crowds = [
        make_crowd(num_persons, num_looks=30, seed=seed) for num_persons in (4, 8) for seed in range(10)
    ]

    for crowd in crowds:
        tracking.link_detections(crowd, fps=30)

    assert calls["_put_on_sides"] > 10
    assert calls["_join"] > 0
    assert any(len(found) == 0 for crowd in crowds for found in crowd.values())
