"""YOLO11, trained on COCO."""

from extract.presets.base import ultralytics_preset

PRESETS = tuple(ultralytics_preset(f"yolo11{size}") for size in "nsmlx")
