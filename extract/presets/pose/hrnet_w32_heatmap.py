"""HRNet-W32 with a heatmap head, 256x192, COCO-17: of mmpose's zoo, AP 74.6 there."""

from extract.presets.base import PosePreset, Weights

_FOLDER = "body_2d_keypoint/topdown_heatmap/coco"
_FILE = "td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth"

PRESETS = (
    PosePreset(
        name="hrnet_w32_heatmap",
        config=f"{_FOLDER}/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
        weights=Weights(
            file=_FILE,
            address=f"https://download.openmmlab.com/mmpose/v1/{_FOLDER}/{_FILE}",
            licence="Apache-2.0, as mmpose",
            sha256="81c58e40",
        ),
        # outputs of stage 4, after its fusions: the last module returns branch 0 only
        taps={
            "H2": "backbone.stage4.1[1]",
            "H1": "backbone.stage4.2[0]",
            "H3": "backbone.stage4.1[2]",
        },
    ),
)
