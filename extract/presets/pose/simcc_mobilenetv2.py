"""MobileNetV2 with a SimCC head, 256x192, COCO-17: small and quick; of mmpose's zoo, AP 62.0 there."""

from extract.presets.base import PosePreset, Weights

_FOLDER = "body_2d_keypoint/simcc/coco"
_FILE = "simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192-4b0703bb_20221010.pth"

PRESETS = (
    PosePreset(
        name="simcc_mobilenetv2",
        config=f"{_FOLDER}/simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192.py",
        weights=Weights(
            file=_FILE,
            address=f"https://download.openmmlab.com/mmpose/v1/{_FOLDER}/{_FILE}",
            licence="Apache-2.0, as mmpose",
            sha256="4b0703bb",
        ),
        # The last blocks at strides 8, 4 and 16, HRNet's resolutions. Nothing brings what the network finds
        # out later back up to them, so H2 and H1 are early, local features; H3 knows the most of the three.
        # Their last convolution has no ReLU: values can be negative.
        taps={
            "H2": "backbone.layer3",
            "H1": "backbone.layer2",
            "H3": "backbone.layer5",
        },
    ),
)
