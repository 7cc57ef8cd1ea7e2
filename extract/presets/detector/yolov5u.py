"""YOLOv5 as ultralytics trained it again, with a head of its own (the ``u``): not the authors' YOLOv5m."""

from extract.presets.base import ultralytics_preset

PRESETS = tuple(ultralytics_preset(f"yolov5{size}u") for size in "nsmlx")
