"""YOLOv10, trained on COCO; suppresses double boxes by itself, so --detector-iou does nothing."""

from extract.presets.base import ultralytics_preset

PRESETS = tuple(ultralytics_preset(f"yolov10{size}") for size in "nsmblx")
