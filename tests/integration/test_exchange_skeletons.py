"""NTU's .skeleton recordings through the doors."""

import numpy as np
import pytest

from scripts.pictures.clip_data import read_clip
from store import open_store
from tests.exchange_doors import NTU, assert_same_arrays, missing_skeleton, outcomes, run_export, run_import
from tests.exchange_makers import read_pickle


def test_kinect_recordings(tmp_path, recordings):
    assert run_import("ntu-skeleton", recordings, tmp_path / "s", "--dataset", "ntu60") == 3

    found = outcomes(tmp_path / "s")
    assert [found[NTU.format(*n)].status for n in ((1, 1), (2, 2), (1, 4), (1, 5), (1, 6))] == [
        "ok", "ok", "no_person", "error", "error"
    ]  # fmt: skip
    assert found[NTU.format(1, 4)].reason == "no body in any of 2 frames"
    assert "the file is cut short" in found[NTU.format(1, 6)].reason
    reader = open_store(str(tmp_path / "s"))
    pair = NTU.format(2, 2)
    keypoints, valid = reader.keypoints_3d(pair), reader.person_valid(pair)
    assert keypoints.shape == (20, 2, 25, 3)
    np.testing.assert_allclose(keypoints[3, 0, 0], [0.3, 0, 3], rtol=1e-6)
    assert not keypoints[7, 0].any()
    # the frame stays, and nobody is there; person 1 stood still all the time
    assert valid[:, 0].tolist() == [n != 7 for n in range(20)]
    np.testing.assert_array_equal(reader.read("keypoint_scores", pair)[3, :, 5], [1, 0.5])
    np.testing.assert_array_equal(reader.read("frame_positions", pair), np.arange(20))


def test_a_recording_on_the_list_of_missing_skeletons_is_in_no_split(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "s", "--dataset", "ntu60")

    rows = {row.entry.id: row for row in open_store(str(tmp_path / "s")).rows}
    assert rows[missing_skeleton()].entry.splits == {}
    assert rows[missing_skeleton()].outcome.status == "ok"
    assert rows[NTU.format(1, 1)].entry.splits == {"xsub": "train", "xview": "test"}


def test_recordings_become_a_pickle_and_come_back(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "one", "--dataset", "ntu60")
    assert run_export("pyskl", tmp_path / "one", tmp_path / "3d.pkl") == 0
    assert run_import("pyskl", tmp_path / "3d.pkl", tmp_path / "two") == 0

    assert_same_arrays(tmp_path / "one", tmp_path / "two")
    one, two = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "two"))
    assert two.facts.meaning["import.coordinates"] == one.facts.meaning["import.coordinates"]
    assert "metres" in two.facts.meaning["import.coordinates"]
    first = read_pickle(tmp_path / "3d.pkl")["annotations"][0]
    assert first.keys() == {"frame_dir", "label", "total_frames", "keypoint", "keypoint_score"}
    assert first["keypoint"].dtype == np.float32


def test_poses_in_space_are_drawn_from_the_front(tmp_path, recordings):
    run_import("ntu-skeleton", recordings, tmp_path / "s")

    clip = read_clip(open_store(str(tmp_path / "s")), NTU.format(1, 1))

    # the line of kinect_body goes 0.4 m to the right and 1.6 m up, at 200 pixels per metre, and y points down
    np.testing.assert_allclose(clip.keypoints[3, 0, 24] - clip.keypoints[3, 0, 0], [80, -320], rtol=1e-4)
    assert clip.keypoints[clip.valid].min() == 30
    assert clip.image_wh[1] == pytest.approx(320 + 2 * 30)
    assert (clip.boxes, clip.unit) == (None, "frame")
