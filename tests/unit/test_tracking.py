"""Hand-made clips: persons are 40 x 100 pixels, so one body size is 100 pixels; 30 frames per second."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from extract.interfaces import Detections
from extract.tracking import Track, link_detections

FPS = 30.0

Box = tuple[float, float, float, float]


def person(x: float, *, score: float = 0.9, width: float = 40, height: float = 100) -> tuple[Box, float]:
    return (x - width / 2, 200 - height, x + width / 2, 200), score


def found(*boxes: tuple[Box, float]) -> Detections:
    ordered = sorted(boxes, key=lambda box: -box[1])
    return Detections(
        np.array([box for box, _ in ordered], np.float32).reshape(-1, 4),
        np.array([score for _, score in ordered], np.float32),
    )


def count_switches(tracks: list[Track], truth: Callable[[int], Mapping[str, float]]) -> int:
    """How often the track on a person changes; ``truth``: frame -> name -> x of the centre.

    A box is on the person nearest to it, within 5 pixels; it says nothing while two are within 10 pixels.
    """
    switches, last = 0, {}
    for frame in sorted({int(frame) for track in tracks for frame in track.frames}):
        places = truth(frame)
        for number, track in enumerate(tracks):
            for box in track.boxes_xyxy[track.frames == frame]:
                off = sorted((abs(x - float(box[0] + box[2]) / 2), name) for name, x in places.items())
                if off[0][0] < 5 and (len(off) == 1 or off[1][0] > 10):
                    switches += last.get(off[0][1], number) != number
                    last[off[0][1]] = number
    return switches


def walk_past(frame: int) -> dict[str, float]:
    # 80 pixels per second each, at the same place in frame 45: less than 13 pixels apart from frame 43 to 47
    return {"ann": 100 + frame * 80 / 30, "ben": 340 - frame * 80 / 30}


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("near", [14, 30])
def test_two_who_pass_each_other_keep_their_names(step: int, near: float) -> None:
    # closer than ``near`` pixels, the detector sees ann, in front, only
    def look(frame: int) -> Detections:
        ann, ben = walk_past(frame).values()
        return found(person(ann)) if abs(ann - ben) < near else found(person(ann), person(ben, score=0.8))

    tracks = link_detections({frame: look(frame) for frame in range(0, 91, step)}, fps=FPS)

    assert len(tracks) == 2
    assert count_switches(tracks, walk_past) == 0
    assert tracks[0].boxes_xyxy[[0, -1], 0].tolist() == pytest.approx([80, 320])  # ann, from left to right


def test_the_one_behind_may_be_the_one_who_moves() -> None:
    def truth(frame: int) -> dict[str, float]:
        return {"ann": 200, "ben": 100 + frame * 100 / 30}

    def look(frame: int) -> Detections:
        ann, ben = truth(frame).values()
        return found(person(ann)) if abs(ann - ben) < 16 else found(person(ann), person(ben, score=0.6))

    tracks = link_detections({frame: look(frame) for frame in range(61)}, fps=FPS)

    assert len(tracks) == 2
    assert count_switches(tracks, truth) == 0


@pytest.mark.parametrize("box_goes_to", ["ann", "ben", "both"])
@pytest.mark.parametrize("seconds", [1, 2])
@pytest.mark.parametrize("step", [1, 6])
def test_two_who_hug_come_back_on_their_sides(box_goes_to: str, seconds: int, step: int) -> None:
    # they walk towards each other for a second, share one box, walk back
    middle = {"ann": 190, "ben": 210, "both": 200}[box_goes_to]

    def truth(frame: int) -> dict[str, float]:
        distance = 15 + 2 * max(30 - frame, frame - 30 - 30 * seconds, 0)
        return {"ann": 200 - distance, "ben": 200 + distance}

    def look(frame: int) -> Detections:
        if 30 <= frame <= 30 + 30 * seconds:
            return found(person(middle, width=60))
        return found(*(person(x) for x in truth(frame).values()))

    tracks = link_detections({frame: look(frame) for frame in range(0, 61 + 30 * seconds, step)}, fps=FPS)

    assert len(tracks) == 2
    assert count_switches(tracks, truth) == 0


def test_a_box_that_flickers_in_a_hug_is_on_the_side_of_its_person() -> None:
    def truth(frame: int) -> dict[str, float]:
        distance = 10 + 2 * max(30 - frame, frame - 75, 0)
        return {"ann": 200 - distance, "ben": 200 + distance}

    def look(frame: int) -> Detections:
        if 30 <= frame <= 75 and frame not in (40, 41, 55):
            return found(person(205, width=60))
        return found(*(person(x) for x in truth(frame).values()))

    tracks = link_detections({frame: look(frame) for frame in range(106)}, fps=FPS)

    assert len(tracks) == 2
    assert count_switches(tracks, truth) == 0
    for frame in (40, 41, 55):
        left, right = (track.boxes_xyxy[track.frames == frame][0] for track in tracks)
        assert left[0] < right[0]


def test_short_misses_are_bridged_and_not_filled() -> None:
    clip = {frame: found(person(100 + frame)) if frame % 7 else found() for frame in range(1, 60)}

    (track,) = link_detections(clip, fps=FPS)

    assert track.frames.tolist() == [frame for frame in range(1, 60) if frame % 7]


def test_who_comes_after_a_long_absence_is_somebody_else() -> None:
    clip = {frame: found(person(100)) if frame < 30 or frame > 100 else found() for frame in range(130)}

    tracks = link_detections(clip, fps=FPS)

    assert [track.frames[[0, -1]].tolist() for track in tracks] == [[0, 29], [101, 129]]  # 2.4 s


def test_irregular_steps_follow_a_runner() -> None:
    # 300 pixels per second: 10 pixels or 60 from look to look; a second person stands on the way
    frames = [0, 1, 2, 8, 9, 15, 21, 22, 28, 29, 30, 36]
    clip = {frame: found(person(50 + 10 * frame), person(245, score=0.95)) for frame in frames}

    tracks = link_detections(clip, fps=FPS)

    assert [len(track.frames) for track in tracks] == [12, 12]
    assert count_switches(tracks, lambda frame: {"runner": 50 + 10 * frame, "other": 245}) == 0


def test_two_boxes_on_one_person_are_one_person() -> None:
    body, again = person(100), person(102, score=0.5)  # IoU 38 / 42
    upper_half = ((82.0, 100.0, 118.0, 150.0), 0.7)
    clip = {frame: found(body, again, upper_half) for frame in range(30)}

    (track,) = link_detections(clip, fps=FPS)

    assert (track.boxes_xyxy == np.float32(body[0])).all()


def test_a_detector_that_cannot_decide_how_wide_a_person_is_makes_one_track() -> None:
    # narrow without the outstretched arm, wide with it; in two frames both
    narrow, wide = person(100), ((80.0, 100.0, 180.0, 200.0), 0.8)
    looks = [[narrow]] * 10 + [[wide]] * 10 + [[narrow, wide]] * 2 + [[narrow]] * 10 + [[wide]] * 10

    (track,) = link_detections({frame: found(*look) for frame, look in enumerate(looks)}, fps=FPS)

    assert len(track.frames) == 42
    assert track.boxes_xyxy[20, 2] == 120  # of two the more confident


def test_a_weak_second_box_keeps_its_person() -> None:
    clip = {
        frame: found(person(100), person(130, score=0.26 if 10 < frame < 50 else 0.8)) for frame in range(60)
    }

    assert [len(track.frames) for track in link_detections(clip, fps=FPS)] == [60, 60]


def test_the_order_of_boxes_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    clip, shuffled = {}, {}
    for frame in range(60):
        boxes = np.array([person(x)[0] for x in (*walk_past(frame).values(), 130, 250)], np.float32)
        scores = np.full(4, 0.5, np.float32)  # ties
        order = rng.permutation(4)
        clip[frame], shuffled[frame] = Detections(boxes, scores), Detections(boxes[order], scores[order])

    for track, other in zip(link_detections(clip, fps=FPS), link_detections(shuffled, fps=FPS), strict=True):
        np.testing.assert_array_equal(track.frames, other.frames)
        np.testing.assert_array_equal(track.boxes_xyxy, other.boxes_xyxy)


def test_nothing_and_nobody() -> None:
    assert link_detections({}, fps=FPS) == []
    assert link_detections({0: found(), 5: found()}, fps=FPS) == []
    flat = Detections(np.array([[10, 10, 10, 50]], np.float32), np.array([0.9], np.float32))
    assert link_detections({0: flat}, fps=FPS) == []  # no area, no person
