"""HRNet-W48 with a SimCC head, 256x192, COCO-17: the pose network of HP-Net (specs/hpnet.md A.4).

mmpose's zoo has no HRNet with a SimCC head, so the config is ours and the weights are the authors'.
"""

from extract.presets.base import PosePreset, Weights

_CROP_WH = (192, 256)
_CODEC = {"type": "SimCCLabel", "input_size": _CROP_WH, "sigma": 4.0, "simcc_split_ratio": 2.0}


def _stage(block: str, num_modules: int, *widths: int) -> dict[str, object]:
    return {
        "block": block,
        "num_modules": num_modules,
        "num_branches": len(widths),
        "num_blocks": (4,) * len(widths),
        "num_channels": widths,
    }


_CONFIG: dict[str, object] = {
    "model": {
        "type": "TopdownPoseEstimator",
        "data_preprocessor": {
            "type": "PoseDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],  # ImageNet's, of 0 to 255
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
        },
        "backbone": {
            "type": "HRNet",
            "extra": {
                "stage1": _stage("BOTTLENECK", 1, 64),
                "stage2": _stage("BASIC", 1, 48, 96),
                "stage3": _stage("BASIC", 4, 48, 96, 192),
                "stage4": _stage("BASIC", 3, 48, 96, 192, 384),
            },
        },
        "head": {
            "type": "SimCCHead",
            "in_channels": 48,
            "out_channels": 17,
            "input_size": _CROP_WH,
            "in_featuremap_size": (48, 64),
            "simcc_split_ratio": 2.0,
            "deconv_out_channels": None,
            "decoder": _CODEC,
        },
    },
    # joints and links; nothing is read from the dataset
    "train_dataloader": {"dataset": {"type": "CocoDataset"}},
}

PRESETS = (
    PosePreset(
        name="hrnet_w48_simcc",
        config=_CONFIG,
        weights=Weights(
            file="pose_hrnet_w48_256x192_split2_sigma4.pth",
            address=None,
            licence="unknown: their repository has no licence file",
            by_hand="SimCC_Pose_weights.zip of the authors of HP-Net, "
            "https://drive.google.com/file/d/1MtljnHRv9R6F1ixMfIS0nqvLDyL2fe8a/view",
        ),
        # Outputs of stage 4, after its fusions: the last module returns branch 0 only. What the authors'
        # code pools as H2 is backbone.stage4.0.branches.1 (specs/hpnet.md 0.2).
        taps={
            "H2": "backbone.stage4.1[1]",
            "H1": "backbone.stage4.2[0]",
            "H3": "backbone.stage4.1[2]",
        },
    ),
)
