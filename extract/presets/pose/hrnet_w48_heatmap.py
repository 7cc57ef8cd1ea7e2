"""HRNet-W48 with a heatmap head, 256x192, COCO-17: of mmpose's zoo, AP 75.6 there."""

from extract.presets.base import PosePreset, Weights

_FOLDER = "body_2d_keypoint/topdown_heatmap/coco"
_FILE = "td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth"

PRESETS = (
    PosePreset(
        name="hrnet_w48_heatmap",
        config=f"{_FOLDER}/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py",
        weights=Weights(
            file=_FILE,
            address=f"https://download.openmmlab.com/mmpose/v1/{_FOLDER}/{_FILE}",
            licence="Apache-2.0, as mmpose",
            sha256="0e67c616",
        ),
        # outputs of stage 4, after its fusions: the last module returns branch 0 only
        taps={
            "H2": "backbone.stage4.1[1]",
            "H1": "backbone.stage4.2[0]",
            "H3": "backbone.stage4.1[2]",
        },
    ),
)
