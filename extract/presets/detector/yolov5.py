"""The detector of HP-Net's authors (specs/hpnet.md A.1), here to say why it is not among those that work."""

from extract.presets.base import DetectorPreset, Weights

PRESETS = (
    DetectorPreset(
        name="yolov5m",
        weights=Weights(
            file="yolov5m.pt",
            address=None,
            licence="unknown; the YOLOv5 project of its time is GPL-3.0",
            by_hand="SimCC_Pose_weights.zip of the authors of HP-Net, "
            "https://drive.google.com/file/d/1MtljnHRv9R6F1ixMfIS0nqvLDyL2fe8a/view",
        ),
        refusal="its file holds Python classes of the YOLOv5 project, which ultralytics 8 does not have, so "
        "it cannot be loaded here. Take yolov5mu (trained again, with another head: other boxes), or detect "
        "with YOLOv5 itself and give DETECTOR the boxes as a .json file",
    ),
)
