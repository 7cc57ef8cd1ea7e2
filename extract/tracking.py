"""Detections of one clip -> tracks: which boxes are the same person. Pure, offline, at irregular time steps.

Distances are in body sizes (the longer side of a box: it changes little when an arm goes out or a person lies
down), times in seconds, so that nothing depends on resolution or on how densely a clip was looked at.
"""

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
COASTING_SECONDS = 0.7  # see `_coast`: a crossing hides for about half a second, a hug for more than one
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
    against where each person should be by now. A person who disappears under another one's box is remembered
    with the side it was on and how the two moved: when two boxes come apart again, that decides who is who (a
    short crossing: the other side; a hug: the same side), not the box that stood for both meanwhile. No box
    is invented.

    Args:
        detections: frame -> what was found there; the frames that were looked at, found or not.
        fps: frames per second.

    Returns:
        All tracks, however short, by first frame, then left to right, whatever the order of a frame's boxes.
    """
    people: list[_Person] = []
    for frame in sorted(detections):
        now = frame / fps
        boxes, scores, may_start = _distinct(detections[frame])
        live = [person for person in people if person.is_alive(now)]
        match = _keep_sides(live, _assign(live, boxes, now), boxes, now)
        _note_who_hides(live, match, boxes, now)
        for index in range(len(boxes)):
            person = next((p for p, i in zip(live, match, strict=True) if i == index), None)
            if person is None and may_start[index]:
                people.append(person := _Person())
            if person is not None:
                person.see(frame, now, boxes[index], scores[index])
        for person in live:
            person.was_missed = person.times[-1] != now
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
    moves_since: float = -np.inf  # earlier positions say nothing about today's velocity
    hidden: "_Hidden | None" = None

    def see(self, frame: int, now: float, box: _Array, score: float) -> None:
        self.frames.append(frame)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)

    def is_alive(self, now: float) -> bool:
        """Whether it may come back: seen not long ago, or behind somebody of whom that is true."""
        last_sign = self.times[-1] if self.hidden is None else max(self.times[-1], self.hidden.by.times[-1])
        return now - last_sign <= MAX_MISSED_SECONDS

    def velocity(self) -> _Array:
        """(2,) pixels per second over the last ``VELOCITY_SECONDS``, or the last step if that is longer."""
        since = max(min(self.times[-1] - VELOCITY_SECONDS, self.times[-2:][0]), self.moves_since)
        first = next((i for i, time in enumerate(self.times) if time >= since), -1)
        seconds = max(self.times[-1] - self.times[first], MIN_VELOCITY_SECONDS)
        return (_centre(self.boxes[-1]) - _centre(self.boxes[first])) / seconds

    def expected_box(self, now: float) -> _Array:
        return self.boxes[-1] + np.tile(self.velocity() * _coast(now - self.times[-1]), 2)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Where a person was relative to the one in front when it got lost, and how that was changing."""

    by: _Person
    since: float
    offset: _Array
    velocity: _Array


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


def _assign(live: Sequence[_Person], boxes: Sequence[_Array], now: float) -> list[int | None]:
    """The box of each person, None where it is missed."""
    match: list[int | None] = [None] * len(live)
    if live and boxes:
        cost = np.array([[_cost(person, box, now) for box in boxes] for person in live])
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if cost[row, column] < MAX_COST:
                match[row] = int(column)
    return match


def _cost(person: _Person, box: _Array, now: float) -> float:
    cost = _link_cost(person.expected_box(now), box, now - person.times[-1]) + LOST_COST * person.was_missed
    if person.hidden is not None:  # it will come out near the one in front, wherever they have gone meanwhile
        cost_near = _link_cost(person.hidden.by.expected_box(now), box, now - person.times[-1])
        cost = min(cost, cost_near + 2 * LOST_COST)
    return min(cost, MAX_COST)


def _link_cost(expected: _Array, box: _Array, seconds: float) -> float:
    size, other_size = _size(expected), _size(box)
    distance = float(np.hypot(*(_centre(box) - _centre(expected)))) / max(size, other_size)
    log_ratio = abs(float(np.log(size / other_size)))
    reach = min(REACH_SIZES + REACH_SIZES_PER_SECOND * seconds, MAX_REACH_SIZES)
    if distance > reach or log_ratio > MAX_LOG_SIZE_RATIO:
        return MAX_COST
    return 1 - _iou(expected, box) + distance + log_ratio


def _keep_sides(
    live: Sequence[_Person], match: Sequence[int | None], boxes: Sequence[_Array], now: float
) -> list[int | None]:
    """Where a hidden person and the one in front both have a box again, exchange them if sides say so."""
    match = list(match)
    for person, hidden in [(p, p.hidden) for p in live if p.hidden is not None]:
        here, there = match[live.index(person)], match[live.index(hidden.by)] if hidden.by in live else None
        if here is None or there is None:
            continue
        side = hidden.offset + hidden.velocity * _coast(now - hidden.since)
        if side @ (_centre(boxes[here]) - _centre(boxes[there])) < 0:
            match[live.index(person)], match[live.index(hidden.by)] = there, here
        person.hidden = None
        person.moves_since = hidden.by.moves_since = now
    return match


def _note_who_hides(
    live: Sequence[_Person], match: Sequence[int | None], boxes: Sequence[_Array], now: float
) -> None:
    """Remember, for each person that is missed now, whose box covers the place where it should be."""
    seen = [(other, boxes[index]) for other, index in zip(live, match, strict=True) if index is not None]
    for person in [person for person, index in zip(live, match, strict=True) if index is None]:
        place = person.expected_box(now)
        share, other = max(
            ((_intersection(place, box) / _area(place), other) for other, box in seen),
            key=lambda item: item[0],
            default=(0.0, person),
        )
        if share < HIDDEN or (person.hidden is not None and person.hidden.by in live):
            continue
        before = other.hidden
        if before is not None and before.by is person:  # their common box went over to the other
            person.hidden, other.hidden = _Hidden(other, before.since, -before.offset, -before.velocity), None
        else:
            offset = _centre(place) - _centre(other.expected_box(now))
            person.hidden = _Hidden(other, now, offset, person.velocity() - other.velocity())


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
