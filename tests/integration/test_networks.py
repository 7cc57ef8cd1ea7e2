"""What POSE, POSE_CHECKPOINT, TAPS and DETECTOR name."""

from pathlib import Path

import pytest

from extract.errors import WeightsError
from extract.networks import find_detector, find_pose
from extract.presets import POSES
from tests.preset_networks import SMALL


def test_taps_of_a_preset(tmp_path):
    def taps(text):
        return find_pose("hrnet_w48_simcc", checkpoint=tmp_path, taps=text, folder=tmp_path).taps

    assert taps(None) == ("backbone.stage4.1[1]", "backbone.stage4.2[0]", "backbone.stage4.1[2]")
    assert taps("H2") == ("backbone.stage4.1[1]",)
    assert taps("H3,simcc,backbone.stage4.0.branches.1") == (
        "backbone.stage4.1[2]",
        "simcc",
        "backbone.stage4.0.branches.1",
    )


def test_taps_may_have_blanks_and_no_gaps(tmp_path):
    def taps(text):
        return find_pose("hrnet_w48_simcc", checkpoint=tmp_path, taps=text, folder=tmp_path).taps

    assert taps(" H2, H3 ") == ("backbone.stage4.1[1]", "backbone.stage4.1[2]")
    for text in ("H2,,H3", "H2,", ",", " "):
        with pytest.raises(ValueError, match=f"TAPS='{text}': a name is missing"):
            taps(text)


def test_config_of_ones_own_needs_the_rest(tmp_path):
    (tmp_path / "mine.py").write_text("")
    for checkpoint, taps in ((None, "backbone"), (tmp_path / "mine.pth", None)):
        with pytest.raises(ValueError, match=r"mine\.py: .*needs its weights and the modules to read"):
            find_pose(str(tmp_path / "mine.py"), checkpoint=checkpoint, taps=taps, folder=tmp_path)

    found = find_pose(
        str(tmp_path / "mine.py"), checkpoint=tmp_path / "mine.pth", taps="a,b[1]", folder=tmp_path
    )
    assert (found.config, found.taps) == (tmp_path / "mine.py", ("a", "b[1]"))


def test_paths_hold_in_every_folder(tmp_path, monkeypatch):
    # they go to a cluster's workers
    for file in ("mine.py", "mine.pth", "mine.json"):
        (tmp_path / file).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("extract.networks.provide_weights", lambda weights, folder: folder / weights.file)
    mine, weights = Path("mine.pth"), Path("weights")

    own = find_pose("mine.py", checkpoint=mine, taps="a", folder=weights)
    assert (own.config, own.checkpoint) == (tmp_path / "mine.py", tmp_path / "mine.pth")
    assert (
        find_pose("hrnet_w48_simcc", checkpoint=mine, taps=None, folder=weights).checkpoint == own.checkpoint
    )
    preset = find_pose(SMALL, checkpoint=None, taps=None, folder=weights)
    assert preset.checkpoint == tmp_path / "weights" / POSES[SMALL].weights.file
    assert find_detector("mine.json", folder=weights) == str(tmp_path / "mine.json")
    assert find_detector("yolo11n", folder=weights) == str(tmp_path / "weights" / "yolo11n.pt")
    assert find_detector("none", folder=weights) == "none"


def test_names_that_nobody_knows(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"hrnet_w48: no such file and no preset \(near: hrnet_w48_"):
        find_pose("hrnet_w48", checkpoint=None, taps=None, folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"yolov8n\.pt: no such file and no preset \(near: yolov8n"):
        find_detector(str(tmp_path / "yolov8n.pt"), folder=tmp_path)


def test_authors_weights_are_put_by_hand(tmp_path):
    file = tmp_path / "pose_hrnet_w48_256x192_split2_sigma4.pth"
    with pytest.raises(
        WeightsError, match=rf"{file}: not there.*SimCC_Pose_weights\.zip.*drive\.google\.com"
    ):
        find_pose("hrnet_w48_simcc", checkpoint=None, taps=None, folder=tmp_path)
    with pytest.raises(WeightsError, match=r"yolov5m: .*YOLOv5 project.*Take yolov5mu"):
        find_detector("yolov5m", folder=tmp_path)
