"""A narrow YOLOv8 for 320 pixels that this repository trained on drawn people."""

from extract.presets.base import DetectorPreset, shipped

PRESETS = (DetectorPreset("demo", shipped("detector.pt", licence="AGPL-3.0, as its architecture")),)
