"""Hand-made clips: persons are 40 x 100 pixels; 30 frames per second."""

from collections.abc import Mapping

import numpy as np
import pytest

from extract.interfaces import Detections, Persons
from extract.persons import MAX_PERSONS, PersonPolicy, frames_to_detect, round_boxes, select_persons

Look = tuple[float, float, float]  # x of the centre, score, height


def found(*looks: Look) -> Detections:
    looks = tuple(sorted(looks, key=lambda look: -look[1]))
    boxes = [(x - 0.2 * height, 200 - height, x + 0.2 * height, 200) for x, _, height in looks]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array([score for _, score, _ in looks], np.float32)
    )


def tracked(clip: Mapping[int, Detections]) -> Persons:
    return select_persons(clip, policy="tracked", pose_frames=sorted(clip), fps=30.0)


def xs(persons: Persons, slot: int) -> list[float]:
    """Centres of a slot where it is valid."""
    return [round(float(x)) for x in persons.boxes_xyxy[persons.valid[:, slot], slot][:, [0, 2]].mean(axis=1)]


def test_slots_are_most_evidence_first_and_rows_are_the_pose_frames() -> None:
    clip = {frame: found((100, 0.7, 100), (300, 0.9, 100)) for frame in range(30)}

    persons = select_persons(clip, policy="tracked", pose_frames=[20, 3, 7], fps=30.0)

    assert persons.frames.tolist() == [3, 7, 20]
    assert persons.frames.dtype == np.int64
    assert persons.boxes_xyxy.shape == (3, 2, 4)
    assert persons.boxes_xyxy.dtype == np.float32
    assert (xs(persons, 0), xs(persons, 1)) == ([300] * 3, [100] * 3)


def test_equal_persons_are_in_order_of_place() -> None:
    persons = tracked({frame: found((300, 0.9, 100), (100, 0.9, 100)) for frame in range(30)})

    assert (xs(persons, 0), xs(persons, 1)) == ([100] * 30, [300] * 30)


def test_one_leaves_at_half_time() -> None:
    clip = {frame: found((100, 0.9, 100), *[(300, 0.9, 100)] * (frame < 30)) for frame in range(60)}

    persons = tracked(clip)

    assert persons.valid[:, 0].all()
    assert persons.valid[:, 1].tolist() == [True] * 30 + [False] * 30
    assert (persons.boxes_xyxy[30:, 1] == 0).all()


def test_nobody_in_the_first_third() -> None:
    persons = tracked({frame: found(*[(100, 0.9, 100)] * (frame >= 20)) for frame in range(60)})

    assert persons.valid.tolist() == [[False, False]] * 20 + [[True, False]] * 40


def test_a_miss_is_a_miss_and_the_slot_is_kept() -> None:
    # the left one is missed in frames 20 to 24, where the right one must not slip into slot 0
    clip = {f: found(*[(100, 0.95, 100)] * (not 20 <= f < 25), (300, 0.8, 100)) for f in range(60)}

    persons = tracked(clip)

    assert np.flatnonzero(~persons.valid[:, 0]).tolist() == [20, 21, 22, 23, 24]
    assert set(xs(persons, 0)) == {100}
    assert set(xs(persons, 1)) == {300}


def test_a_passer_by_does_not_beat_the_second_actor() -> None:
    # there for half a second, more confident than the actors, walking between them
    clip = {
        frame: found((100, 0.8, 100), (300, 0.5, 100), *[(-60 + 6 * frame, 0.99, 100)] * (40 <= frame < 55))
        for frame in range(90)
    }

    persons = tracked(clip)

    assert (set(xs(persons, 0)), set(xs(persons, 1))) == ({100}, {300})
    assert persons.valid.all()


def test_small_people_far_behind_do_not_beat_an_actor_who_comes_late() -> None:
    # evidence relative to the first: 0.33 of the time against 0.35^2 = 0.12
    clip = {
        frame: found((100, 0.9, 100), (200, 0.9, 35), *[(300, 0.9, 100)] * (frame >= 60))
        for frame in range(90)
    }

    assert xs(tracked(clip), 1) == [300] * 30


@pytest.mark.parametrize(
    ("other", "frames"),
    [
        ((300, 0.9, 40), range(90)),  # far behind: 0.4^2 = 0.16
        ((300, 0.3, 70), range(90)),  # on a poster: 0.3 / 0.9 x 0.7^2 = 0.16
        ((300, 0.9, 100), range(40, 55)),  # half a second of three: 0.17
        ((300, 0.4, 100), range(0, 90, 4)),  # now and then: 0.25 x 0.4 / 0.9 = 0.11
    ],
)
def test_a_clip_of_one_person_has_one_person(other: Look, frames: range) -> None:
    persons = tracked({frame: found((100, 0.9, 100), *[other] * (frame in frames)) for frame in range(90)})

    assert persons.valid[:, 0].all()
    assert not persons.valid[:, 1].any()


def test_a_child_is_a_second_person() -> None:
    persons = tracked({frame: found((100, 0.9, 100), (300, 0.8, 55)) for frame in range(90)})  # 0.27

    assert persons.valid.all()


def test_evidence_is_time_not_number_of_looks() -> None:
    # looks are dense in the first half second, where one is; 15 against 6, but 0.5 s against 1
    early, late = list(range(15)), list(range(15, 45, 5))
    clip = {
        f: found((100, 0.9, 100), (300, 0.9, 100) if f in early else (500, 0.9, 100)) for f in early + late
    }

    assert set(xs(tracked(clip), 1)) == {500}


def test_the_releases_policies_take_the_most_confident_of_each_frame() -> None:
    clip = {
        0: found((100, 0.9, 100), (300, 0.8, 100), (500, 0.7, 100)),
        1: found((100, 0.6, 100), (300, 0.8, 100)),
        2: found((500, 0.3, 100)),
        3: found(),
    }

    top1 = select_persons(clip, policy="top1", pose_frames=range(4), fps=30.0)
    top2 = select_persons(clip, policy="top2_by_score", pose_frames=range(4), fps=30.0)

    assert top1.valid.tolist() == [[True], [True], [True], [False]]
    assert xs(top1, 0) == [100, 300, 500]
    assert top2.valid.tolist() == [[True, True], [True, True], [True, False], [False, False]]
    assert (xs(top2, 0), xs(top2, 1)) == ([100, 300, 500], [300, 100])


@pytest.mark.parametrize(
    ("is_two_person_class", "first", "second"),
    [
        (True, [100, 300, 500], [300, 200, 500]),  # alone in the last frame, and so in both slots
        (False, [100, 300, 500], []),  # whatever else is seen
    ],
)
def test_the_label_decides(is_two_person_class: bool, first: list[float], second: list[float]) -> None:
    clip = {
        0: found((100, 0.9, 100), (300, 0.8, 100), (500, 0.7, 100)),
        1: found((200, 0.6, 100), (300, 0.8, 100)),
        2: found((500, 0.3, 100)),
        3: found(),
    }

    persons = select_persons(
        clip, policy="by_label", pose_frames=range(4), fps=30.0, is_two_person_class=is_two_person_class
    )

    assert persons.valid.shape == (4, 2)
    assert (xs(persons, 0), xs(persons, 1)) == (first, second)
    assert not persons.valid[3].any()
    assert (persons.boxes_xyxy[~persons.valid] == 0).all()


@pytest.mark.parametrize("policy", ["tracked", "top1", "top2_by_score"])
def test_no_other_policy_looks_at_the_label(policy: PersonPolicy) -> None:
    clip = {frame: found((100, 0.9, 100), (300, 0.8, 100)) for frame in range(9)}
    one, two = (
        select_persons(
            clip, policy=policy, pose_frames=range(9), fps=30.0, is_two_person_class=is_two_person_class
        )
        for is_two_person_class in (False, True)
    )

    np.testing.assert_array_equal(one.boxes_xyxy, two.boxes_xyxy)
    np.testing.assert_array_equal(one.valid, two.valid)


def test_rounded_boxes() -> None:
    boxes = [[10.5, 11.5, 20.4, 30.6], [5.1, 6, 5.2, 60], [0, 0, 1, 1]]
    rounded = round_boxes(Detections(np.array(boxes, np.float32), np.array([0.9, 0.8, 0.7], np.float32)))

    # half to even; the second one is thinner than a pixel
    assert rounded.boxes_xyxy.tolist() == [[10, 12, 20, 31], [0, 0, 1, 1]]
    np.testing.assert_array_equal(rounded.scores, np.array([0.9, 0.7], np.float32))
    assert len(round_boxes(found())) == 0


@pytest.mark.parametrize("policy", MAX_PERSONS)
def test_empty_clips_and_single_frames(policy: PersonPolicy) -> None:
    nothing = select_persons({}, policy=policy, pose_frames=[], fps=30.0)
    nobody = select_persons({0: found(), 9: found()}, policy=policy, pose_frames=[0, 9], fps=30.0)
    single = select_persons({4: found((100, 0.9, 100))}, policy=policy, pose_frames=[4], fps=30.0)

    assert nothing.boxes_xyxy.shape == (0, MAX_PERSONS[policy], 4)
    assert not nobody.valid.any()
    assert single.valid.sum() == 1
    assert xs(single, 0) == [100]


def test_mistakes_are_named() -> None:
    clip = {0: found()}
    with pytest.raises(ValueError, match="no detections for 1 pose frames, first 3"):
        select_persons(clip, policy="top1", pose_frames=[0, 3], fps=30.0)
    with pytest.raises(ValueError, match="fps is 0"):
        select_persons(clip, policy="tracked", pose_frames=[0], fps=0.0)
    with pytest.raises(ValueError, match="expected one of tracked, top1, top2_by_score"):
        select_persons(clip, policy="best", pose_frames=[0], fps=30.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"pose frames 2\.\.9 in a clip of 9 frames"):
        frames_to_detect(9, [2, 9], 30.0, "tracked")


def test_frames_to_detect() -> None:
    # at 30 fps at most 6 frames a step: 0-10 in two steps, 10-12 in one, 12-29 in three
    assert frames_to_detect(30, [12, 10], 30.0, "tracked") == [0, 5, 10, 12, 17, 23, 29]
    assert frames_to_detect(30, [12, 10], 30.0, "top1") == [10, 12]
    assert frames_to_detect(4, [], 3.0, "tracked") == [0, 1, 2, 3]  # frames are further apart than 0.2 s
    assert frames_to_detect(1, [0], 30.0, "tracked") == [0]
    assert frames_to_detect(0, [], 30.0, "tracked") == []


@pytest.mark.parametrize("fps", [7.5, 15.0, 25.0, 29.97, 30.0, 50.0])
def test_no_step_is_longer_than_a_fifth_of_a_second(fps: float) -> None:
    frames = frames_to_detect(1000, [17, 400, 401, 990], fps, "tracked")

    assert {0, 17, 400, 401, 990, 999} <= set(frames)
    assert np.diff(frames).max() / fps <= 0.2 + 1e-9
