"""The pose network and its taps against golden/models/hrnet_simcc_small, with both BatchNorms."""

import json

import numpy as np
import pytest
import torch

from extract.pose_mmpose import MmposeEstimator
from tests.golden.shared_data import shared

pytestmark = pytest.mark.shared

# the same network in mmpose's words; mean 0 and std 1, because the golden images are normalised already
CONFIG = """
def stage(block, modules, widths):
    branches = len(widths)
    blocks = (4,) * branches
    return dict(
        num_modules=modules, num_branches=branches, block=block, num_blocks=blocks, num_channels=widths
    )


codec = dict(type="SimCCLabel", input_size=(192, 256), sigma=4.0, simcc_split_ratio=1.0)
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(type="PoseDataPreprocessor", mean=[0, 0, 0], std=[1, 1, 1], bgr_to_rgb=True),
    backbone=dict(
        type="HRNet",
        in_channels=3,
        extra=dict(
            stage1=stage("BOTTLENECK", 1, (64,)),
            stage2=stage("BASIC", 1, (3, 6)),
            stage3=stage("BASIC", 4, (3, 6, 12)),
            stage4=stage("BASIC", 3, (3, 6, 12, 24)),
        ),
    ),
    head=dict(
        type="SimCCHead",
        in_channels=3,
        out_channels=17,
        input_size=(192, 256),
        in_featuremap_size=(48, 64),
        simcc_split_ratio=1.0,
        deconv_out_channels=None,
        decoder=codec,
    ),
)
"""

# tap -> the golden name; the x_list are outputs before fusion (specs/hpnet.md A.4)
TAPS = {
    "backbone.stage4.0.branches.1": "x_list_1",
    "backbone.stage4.0.branches.2": "x_list_2",
    "backbone.stage4.0.branches.3": "x_list_3",
    "backbone.stage4.2[0]": "y_list_0",
    "head.final_layer": "x_",
}
# taps of the contract that the release does not return: compared with the backbone run by hand
STAGE_OUTPUTS = {
    "backbone.stage4.1[1]": (6, 32, 24),
    "backbone.stage4.1[2]": (12, 16, 12),
    "backbone.stage3.3[1]": (6, 32, 24),
    "backbone.stage2.0[1]": (6, 32, 24),
}


@pytest.fixture(scope="module")
def case():
    folder = shared("golden/models/hrnet_simcc_small")
    with np.load(folder / "io.npz") as file:
        return folder, dict(file), json.loads((folder / "meta.json").read_text())


@pytest.fixture(scope="module", params=["released", "eval"])
def result(request, case, tmp_path_factory):
    folder, golden, _ = case
    work = tmp_path_factory.mktemp("hrnet")
    (work / "small.py").write_text(CONFIG)

    def load(taps):
        return MmposeEstimator(
            work / "small.py",
            folder / "weights.pt",  # in the authors' names
            taps=taps,
            device="cpu",
            batch_size=2,
            batch_norm="per_image" if request.param == "released" else "eval",
        )

    estimator = load([*TAPS, *STAGE_OUTPUTS, "simcc"])
    crops = torch.from_numpy(golden["images"]).permute(0, 2, 3, 1)
    by_hand = stages_by_hand(load(["simcc"]).network.backbone, torch.from_numpy(golden["images"]))
    return request.param, estimator.feature_maps(crops), estimator(crops), by_hand


@torch.inference_mode()
def stages_by_hand(backbone, images):
    """Every output of the modules of stages 2 to 4, by calling the backbone's own parts in turn; no hooks."""
    x = backbone.relu(backbone.bn1(backbone.conv1(images)))
    branches = [backbone.layer1(backbone.relu(backbone.bn2(backbone.conv2(x))))]
    found = {}
    for stage in (2, 3, 4):
        # a new branch comes from the lowest one; the first transition also adapts the one there is
        transitions = getattr(backbone, f"transition{stage - 1}")
        branches = [
            branches[min(place, len(branches) - 1)]
            if transition is None
            else transition(branches[min(place, len(branches) - 1)])
            for place, transition in enumerate(transitions)
        ]
        for place, module in enumerate(getattr(backbone, f"stage{stage}")):
            branches = module(list(branches))  # which it overwrites
            for item, branch in enumerate(branches):
                found[f"backbone.stage{stage}.{place}[{item}]"] = branch.clone()
    return found


def test_maps(case, result):
    _, golden, meta = case
    mode, maps, *_ = result
    for tap, name in TAPS.items():
        np.testing.assert_allclose(
            maps[tap].numpy(),
            golden[f"{mode}.{name}"],
            **meta["tolerance"]["features"],
            err_msg=f"{mode} {tap}",
        )


def test_simcc_vectors_are_a_tap(case, result):
    _, golden, meta = case
    mode, maps, *_ = result
    expected = np.concatenate([golden[f"{mode}.pred_x"], golden[f"{mode}.pred_y"]], axis=-1)
    np.testing.assert_allclose(maps["simcc"].numpy(), expected, **meta["tolerance"]["pred"])


def test_joints_are_exact(case, result):
    _, golden, _ = case
    mode, _, batch, _ = result
    np.testing.assert_array_equal(batch.keypoints, golden[f"{mode}.joints"])


def test_stage_outputs_are_those_of_the_modules(result):
    _, maps, batch, by_hand = result
    assert {tap: tuple(maps[tap].shape[1:]) for tap in STAGE_OUTPUTS} == STAGE_OUTPUTS
    for tap in STAGE_OUTPUTS:
        assert maps[tap].std() > 0.01
        torch.testing.assert_close(maps[tap], by_hand[tap], rtol=0, atol=0)
    assert batch.pooled["backbone.stage4.1[1]"].shape == (2, 17, 6)


def test_stage_output_is_not_the_tensor_before_fusion(result):
    _, maps, *_ = result
    fused, unfused = maps["backbone.stage4.1[1]"], maps["backbone.stage4.0.branches.1"]
    assert not torch.allclose(fused, unfused)
