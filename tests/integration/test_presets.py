"""Pose networks by name: each built with random weights, its levels, and a clip through the pipeline."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config

from extract.boxes_file import WholeFrame
from extract.config import ExtractConfig
from extract.pipeline import Extractor
from extract.pose_mmpose import MmposeEstimator, _uses_udp
from extract.presets import DETECTORS, POSES
from extract.single import extract_clip
from scripts import list_presets
from tests.preset_networks import build, config_of, write_one_frame

pytestmark = pytest.mark.usefixtures("one_thread")

PRESETS = Path(__file__).resolve().parents[2] / "extract" / "presets"
# A crop is 192 wide and 256 high; H1, H2, H3 are at strides 4, 8, 16: 64x48, 32x24, 16x12 cells. The
# demo's are 128 wide and 192 high.
# HRNet doubles its width from branch to branch; mmpose's deconvolutions have 256 channels; MobileNetV2's
# stages are 16, 24, 32, 64, 96, 160, 320 wide.
SHAPES = {
    "demo": {"H2": (32, 24, 16), "H1": (16, 48, 32), "H3": (48, 12, 8)},
    "demo_heatmap": {"H2": (32, 24, 16), "H1": (16, 48, 32), "H3": (48, 12, 8)},
    "hrnet_w32_heatmap": {"H2": (64, 32, 24), "H1": (32, 64, 48), "H3": (128, 16, 12)},
    "hrnet_w48_heatmap": {"H2": (96, 32, 24), "H1": (48, 64, 48), "H3": (192, 16, 12)},
    "hrnet_w48_simcc": {"H2": (96, 32, 24), "H1": (48, 64, 48), "H3": (192, 16, 12)},
    "simcc_mobilenetv2": {"H2": (32, 32, 24), "H1": (24, 64, 48), "H3": (96, 16, 12)},
    "simcc_res50": {"H2": (256, 32, 24), "H1": (256, 64, 48), "H3": (256, 16, 12)},
}


@pytest.fixture(scope="module", params=POSES)
def built(request):
    return request.param, build(request.param)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_one_frame(tmp_path_factory.mktemp("video"))


def test_levels_have_their_shapes(built):
    name, estimator = built
    width, height = (128, 192) if name.startswith("demo") else (192, 256)
    crop = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8))
    maps = estimator.feature_maps(crop)

    assert estimator.crop_wh == (width, height)
    assert {level: tuple(maps[tap].shape[1:]) for level, tap in POSES[name].taps.items()} == SHAPES[name]
    assert list(POSES[name].taps) == ["H2", "H1", "H3"]
    for tap, values in maps.items():
        assert values.std() > 0, tap


def test_joints_are_those_of_the_config(built):
    skeleton = built[1].skeleton

    assert len(skeleton.joint_names) == 17
    assert (skeleton.joint_names[0], skeleton.joint_names[-1]) == ("nose", "right_ankle")
    assert {"left_knee", "left_ankle"} in [set(link) for link in skeleton.links]


def test_clip_goes_through_the_pipeline(built, video):
    name, estimator = built
    config = ExtractConfig(clock=2, persons="top1", crops=())
    clip = extract_clip(video, Extractor(detector=None, boxes=WholeFrame(), pose=estimator, config=config))

    assert clip.outcome.status == "ok"
    assert clip.arrays["keypoints"].shape == (2, 1, 17, 2)
    for level, tap in POSES[name].taps.items():
        pooled = clip.arrays[f"pooled/{tap.replace('[', '@').rstrip(']')}"]
        assert pooled.shape == (2, 1, 17, SHAPES[name][level][0])
        assert np.isfinite(pooled).all()


def test_papers_network_has_the_papers_size():
    # specs/hpnet.md A.4
    weights = build("hrnet_w48_simcc").network.parameters()
    assert sum(values.numel() for values in weights) / 1e6 == pytest.approx(66.35, abs=0.005)


def test_addresses_are_those_of_the_zoos_own_files():
    zoo = Path(find_spec("mmpose").submodule_search_locations[0]) / ".mim"
    stated = {
        model["Config"].removeprefix("configs/"): model["Weights"]
        for file in (zoo / "configs/body_2d_keypoint").rglob("*.yml")
        for model in yaml.safe_load(file.read_text())["Models"]
    }
    ours = {preset.config: preset.weights for preset in POSES.values() if isinstance(preset.config, str)}

    assert len(ours) == 4
    for config, weights in ours.items():
        assert (zoo / "configs" / config).is_file()
        assert weights.address == stated[config]
        assert weights.address.endswith(f"/{weights.file}")
        assert weights.sha256 == re.search(r"-([0-9a-f]{8})_\d{8}\.pth$", weights.file)[1]


def test_test_time_options_of_a_config_change_nothing():
    settings = Config.fromfile(str(config_of("hrnet_w32_heatmap"))).to_dict()
    assert settings["model"]["test_cfg"] == {"flip_test": True, "flip_mode": "heatmap", "shift_heatmap": True}
    plain = {"model": {**settings["model"], "test_cfg": {}}, "train_dataloader": settings["train_dataloader"]}
    crop = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 256, 192, 3), np.uint8))
    batches = []
    for config in (settings, plain):
        torch.manual_seed(0)
        taps = ["backbone.stage4.1[1]"]
        batches.append(MmposeEstimator(config, None, taps=taps, device="cpu", batch_size=1)(crop))

    np.testing.assert_array_equal(batches[0].keypoints, batches[1].keypoints)
    np.testing.assert_array_equal(batches[0].scores, batches[1].scores)
    np.testing.assert_array_equal(*(batch.pooled[taps[0]] for batch in batches))


CROP, UDP_CROP = {"type": "TopdownAffine"}, {"type": "TopdownAffine", "use_udp": True}


@pytest.mark.parametrize(
    ("pipeline", "decoder", "affine"),
    [
        ([{"type": "LoadImage"}, CROP], "MSRAHeatmap", False),
        ([{"type": "LoadImage"}, UDP_CROP], "UDPHeatmap", True),
        ([CROP], "UDPHeatmap", False),  # what it was trained with goes before what is usual
        ([], "UDPHeatmap", True),
        ([], "SimCCLabel", False),
    ],
)
def test_how_a_config_crops(pipeline, decoder, affine):
    settings = Config(
        {
            "model": {"head": {"decoder": {"type": decoder}}},
            "test_dataloader": {"dataset": {"pipeline": pipeline}},
        }
    )

    assert _uses_udp(settings) == affine


def test_list_says_what_is_here(tmp_path, capsys):
    (tmp_path / "yolov8n.pt").write_bytes(bytes(6_500_000))

    assert list_presets.main([f"--weights-folder={tmp_path}"]) == 0

    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert lines.keys() == {*POSES, *DETECTORS}
    assert "here, 6.5 MB" in lines["yolov8n"]
    assert "will be downloaded" in lines["yolov8s"]
    assert "AGPL-3.0" in lines["yolov8s"]
    assert "to be put by hand" in lines["hrnet_w48_simcc"]
    assert "cannot be used here" in lines["yolov5m"]
    assert "in the repository" in lines["demo_heatmap"]


@pytest.mark.parametrize("file", ["pose/hrnet_w32_heatmap.py", "detector/yolo11.py"])
def test_page_shows_the_file_as_it_is(file):
    assert f"```python\n{(PRESETS / file).read_text()}```" in (PRESETS / "README.md").read_text()


def test_page_names_every_pose_network_with_its_taps():
    page = (PRESETS / "README.md").read_text()
    for name, preset in POSES.items():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        for channels, *_ in SHAPES[name].values():
            assert re.search(rf"\b{channels}\b", row), (name, channels)
        if not name.endswith("heatmap"):
            assert f"`{preset.taps['H1']}`" in row
