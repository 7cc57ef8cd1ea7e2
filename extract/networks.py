"""What ``DETECTOR=`` and ``POSE=`` name -> the files of the networks, fetched if they are presets."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from extract.errors import WeightsError
from extract.presets import DETECTORS, POSES, PosePreset
from extract.weights import provide_weights, record_digest


@dataclass(frozen=True, slots=True)
class PoseFiles:
    """What a pose network is built of.

    Args:
        config: a mmpose config file, or a preset's own config.
        checkpoint: its weights. Both paths are absolute: a worker may stand in another folder.
        taps: what to pool; the first one is the default feature of the streams.
    """

    config: Path | Mapping[str, object]
    checkpoint: Path
    taps: tuple[str, ...]


def find_detector(name: str, *, folder: Path) -> str:
    """Resolve ``DETECTOR=``: a preset becomes its file of weights, anything else stays what it is.

    Args:
        name: a preset's name, a file of weights, a ``.json`` file of boxes, or ``none``.
        folder: of the presets' weights.

    Returns:
        ``none`` or an absolute path: a worker may stand in another folder.

    Raises:
        WeightsError: a preset's weights cannot be had.
        FileNotFoundError: ``name`` is nothing of all this.
    """
    if name == "none":
        return name
    if Path(name).is_file():
        return str(Path(name).absolute())
    preset = DETECTORS.get(name)
    if preset is None:
        raise FileNotFoundError(
            f"{name}: no such file and no preset{_near(name, DETECTORS)}; expected a preset's name (`make "
            "presets` lists them), a file of ultralytics weights, a .json file of boxes, or none"
        )
    if preset.refusal:
        raise WeightsError(f"{name}: {preset.refusal}")
    return str(provide_weights(preset.weights, folder).absolute())


def find_pose(name: str, *, checkpoint: Path | None, taps: str | None, folder: Path) -> PoseFiles:
    """Resolve ``POSE=``, ``POSE_CHECKPOINT=`` and ``TAPS=``.

    Args:
        name: a preset's name, or a mmpose config file.
        checkpoint: weights; for a preset they take the place of its own.
        taps: with commas between; for a preset its levels by name (``H2``) too, and None means all of them.
        folder: of the presets' weights.

    Raises:
        ValueError: a config of one's own without checkpoint or taps, or nothing between two commas.
        WeightsError: a preset's weights cannot be had.
        FileNotFoundError: ``name`` is neither.
    """
    wanted = _split(taps) if taps else []
    preset = POSES.get(name)
    if preset is not None:
        return PoseFiles(
            _config(preset),
            (checkpoint or provide_weights(preset.weights, folder)).absolute(),
            tuple(preset.taps.get(tap, tap) for tap in wanted) or tuple(preset.taps.values()),
        )
    config = Path(name)
    if not config.is_file():
        raise FileNotFoundError(
            f"{name}: no such file and no preset{_near(name, POSES)}; expected a preset's name (`make "
            "presets` lists them) or a mmpose config file (.py)"
        )
    if checkpoint is None or not wanted:
        raise ValueError(
            f"{name}: a config of your own needs its weights and the modules to read: "
            "POSE_CHECKPOINT=file.pth TAPS=module.path; only presets know theirs"
        )
    return PoseFiles(config.absolute(), checkpoint.absolute(), tuple(wanted))


def record_loaded(
    detector: str, pose: str, *, checkpoint: Path | None, folder: Path, meaning: Mapping[str, object]
) -> None:
    """Record the digests of presets' weights, once they have been loaded.

    Args:
        detector: as ``find_detector`` took it.
        pose: as ``find_pose`` took it.
        checkpoint: likewise.
        folder: of the presets' weights.
        meaning: of the store, which names the digests of what was loaded.
    """
    if detector in DETECTORS and not Path(detector).is_file():
        record_digest(DETECTORS[detector].weights, folder, str(meaning["detector.weights_sha256"]))
    if pose in POSES and checkpoint is None:
        record_digest(POSES[pose].weights, folder, str(meaning["pose.checkpoint_sha256"]))


def _split(taps: str) -> list[str]:
    names = [name.strip() for name in taps.split(",")]
    if "" in names:
        raise ValueError(
            f"TAPS={taps!r}: a name is missing before, after or between commas; expected names with commas "
            "between, such as H2,H3"
        )
    return names


def _config(preset: PosePreset) -> Path | Mapping[str, object]:
    if not isinstance(preset.config, str):
        return preset.config
    mmpose = find_spec("mmpose")  # where it lies, without importing it
    if mmpose is None or not mmpose.submodule_search_locations:
        raise FileNotFoundError(
            f"{preset.name}: its config comes with mmpose; `make setup WITH=all` installs it"
        )
    return Path(mmpose.submodule_search_locations[0]) / ".mim/configs" / preset.config


def _near(name: str, presets: Iterable[str]) -> str:
    near = difflib.get_close_matches(Path(name).name, presets, n=3, cutoff=0.5)
    return f" (near: {', '.join(near)})" if near else ""
