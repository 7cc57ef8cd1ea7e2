"""The networks that are known by name: every file below ``pose/`` and ``detector/``; README.md shows how."""

from importlib import import_module
from pathlib import Path
from typing import TypeVar

from extract.presets.base import DetectorPreset, PosePreset, Weights

_Preset = TypeVar("_Preset", PosePreset, DetectorPreset)


def _found(folder: str, kind: type[_Preset]) -> dict[str, _Preset]:
    """Collect the ``PRESETS`` of a folder's files, by name."""
    presets: dict[str, _Preset] = {}
    for file in sorted((Path(__file__).parent / folder).glob("*.py")):
        for preset in import_module(f"{__name__}.{folder}.{file.stem}").PRESETS:
            assert isinstance(preset, kind), file
            assert preset.name not in presets, f"{file}: {preset.name} is the name of another preset"
            presets[preset.name] = preset
    return presets


POSES = _found("pose", PosePreset)
DETECTORS = _found("detector", DetectorPreset)

__all__ = ["DETECTORS", "POSES", "DetectorPreset", "PosePreset", "Weights"]
