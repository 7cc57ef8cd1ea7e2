"""Boxes that the user has."""

import hashlib
import json

import numpy as np
import pytest

from extract.boxes_file import BoxesFile, WholeFrame
from extract.errors import VideoError

WH = (64, 48)


def boxes_file(tmp_path, content):
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return BoxesFile(path)


def test_forms_of_a_frame(tmp_path):
    boxes = boxes_file(
        tmp_path,
        {
            "a": [
                [1, 2, 3, 4],
                [1, 2, 3, 4, 0.5],
                [],
                [[1, 2, 3, 4, 0.25], [5, 6, 7.5, 8, 0.75]],
                [[9, 9, 10, 10]],
            ]
        },
    )

    found = [boxes.boxes("a", frame, WH) for frame in range(5)]

    assert [list(map(list, one.boxes_xyxy)) for one in found] == [
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4]],
        [],
        [[5, 6, 7.5, 8], [1, 2, 3, 4]],  # most confident first
        [[9, 9, 10, 10]],
    ]
    assert [one.scores.tolist() for one in found] == [[1], [0.5], [], [0.75, 0.25], [1]]
    assert found[2].boxes_xyxy.shape == (0, 4)
    assert found[0].boxes_xyxy.dtype == found[0].scores.dtype == np.float32


def test_boxes_are_part_of_the_meaning(tmp_path):
    boxes = boxes_file(tmp_path, {"a": []})

    digest = hashlib.sha256((tmp_path / "boxes.json").read_bytes()).hexdigest()
    assert boxes.meaning == {"boxes_sha256": digest}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "Expecting"),
        ("[1]", "a JSON list"),
        ('"a"', "a JSON str"),
        ("", "Expecting value"),
        ("3", "a JSON int"),
    ],
)
def test_other_files_are_refused(tmp_path, content, found):
    with pytest.raises(ValueError, match=f"(?s)boxes.json.*{found}.*expected a JSON object"):
        boxes_file(tmp_path, content)


def test_binary_file_is_refused(tmp_path):
    (tmp_path / "boxes.json").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValueError, match="expected a JSON object"):
        BoxesFile(tmp_path / "boxes.json")


def test_clip_without_boxes(tmp_path):
    with pytest.raises(VideoError, match="no boxes of clip 'b'; add it, or leave the clip out") as caught:
        boxes_file(tmp_path, {"a": [[]]}).boxes("b", 0, WH)

    assert caught.value.status == "error"


def test_fewer_frames_than_the_video(tmp_path):
    with pytest.raises(VideoError, match="boxes of 2 frames of 'a', the video has more"):
        boxes_file(tmp_path, {"a": [[], []]}).boxes("a", 2, WH)


@pytest.mark.parametrize("clip", [3, "x", {"0": [1, 2, 3, 4]}, True])
def test_clip_that_is_no_list(tmp_path, clip):
    with pytest.raises(VideoError, match=r"'a' is .*; expected a JSON object"):
        boxes_file(tmp_path, {"a": clip}).boxes("a", 0, WH)


@pytest.mark.parametrize(
    "frame",
    [
        None,
        5,
        "x",
        {"x1": 1},
        [1, 2, 3],
        [1, 2, 3, 4, 0.5, 6],
        [[1, 2, 3]] * 5,  # 15 numbers and five 1s look like four boxes
        [[1, 2, 3, 4], [1, 2, 3]],
        [[1, 2, 3, 4], 7],
        [1, 2, 3, None],
        [1, 2, 3, "x"],
        [[[1, 2, 3, 4]]],
        [3, 2, 1, 4],  # x1 > x2
        [1, 4, 3, 4],  # no height
        [1, 2, 3, float("nan")],
        [1, 2, float("inf"), 4],
        [1, 2, 3, 4, float("nan")],
        [1, 2, 3, 4, 87.5],
        [1, 2, 3, 4, -0.1],
    ],
)
def test_frame_that_is_no_box(tmp_path, frame):
    boxes = boxes_file(tmp_path, {"a": [[], frame]})

    with pytest.raises(VideoError, match=r"'a' frame 1 is .*; expected a JSON object") as caught:
        boxes.boxes("a", 1, WH)

    assert caught.value.status == "error"


def test_long_values_are_cut_in_messages(tmp_path):
    boxes = boxes_file(tmp_path, {"a": [[[1, 2, 3]] * 1000]})

    with pytest.raises(VideoError) as caught:
        boxes.boxes("a", 0, WH)

    assert len(str(caught.value)) < 600


def test_whole_frame():
    found = WholeFrame().boxes("any", 7, (64, 48))

    assert found.boxes_xyxy.tolist() == [[0, 0, 64, 48]]
    assert found.scores.tolist() == [1]
