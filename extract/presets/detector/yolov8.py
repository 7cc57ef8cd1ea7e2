"""YOLOv8, trained on COCO."""

from extract.presets.base import ultralytics_preset

PRESETS = tuple(ultralytics_preset(f"yolov8{size}") for size in "nsmlx")
