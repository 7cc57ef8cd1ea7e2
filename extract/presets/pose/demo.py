"""A narrow HRNet with a SimCC head, 128x192, COCO-17, that this repository trained on drawn people."""

from extract.presets.base import PosePreset, shipped

_CROP_WH = (128, 192)
_MAP_WH = (32, 48)  # of the first branch, at stride 4
_WIDTHS = (16, 32, 48, 64)


def demo_config(head: dict[str, object]) -> dict[str, object]:
    """Return the config of the narrow HRNet with a head of mmpose."""
    return {
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
                    "stage1": _stage("BOTTLENECK", 1, 16),
                    "stage2": _stage("BASIC", 1, *_WIDTHS[:2]),
                    "stage3": _stage("BASIC", 1, *_WIDTHS[:3]),
                    "stage4": _stage("BASIC", 3, *_WIDTHS),  # the taps are outputs of the last two modules
                },
            },
            "head": {"in_channels": _WIDTHS[0], "out_channels": 17, "deconv_out_channels": None, **head},
        },
        # joints and links; nothing is read from the dataset
        "train_dataloader": {"dataset": {"type": "CocoDataset"}},
    }


def _stage(block: str, num_modules: int, *widths: int) -> dict[str, object]:
    return {
        "block": block,
        "num_modules": num_modules,
        "num_branches": len(widths),
        "num_blocks": (1,) * len(widths),
        "num_channels": widths,
    }


TAPS = {"H2": "backbone.stage4.1[1]", "H1": "backbone.stage4.2[0]", "H3": "backbone.stage4.1[2]"}

PRESETS = (
    PosePreset(
        name="demo",
        config=demo_config(
            {
                "type": "SimCCHead",
                "input_size": _CROP_WH,
                "in_featuremap_size": _MAP_WH,
                "simcc_split_ratio": 2.0,
                "decoder": {
                    "type": "SimCCLabel",
                    "input_size": _CROP_WH,
                    "sigma": 5.0,
                    "simcc_split_ratio": 2.0,
                },
            }
        ),
        weights=shipped("pose_simcc.pth"),
        taps=TAPS,
    ),
)
