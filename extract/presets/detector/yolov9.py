"""YOLOv9, trained on COCO."""

from extract.presets.base import ultralytics_preset

PRESETS = tuple(ultralytics_preset(f"yolov9{size}") for size in "tsmce")
