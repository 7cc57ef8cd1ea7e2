"""NTU's .skeleton files: the text, and which bodies are people."""

import numpy as np
import pytest

from store.exchange.errors import ClipImportError
from store.exchange.kinect_bodies import choose_bodies, motion
from store.exchange.kinect_file import Body, parse_kinect_file
from tests.exchange_makers import kinect_body, kinect_text


def body(*, frames: int = 20, height: float = 1.6, width: float = 0.4, sway: float = 0.0) -> Body:
    """25 joints on a line, so many metres high and wide, that moves by ``sway`` metres in every frame."""
    line = np.linspace(0, 1, 25)
    joints = np.zeros((frames, 25, 3))
    joints[..., 0] = width * line + sway * np.arange(frames)[:, None]
    joints[..., 1] = height * line
    return Body(np.arange(frames), joints.astype(np.float32), np.ones((frames, 25), np.float32))


def test_the_numbers_of_a_file():
    text = kinect_text(
        [
            {"72057594037931101": kinect_body((0.5, 0, 3))},
            {},
            {"7": kinect_body((1, 0, 2), states=1), "72057594037931101": kinect_body((0.75, 0, 3), states=0)},
        ]
    )

    num_frames, (first, second) = parse_kinect_file(text)

    assert num_frames == 3
    assert first.frames.tolist() == [0, 2]
    assert second.frames.tolist() == [2]
    # the line of kinect_body goes 0.4 m to the right and 1.6 m up
    np.testing.assert_allclose(first.joints[0, [0, 24]], [[0.5, 0, 3], [0.9, 1.6, 3]], rtol=1e-6)
    np.testing.assert_allclose(first.joints[1, 0], [0.75, 0, 3], rtol=1e-6)
    assert first.joints.dtype == np.float32
    assert first.scores[:, 3].tolist() == [1, 0]  # tracked, not tracked
    assert second.scores[:, 3].tolist() == [0.5]  # inferred


def test_files_without_frames_or_bodies():
    assert parse_kinect_file("0\n") == (0, [])
    assert parse_kinect_file("2\n0\n0\n") == (2, [])


WHOLE = kinect_text([{"1": kinect_body()}] * 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends in the number of frames; the file is cut short"),
        (WHOLE[:-200], "ends in frame 1 of 2; the file is cut short"),
        ("version https://git-lfs", "the number of frames is 'version'; not a .skeleton file"),
        ("1 1 1 0 1 1 1 1 0 0.1 0.1 2 20", "a body of frame 0 of 1 has 20 joints; expected 25"),
        (WHOLE.replace("251.5", "x"), "could not convert string to float: 'x'; not a .skeleton file"),
        ("1 2" + 2 * f" 5 0 1 1 1 1 0 0.1 0.1 2 {kinect_body()}", "frame 0 of 1 has the body 5 twice"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_says_where(text, said):
    with pytest.raises(ClipImportError) as error:
        parse_kinect_file(text)
    assert said in str(error.value)


def test_motion_is_the_spread_in_space():
    # of two points at 0 and 1 in x and in y: variance 1/4 each
    two = Body(np.arange(1), np.array([[[0, 0, 5], [1, 1, 5]]], np.float32), np.ones((1, 2), np.float32))

    assert motion(two) == pytest.approx(0.5)


def test_a_body_alone_is_taken_as_it_is():
    noise = body(frames=1, height=0.1, width=1)

    assert choose_bodies([noise]) == [noise]
    assert choose_bodies([]) == []


def test_two_people_the_one_with_more_motion_first():
    still, walking = body(), body(sway=0.05)

    assert choose_bodies([still, walking]) == [walking, still]
    assert choose_bodies([still, walking, body(sway=0.02)])[0] is walking
    assert len(choose_bodies([still, walking, body(sway=0.02)])) == 2


@pytest.mark.parametrize(
    "noise",
    [
        body(frames=11, sway=0.1),  # too few frames, whatever its motion
        body(width=1.5, sway=0.1),  # as wide as 0.94 of its height in every frame
        body(height=0.3, width=0.1),  # a chair: spreads by 0.01 square metres
    ],
)
def test_noise_is_nobody_beside_a_person(noise):
    person = body()

    assert choose_bodies([noise, person]) == [person]


def test_a_second_body_that_jumps_about_is_noise():
    # the one with the most motion stays, however much that is
    wild, wilder = body(sway=0.4), body(sway=0.5)

    assert motion(wild) > 2
    assert choose_bodies([wild, wilder]) == [wilder]


def test_a_rule_that_would_leave_nobody_is_passed_over():
    short, shorter = body(frames=11), body(frames=5, sway=0.01)

    assert choose_bodies([short, shorter]) == [shorter, short]  # by motion
