"""A HRNet with SimCC head that is small and quick, with random weights that give features worth comparing."""

from pathlib import Path

import torch
from torch import nn

from extract.pose_mmpose import MmposeEstimator

CROP_WH = (96, 128)
# The best of 0 to 50: the two fullest bins of all SimCC vectors that are compared stay 5e-4 of the vector's
# standard deviation apart (release_by_hand.py asks for 1e-4).
SEED = 47
WIDTHS = (2, 4, 6, 8)
H2_PRE_FUSION = "backbone.stage4.0.branches.1"
H2_STAGE_OUTPUT = "backbone.stage4.1[1]"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

_CONFIG = f"""
def stage(block, modules, widths):
    branches = len(widths)
    return dict(
        num_modules=modules, num_branches=branches, block=block, num_blocks=(1,) * branches,
        num_channels=widths,
    )


codec = dict(type="SimCCLabel", input_size={CROP_WH}, sigma=4.0, simcc_split_ratio=2.0)
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(type="PoseDataPreprocessor", bgr_to_rgb=True, mean={list(MEAN)}, std={list(STD)}),
    backbone=dict(
        type="HRNet",
        in_channels=3,
        extra=dict(
            stage1=stage("BOTTLENECK", 1, (2,)),
            stage2=stage("BASIC", 1, {WIDTHS[:2]}),
            stage3=stage("BASIC", 1, {WIDTHS[:3]}),
            stage4=stage("BASIC", 3, {WIDTHS}),
        ),
    ),
    head=dict(
        type="SimCCHead", in_channels={WIDTHS[0]}, out_channels=17, input_size={CROP_WH},
        in_featuremap_size=(24, 32), simcc_split_ratio=2.0, deconv_out_channels=None, decoder=codec,
    ),
)
"""


def write_small_hrnet(folder: Path, *, seed: int = SEED) -> tuple[Path, Path]:
    """Write a config and a checkpoint; return both."""
    config, checkpoint = folder / "small_hrnet.py", folder / f"small_hrnet_{seed}.pth"
    config.write_text(_CONFIG)
    network = MmposeEstimator(config, None, taps=["simcc"], device="cpu", batch_size=1).network
    randomise(network, seed=seed)
    torch.save({"state_dict": network.state_dict()}, checkpoint)
    return config, checkpoint


def randomise(network: nn.Module, *, seed: int) -> None:
    """Draw weights that keep activations at about 1, and running statistics that are no crop's own.

    All of them: what is left as PyTorch made it differs from process to process.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
            if module.bias is not None:
                module.bias.data.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            for values, low, high in [
                (module.weight, 0.5, 1.5),
                (module.bias, -0.3, 0.3),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ]:
                values.data = low + (high - low) * torch.rand(values.shape, generator=generator)
