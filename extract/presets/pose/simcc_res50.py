"""ResNet-50 with deconvolutions and a SimCC head, 256x192, COCO-17: of mmpose's zoo, AP 72.1 there."""

from extract.presets.base import PosePreset, Weights

_FOLDER = "body_2d_keypoint/simcc/coco"
_FILE = "simcc_res50_8xb64-210e_coco-256x192-8e0f5b59_20220919.pth"

PRESETS = (
    PosePreset(
        name="simcc_res50",
        config=f"{_FOLDER}/simcc_res50_8xb64-210e_coco-256x192.py",
        weights=Weights(
            file=_FILE,
            address=f"https://download.openmmlab.com/mmpose/v1/{_FOLDER}/{_FILE}",
            licence="Apache-2.0, as mmpose",
            sha256="8e0f5b59",
        ),
        # After the ReLU of the second, third and first deconvolution: at HRNet's resolutions, and like its
        # levels at the end of the network. The backbone has these resolutions too (layer2, layer1, layer3),
        # but before anything of the whole person is known.
        taps={
            "H2": "head.deconv_head.deconv_layers.5",
            "H1": "head.deconv_head.deconv_layers.8",
            "H3": "head.deconv_head.deconv_layers.2",
        },
    ),
)
