"""Detections linked person by person, box by box, pair by pair: the plain form of ``extract/tracking.py``.

Kept to measure what working on whole frames gains, and as the oracle of its test: both make the same choices.
"""

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from extract.interfaces import Detections
from extract.tracking import (
    ALIKE_SIZES,
    APART_SIZES,
    COASTING_SECONDS,
    CONTAINED,
    DUPLICATE_IOU,
    HIDDEN,
    LOST_COST,
    MAX_COST,
    MAX_LOG_SIZE_RATIO,
    MAX_MISSED_SECONDS,
    MAX_REACH_SIZES,
    MAX_WAY,
    MIN_VELOCITY_SECONDS,
    MIN_WAY,
    PART_SIZE_RATIO,
    PASSING_SECONDS,
    REACH_SIZES,
    REACH_SIZES_PER_SECOND,
    VELOCITY_SECONDS,
    Track,
    by_confidence,
)

_Array = npt.NDArray[np.float64]


def link_detections(detections: Mapping[int, Detections], *, fps: float) -> list[Track]:
    """Follow persons through a clip; see ``extract.tracking.link_detections``."""
    people: list[_Person] = []
    meetings: dict[tuple[_Person, _Person], _Meeting] = {}
    for frame in sorted(detections):
        now = frame / fps
        boxes, scores, may_start = _distinct(detections[frame])
        live = [person for person in people if person.is_alive(now)]
        match = _assign(live, boxes, now)
        for index in sorted(set(range(len(boxes))) - set(match.values())):
            if may_start[index]:
                people.append(_Person())
                match[people[-1]] = index
        _note_who_hides([person for person in live if person not in match], match, boxes, meetings, now)
        for person, index in match.items():
            person.see(frame, now, boxes[index], scores[index])
        for person in live:
            person.was_missed = person not in match
        _settle_meetings(meetings, [person for person in people if person in match], now)
    return _join_parts([
        Track(np.array(p.frames, np.int64), np.array(p.boxes, np.float32), np.array(p.scores, np.float32))
        for p in people
    ])  # fmt: skip


@dataclass(eq=False, slots=True)
class _Person:
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    boxes: list[_Array] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    was_missed: bool = False
    hidden_by: "_Person | None" = None

    def see(self, frame: int, now: float, box: _Array, score: float) -> None:
        self.frames.append(frame)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)
        self.hidden_by = None

    def is_alive(self, now: float) -> bool:
        """Whether it may come back: seen not long ago, or behind somebody of whom that is true."""
        last_sign = max(self.times[-1], self.hidden_by.times[-1] if self.hidden_by else 0)
        return now - last_sign <= MAX_MISSED_SECONDS

    def velocity(self) -> _Array:
        """(2,) pixels per second over the last ``VELOCITY_SECONDS``, or the last step if that is longer."""
        since = min(self.times[-1] - VELOCITY_SECONDS, self.times[-2:][0])
        first = bisect_left(self.times, since)
        seconds = max(self.times[-1] - self.times[first], MIN_VELOCITY_SECONDS)
        return (_centre(self.boxes[-1]) - _centre(self.boxes[first])) / seconds

    def expected_box(self, now: float) -> _Array:
        return self.boxes[-1] + np.tile(self.velocity() * _coast(now - self.times[-1]), 2)


@dataclass(slots=True)
class _Meeting:
    """Two persons when they were last well apart: the second's place and motion relative to the first."""

    time: float
    offset: _Array
    velocity: _Array
    hidden_since: float | None = None  # when one of them was hidden by the other since then


def _coast(seconds: float) -> float:
    """For how many seconds of motion an unseen person is good: nearly all at first, none after a long time.

    Who is still unseen after 1-2 s did not walk on (or would be visible): best looked for where last seen.
    """
    return seconds * float(np.exp(-((seconds / COASTING_SECONDS) ** 2)))


def _distinct(detections: Detections) -> tuple[list[_Array], list[float], list[bool]]:
    """Boxes without duplicates, from the left, and whether each may start a track: parts may not."""
    kept: list[tuple[_Array, float, bool]] = []
    for index in by_confidence(detections):
        box = detections.boxes_xyxy[index].astype(np.float64)
        if _area(box) <= 0 or any(_iou(box, other) > DUPLICATE_IOU for other, _, _ in kept):
            continue
        shared = [_intersection(box, other) / min(_area(box), _area(other)) for other, _, _ in kept]
        kept.append((box, float(detections.scores[index]), max(shared, default=0) < CONTAINED))
    kept.sort(key=lambda item: tuple(item[0]))
    return [box for box, _, _ in kept], [score for _, score, _ in kept], [start for _, _, start in kept]


def _assign(live: Sequence[_Person], boxes: Sequence[_Array], now: float) -> dict[_Person, int]:
    """Person -> its box; who is missed is not in it."""
    if not live or not boxes:
        return {}
    cost = np.array([_costs(person, boxes, now) for person in live])
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return {live[row]: int(column) for row, column in pairs if cost[row, column] < MAX_COST}


def _costs(person: _Person, boxes: Sequence[_Array], now: float) -> list[float]:
    seconds = now - person.times[-1]
    place, lost = person.expected_box(now), LOST_COST * person.was_missed
    costs = [_link_cost(place, box, seconds) + lost for box in boxes]
    if person.hidden_by is not None:  # it comes out near the one in front, wherever that one went
        place = person.hidden_by.expected_box(now)
        costs_near = [_link_cost(place, box, seconds) + 2 * LOST_COST for box in boxes]
        costs = [min(pair) for pair in zip(costs, costs_near, strict=True)]
    return [min(cost, MAX_COST) for cost in costs]


def _link_cost(expected: _Array, box: _Array, seconds: float) -> float:
    size, other_size = _size(expected), _size(box)
    distance = float(np.hypot(*(_centre(box) - _centre(expected)))) / max(size, other_size)
    log_ratio = abs(float(np.log(size / other_size)))
    reach = min(REACH_SIZES + REACH_SIZES_PER_SECOND * seconds, MAX_REACH_SIZES)
    if distance > reach or log_ratio > MAX_LOG_SIZE_RATIO:
        return MAX_COST
    return 1 - _iou(expected, box) + distance + log_ratio


def _note_who_hides(
    missed: Sequence[_Person],
    match: Mapping[_Person, int],
    boxes: Sequence[_Array],
    meetings: Mapping[tuple[_Person, _Person], _Meeting],
    now: float,
) -> None:
    """Remember, for each person that is missed now, whose box covers the place where it should be."""
    for person in missed:
        place = person.expected_box(now)
        cover = {other: _intersection(place, boxes[index]) / _area(place) for other, index in match.items()}
        other = max(cover, key=cover.__getitem__, default=None)
        if other is None or cover[other] < HIDDEN:
            continue
        person.hidden_by = other
        meeting = meetings.get((person, other)) or meetings.get((other, person))
        if meeting is not None and meeting.hidden_since is None:
            meeting.hidden_since = now


def _settle_meetings(
    meetings: dict[tuple[_Person, _Person], _Meeting], seen: Sequence[_Person], now: float
) -> None:
    """For each two who are well apart now: see who is who if one had been hidden, and note where they are."""
    for pair in itertools.combinations(seen, 2):
        one, two = pair
        offset = _centre(two.boxes[-1]) - _centre(one.boxes[-1])
        smaller, bigger = sorted([_size(one.boxes[-1]), _size(two.boxes[-1])])
        if np.hypot(*offset) < APART_SIZES * bigger:
            continue
        before = meetings.get(pair)
        if before is not None and before.hidden_since is not None and smaller >= ALIKE_SIZES * bigger:
            side = -before.offset if _have_passed(before, offset, now) else before.offset
            _put_on_sides(one, two, offset if side @ offset > 0 else -offset, before.hidden_since)
            offset = _centre(two.boxes[-1]) - _centre(one.boxes[-1])
        meetings[pair] = _Meeting(now, offset, two.velocity() - one.velocity())


def _have_passed(before: _Meeting, offset: _Array, now: float) -> bool:
    seconds, distance = now - before.time, float(np.hypot(*before.offset))
    walked = seconds * -float(before.velocity @ before.offset) / distance
    way = distance + float(np.hypot(*offset))
    return seconds <= PASSING_SECONDS and MIN_WAY * way <= walked <= MAX_WAY * way


def _put_on_sides(one: _Person, two: _Person, side: _Array, since: float) -> None:
    """Exchange the boxes of two persons in frames where ``two`` is not on its ``side`` of ``one``."""
    for i in range(bisect_left(one.times, since), len(one.times)):
        j = bisect_left(two.times, one.times[i])  # there is one: both were seen just now
        seen_both = two.times[j] == one.times[i]
        if seen_both and side @ (_centre(two.boxes[j]) - _centre(one.boxes[i])) < 0:
            one.boxes[i], two.boxes[j] = two.boxes[j], one.boxes[i]
            one.scores[i], two.scores[j] = two.scores[j], one.scores[i]


def _join_parts(tracks: Sequence[Track]) -> list[Track]:
    """Join the tracks of a detector that cannot decide between a wide and a narrow box of the same person."""
    joined: list[Track] = []
    for track in sorted(tracks, key=lambda track: -len(track.frames)):
        whole = next((whole for whole in joined if _is_same_person(track, whole)), None)
        if whole is None:
            joined.append(track)
            continue
        frames, scores = np.append(whole.frames, track.frames), np.append(whole.scores, track.scores)
        order = np.lexsort((-scores, frames))
        best = order[np.unique(frames[order], return_index=True)[1]]  # of two in a frame the more confident
        boxes = np.concatenate([whole.boxes_xyxy, track.boxes_xyxy])
        joined[joined.index(whole)] = Track(frames[best], boxes[best], scores[best])
    return sorted(joined, key=lambda track: (int(track.frames[0]), tuple(track.boxes_xyxy[0])))


def _is_same_person(track: Track, other: Track) -> bool:
    """Whether in the frames that have both (one at least) one box is always inside the other and as big."""
    rows, other_rows = np.intersect1d(track.frames, other.frames, return_indices=True)[1:]
    pairs = [
        (track.boxes_xyxy[row].astype(np.float64), other.boxes_xyxy[other_row].astype(np.float64))
        for row, other_row in zip(rows, other_rows, strict=True)
    ]
    return bool(pairs) and all(
        _intersection(box, other_box) >= CONTAINED * min(_area(box), _area(other_box))
        and min(_size(box), _size(other_box)) >= PART_SIZE_RATIO * max(_size(box), _size(other_box))
        for box, other_box in pairs
    )


def _centre(box: _Array) -> _Array:
    return (box[:2] + box[2:]) / 2


def _size(box: _Array) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))


def _area(box: _Array) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def _intersection(box: _Array, other: _Array) -> float:
    return _area(np.concatenate([np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])]))


def _iou(box: _Array, other: _Array) -> float:
    both = _intersection(box, other)
    return both / (_area(box) + _area(other) - both)
