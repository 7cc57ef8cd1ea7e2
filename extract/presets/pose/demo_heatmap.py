"""The twin of ``demo`` with a heatmap head, 128x192, COCO-17."""

from extract.presets.base import PosePreset, shipped
from extract.presets.pose.demo import TAPS, demo_config

PRESETS = (
    PosePreset(
        name="demo_heatmap",
        config=demo_config(
            {
                "type": "HeatmapHead",
                "decoder": {
                    "type": "MSRAHeatmap",
                    "input_size": (128, 192),
                    "heatmap_size": (32, 48),
                    "sigma": 2.0,
                },
            }
        ),
        weights=shipped("pose_heatmap.pth"),
        taps=TAPS,
    ),
)
