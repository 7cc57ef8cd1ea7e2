"""Detections of one clip -> tracks: which boxes are the same person. Pure, offline, at irregular time steps.

Distances are in body sizes (the longer side of a box: it changes little when an arm goes out or a person lies
down), times in seconds, so that nothing depends on resolution or on how densely a clip was looked at.
"""

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from extract.interfaces import Detections

_Array = npt.NDArray[np.float64]

DUPLICATE_IOU = 0.8  # two boxes that agree so well are two boxes on one person
CONTAINED = 0.85  # share of a box inside a more confident one from which it may be a part of that person
HIDDEN = 0.4  # share of a lost person's expected box under another's from which it is hidden, not gone
MAX_MISSED_SECONDS = 2.0  # a hug lasts 1-2 s; later, whoever turns up is as likely somebody else
VELOCITY_SECONDS = 0.3  # averages over box jitter, shorter than a change of direction
MIN_VELOCITY_SECONDS = 0.1  # two boxes 1/30 s apart say little about speed
APART_SIZES = 0.25  # between two centres: half hidden at most, so that both boxes can be relied on
COASTING_SECONDS = 0.9  # see `_coast`: who pass each other are apart again after 0.3-0.6 s, a hug takes 1-2 s
REACH_SIZES = 0.4  # from where it is expected: box jitter, a lunge
REACH_SIZES_PER_SECOND = 1.0  # and more the longer it was not seen,
MAX_REACH_SIZES = 1.2  # but not to where others stand
PART_SIZE_RATIO = 0.8  # a box without the outstretched arm is as tall; who stands far behind is smaller
MAX_LOG_SIZE_RATIO = float(np.log(2.5))  # sitting down, or legs out of sight, halves a box
MAX_COST = 2.0  # of 1 - IoU + distance + log size ratio; two links this bad are worse than one good one
LOST_COST = 0.3  # of a track missed the last time: a box that suits two stays with the one that was seen


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """One person as far as it could be followed; a row per frame where it was detected.

    Args:
        frames: (F,) int64, ascending.
        boxes_xyxy: (F, 4) float32, source pixels.
        scores: (F,) float32 in [0, 1].
    """

    frames: npt.NDArray[np.int64]
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


def link_detections(detections: Mapping[int, Detections], *, fps: float) -> list[Track]:
    """Follow persons through a clip.

    Each looked-at frame is assigned to the tracks as a whole (Hungarian), by overlap, distance and size
    against where each person should be by now. Where two persons met and one was hidden by the other, their
    places and motion when they were last well apart decide who is who once they are apart again (soon: they
    passed each other; later, as after a hug: same sides), not the box that stood for both. No box is made up.

    Args:
        detections: frame -> what was found there; the frames that were looked at, found or not.
        fps: frames per second.

    Returns:
        All tracks, however short, by first frame, then left to right, whatever the order of a frame's boxes.
    """
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


def by_confidence(detections: Detections) -> list[int]:
    """Indices of the boxes, most confident first; ties from left to right, whatever their given order."""
    x1, y1, x2, y2 = detections.boxes_xyxy.T
    return [int(i) for i in np.lexsort((y2, x2, y1, x1, -detections.scores))]


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
        if np.hypot(*offset) < APART_SIZES * max(_size(one.boxes[-1]), _size(two.boxes[-1])):
            continue
        before = meetings.get(pair)
        if before is not None and before.hidden_since is not None:
            side = before.offset + before.velocity * _coast(now - before.time)
            _put_on_sides(one, two, offset if side @ offset > 0 else -offset, before.hidden_since)
            offset = _centre(two.boxes[-1]) - _centre(one.boxes[-1])
        meetings[pair] = _Meeting(now, offset, two.velocity() - one.velocity())


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
