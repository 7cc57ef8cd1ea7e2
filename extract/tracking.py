"""Detections of one clip -> tracks: which boxes are the same person. Pure, offline, at irregular time steps.

Distances are in body sizes (the longer side of a box: it changes little when an arm goes out or a person lies
down), times in seconds, so that nothing depends on resolution or on how densely a clip was looked at.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from extract.box_geometry import Array, areas, centres, intersections, ious, sizes
from extract.interfaces import Detections

_Indices = npt.NDArray[np.intp]

MISSED = -1  # in place of the row of a person's box

DUPLICATE_IOU = 0.8  # two boxes that agree so well are two boxes on one person
CONTAINED = 0.85  # share of a box inside a more confident one from which it may be a part of that person
HIDDEN = 0.4  # share of a lost person's expected box under another's from which it is hidden, not gone
MAX_MISSED_SECONDS = 2.0  # a hug lasts 1-2 s; later, whoever turns up is as likely somebody else
VELOCITY_SECONDS = 0.3  # averages over box jitter, shorter than a change of direction
MIN_VELOCITY_SECONDS = 0.1  # two boxes 1/30 s apart say little about speed
APART_SIZES = 0.4  # between two centres: neither box ends where the other begins, so both can be relied on
ALIKE_SIZES = 0.8  # smaller over bigger; who are less alike are told apart by size, not by where they went
PASSING_SECONDS = 1.4  # who walk past each other are apart again after 1 s; a hug takes longer
MIN_WAY, MAX_WAY = (
    0.25,
    1.2,
)  # of the way past each other, at the speed before: lunging back is less, a stop more
COASTING_SECONDS = 0.9  # see `_coast`
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
    places and motion when they were last well apart decide who is who once they are apart again (as soon as
    they would be had they walked on: they passed each other; else, as after a hug: same sides), not the box
    that stood for both; unless their sizes tell them apart. No box is made up.

    Args:
        detections: frame -> what was found there; the frames that were looked at, found or not.
        fps: frames per second.

    Returns:
        All tracks, however short, by first frame, then left to right, whatever the order of a frame's boxes.
    """
    people: list[_Person] = []
    scene = _Scene()
    for frame in sorted(detections):
        now = frame / fps
        boxes, scores, may_start = _distinct(detections[frame])
        scene.forget_gone(now)
        live = [row for row, person in enumerate(scene.people) if person.is_alive(now)]
        expected = _expected_boxes([scene.people[row] for row in live], now)
        match = np.full(len(scene.people), MISSED)
        match[live] = _assign([scene.people[row] for row in live], expected, boxes, now)
        strangers = np.setdiff1d(np.flatnonzero(may_start), match)
        people += scene.welcome(len(strangers))
        match = np.append(match, strangers)
        is_missed = match[live] == MISSED
        scene.note_who_hides(np.array(live, np.intp)[is_missed], expected[is_missed], match, boxes, now)
        for row in live:
            scene.people[row].was_missed = match[row] == MISSED
        seen = np.flatnonzero(match != MISSED)
        for row in seen:
            scene.people[row].see(frame, now, boxes[match[row]], scores[match[row]])
        scene.settle_meetings(seen, now)
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
    boxes: list[Array] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    velocity: Array = field(default_factory=lambda: np.zeros(2))  # pixels per second
    was_missed: bool = False
    hidden_by: "_Person | None" = None

    def see(self, frame: int, now: float, box: Array, score: float) -> None:
        self.frames.append(frame)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)
        self.hidden_by = None
        self.measure_velocity()

    def is_alive(self, now: float) -> bool:
        """Whether it may come back: seen not long ago, or behind somebody of whom that is true."""
        last_sign = max(self.times[-1], self.hidden_by.times[-1] if self.hidden_by else 0)
        return now - last_sign <= MAX_MISSED_SECONDS

    def is_gone(self, now: float) -> bool:
        """Whether it cannot come back any more; whoever hides it may be hidden too, and both come out."""
        return not self.is_alive(now) and (self.hidden_by is None or self.hidden_by.is_gone(now))

    def measure_velocity(self) -> None:
        """Take it over the last ``VELOCITY_SECONDS``, or the last step if that is longer."""
        since = min(self.times[-1] - VELOCITY_SECONDS, self.times[-2:][0])
        first = bisect_left(self.times, since)
        seconds = max(self.times[-1] - self.times[first], MIN_VELOCITY_SECONDS)
        self.velocity = (centres(self.boxes[-1]) - centres(self.boxes[first])) / seconds


# Two persons when they were last well apart: the second's place and motion relative to the first, and since
# when one of them was hidden by the other; nan: never.
_MEETING = np.dtype([("time", float), ("offset", float, 2), ("velocity", float, 2), ("hidden_since", float)])


class _Scene:
    """Who may be in a frame: persons in the order of their first sight, and how each two of them met."""

    def __init__(self) -> None:
        self.people: list[_Person] = []
        self._meetings: npt.NDArray[Any] = np.empty((0, 0), _MEETING)  # of row and a later column

    def forget_gone(self, now: float) -> None:
        """Leave out who cannot come back, so that the scene does not grow with the clip."""
        stay = [row for row, person in enumerate(self.people) if not person.is_gone(now)]
        if len(stay) == len(self.people):
            return
        self.people = [self.people[row] for row in stay]
        self._meetings = self._meetings[np.ix_(stay, stay)]

    def welcome(self, number: int) -> list[_Person]:
        """Add so many persons at the end and return them."""
        new = [_Person() for _ in range(number)]
        if not new:
            return []
        self.people += new
        before = self._meetings
        self._meetings = np.full((len(self.people), len(self.people)), np.nan, _MEETING)
        self._meetings[: len(before), : len(before)] = before
        return new

    def note_who_hides(
        self, missed: _Indices, expected: Array, match: _Indices, boxes: Array, now: float
    ) -> None:
        """Remember, for each person that is missed now, whose box covers the place where it should be.

        Args:
            missed: (L,) rows of ``people``.
            expected: (L, 4) where they should be.
            match: (P,) for each of ``people`` its row of ``boxes``, or ``MISSED``.
            boxes: (N, 4) of this frame.
            now: seconds.
        """
        seen = np.flatnonzero(match != MISSED)
        if not len(seen):
            return
        cover = intersections(expected[:, None], boxes[match[seen]]) / areas(expected)[:, None]
        for row, other, share in zip(missed, seen[cover.argmax(1)], cover.max(1), strict=True):
            if share >= HIDDEN:
                self.people[row].hidden_by = self.people[other]
                meeting = self._meetings[min(row, other), max(row, other)]
                if np.isnan(meeting["hidden_since"]) and not np.isnan(meeting["time"]):
                    meeting["hidden_since"] = now

    def settle_meetings(self, seen: _Indices, now: float) -> None:
        """For each two well apart now: see who is who if one was hidden, and note their places.

        Args:
            seen: (L,) rows of ``people``, all seen now.
            now: seconds.
        """
        one, two = (seen[places] for places in np.triu_indices(len(seen), 1))
        is_due = ~np.isnan(self._meetings["hidden_since"][one, two])
        start = 0
        while start < len(one):  # in the order of pairs; at once as far as no boxes change hands
            boxes = np.array([person.boxes[-1] for person in self.people])
            place, size = centres(boxes), sizes(boxes)
            velocity = np.array([person.velocity for person in self.people])
            offset = place[two] - place[one]
            distance = np.hypot(offset[:, 0], offset[:, 1])
            smaller, bigger = np.minimum(size[one], size[two]), np.maximum(size[one], size[two])
            is_apart = distance >= APART_SIZES * bigger
            is_unsure = is_apart & is_due & (smaller >= ALIKE_SIZES * bigger)
            stop = next((int(pair) for pair in np.flatnonzero(is_unsure) if pair >= start), len(one))
            noted = start + np.flatnonzero(is_apart[start:stop])
            pairs = one[noted], two[noted]
            self._meetings["time"][pairs] = now
            self._meetings["offset"][pairs] = offset[noted]
            self._meetings["velocity"][pairs] = velocity[two[noted]] - velocity[one[noted]]
            self._meetings["hidden_since"][pairs] = np.nan
            if stop < len(one):
                before = self._meetings[one[stop], two[stop]]
                side = -before["offset"] if _have_passed(before, offset[stop], now) else before["offset"]
                side = offset[stop] if side @ offset[stop] > 0 else -offset[stop]
                _put_on_sides(self.people[one[stop]], self.people[two[stop]], side, before["hidden_since"])
                is_due[stop] = False  # they are as far apart as before: noted in the next round
            start = stop


def _coast(seconds: float) -> float:
    """For how many seconds of motion an unseen person is good: nearly all at first, none after a long time.

    Who is still unseen after 1-2 s did not walk on (or would be visible): best looked for where last seen.
    """
    return seconds * float(np.exp(-((seconds / COASTING_SECONDS) ** 2)))


def _have_passed(before: np.void, offset: Array, now: float) -> bool:
    """Whether two who met can have walked on to this ``offset``, without a stop, rather than back."""
    seconds, distance = now - before["time"], float(np.hypot(*before["offset"]))
    walked = seconds * -float(before["velocity"] @ before["offset"]) / distance
    way = distance + float(np.hypot(*offset))
    return bool(seconds <= PASSING_SECONDS) and MIN_WAY * way <= walked <= MAX_WAY * way


def _distinct(detections: Detections) -> tuple[Array, list[float], npt.NDArray[np.bool_]]:
    """Boxes (N, 4) without duplicates, from the left, their scores, and which may start a track: no parts."""
    order = np.array(by_confidence(detections), np.intp)
    boxes = detections.boxes_xyxy[order].astype(np.float64)
    order, boxes = order[areas(boxes) > 0], boxes[areas(boxes) > 0]
    is_duplicate = ious(boxes[:, None], boxes) > DUPLICATE_IOU
    kept: list[int] = []
    for place in range(len(boxes)):
        if not is_duplicate[place, kept].any():
            kept.append(place)
    order, boxes = order[kept], boxes[kept]
    size = areas(boxes)
    share = np.tril(intersections(boxes[:, None], boxes) / np.minimum(size[:, None], size), -1)
    may_start = share.max(1, initial=0) < CONTAINED  # in more confident ones
    from_left = np.lexsort(boxes.T[::-1])
    scores = [float(score) for score in detections.scores[order[from_left]]]
    return boxes[from_left], scores, may_start[from_left]


def _expected_boxes(people: Sequence[_Person], now: float) -> Array:
    """(P, 4) where each person should be by now."""
    boxes = np.array([person.boxes[-1] for person in people]).reshape(-1, 4)
    moved = [person.velocity * _coast(now - person.times[-1]) for person in people]
    expected: Array = boxes + np.tile(np.array(moved).reshape(-1, 2), 2)
    return expected


def _assign(people: Sequence[_Person], expected: Array, boxes: Array, now: float) -> _Indices:
    """(P,) for each person its row of ``boxes``, or ``MISSED``; ``expected``: (P, 4) where each should be."""
    match = np.full(len(people), MISSED)
    seconds = np.array([now - person.times[-1] for person in people])
    lost = LOST_COST * np.array([person.was_missed for person in people])
    cost = _link_costs(expected, boxes, seconds) + lost[:, None]
    behind = np.array([row for row, person in enumerate(people) if person.hidden_by is not None], np.intp)
    # they come out near the one in front, wherever that one went
    in_front = [person.hidden_by for person in people if person.hidden_by is not None]
    near = _link_costs(_expected_boxes(in_front, now), boxes, seconds[behind]) + 2 * LOST_COST
    cost[behind] = np.minimum(cost[behind], near)
    cost = np.minimum(cost, MAX_COST)
    rows, columns = linear_sum_assignment(cost)
    is_good = cost[rows, columns] < MAX_COST
    match[rows[is_good]] = columns[is_good]
    return match


def _link_costs(expected: Array, boxes: Array, seconds: Array) -> Array:
    """(P, N) of P persons, unseen for so long, and N boxes; at least ``MAX_COST`` where it cannot be."""
    size, other_size = sizes(expected)[:, None], sizes(boxes)
    apart = centres(boxes) - centres(expected)[:, None]
    distance = np.hypot(apart[..., 0], apart[..., 1]) / np.maximum(size, other_size)
    log_ratio = np.abs(np.log(size / other_size))
    reach = np.minimum(REACH_SIZES + REACH_SIZES_PER_SECOND * seconds, MAX_REACH_SIZES)[:, None]
    cost = 1 - ious(expected[:, None], boxes) + distance + log_ratio
    return np.where((distance > reach) | (log_ratio > MAX_LOG_SIZE_RATIO), MAX_COST, cost)


def _put_on_sides(one: _Person, two: _Person, side: Array, since: float) -> None:
    """Exchange the boxes of two persons in frames where ``two`` is not on its ``side`` of ``one``."""
    for i in range(bisect_left(one.times, since), len(one.times)):
        j = bisect_left(two.times, one.times[i])  # there is one: both were seen just now
        seen_both = two.times[j] == one.times[i]
        if seen_both and side @ (centres(two.boxes[j]) - centres(one.boxes[i])) < 0:
            one.boxes[i], two.boxes[j] = two.boxes[j], one.boxes[i]
            one.scores[i], two.scores[j] = two.scores[j], one.scores[i]
    one.measure_velocity()
    two.measure_velocity()


def _join_parts(tracks: Sequence[Track]) -> list[Track]:
    """Join the tracks of a detector that cannot decide between a wide and a narrow box of the same person."""
    longest_first = sorted(tracks, key=lambda track: -len(track.frames))
    rows = _Rows(longest_first)
    is_left = np.ones(len(tracks), np.bool_)
    joined: list[Track] = []
    for number, track in enumerate(longest_first):
        if not is_left[number]:
            continue
        whole, last = track, number
        while len(parts := last + 1 + np.flatnonzero((is_left & rows.are_of(whole))[last + 1 :])):
            last = int(parts[0])
            whole, is_left[last] = _join(whole, longest_first[last]), False
        joined.append(whole)
    return sorted(joined, key=lambda track: (int(track.frames[0]), tuple(track.boxes_xyxy[0])))


def _join(whole: Track, part: Track) -> Track:
    frames, scores = np.append(whole.frames, part.frames), np.append(whole.scores, part.scores)
    order = np.lexsort((-scores, frames))
    best = order[np.unique(frames[order], return_index=True)[1]]  # of two in a frame the more confident
    return Track(frames[best], np.concatenate([whole.boxes_xyxy, part.boxes_xyxy])[best], scores[best])


class _Rows:
    """The rows of many tracks in the order of their frames."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._num_tracks = len(tracks)
        frames = np.array([frame for track in tracks for frame in track.frames.tolist()], np.int64)
        boxes = np.array([box for track in tracks for box in track.boxes_xyxy], np.float64).reshape(-1, 4)
        owners = np.repeat(np.arange(len(tracks)), [len(track.frames) for track in tracks])
        order = np.argsort(frames, kind="stable")
        self._frames, self._boxes, self._owners = frames[order], boxes[order], owners[order]

    def are_of(self, whole: Track) -> npt.NDArray[np.bool_]:
        """(T,) for each track whether in the frames that both have (one at least) it is ``whole`` or a part.

        Then one box is always inside the other and as big.
        """
        start, stop = np.searchsorted(self._frames, whole.frames[[0, -1]] + [0, 1])
        at = np.searchsorted(whole.frames, self._frames[start:stop])
        shared = np.flatnonzero(whole.frames[at] == self._frames[start:stop])
        boxes, wholes = self._boxes[start + shared], whole.boxes_xyxy[at[shared]].astype(np.float64)
        is_inside = intersections(boxes, wholes) >= CONTAINED * np.minimum(areas(boxes), areas(wholes))
        smaller, bigger = np.sort([sizes(boxes), sizes(wholes)], axis=0)
        is_part = is_inside & (smaller >= PART_SIZE_RATIO * bigger)
        owners = self._owners[start + shared]
        num_shared, num_parts = (
            np.bincount(numbers, minlength=self._num_tracks) for numbers in (owners, owners[is_part])
        )
        are_of: npt.NDArray[np.bool_] = (num_shared > 0) & (num_parts == num_shared)
        return are_of
