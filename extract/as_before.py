"""How to extract videos as a store was: its meaning, which checkpoints carry -> settings and networks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.boxes_file import WholeFrame
from extract.config import BatchNorm, DetectorConfig, ExtractConfig, Precision
from extract.errors import WeightsError
from extract.presets import DETECTORS, POSES, DetectorPreset, PosePreset
from extract.weights import digest_at_hand

Meaning = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an extraction chooses beside its networks.

    Args:
        detector: how a detection network is asked.
        extract: the settings that are the extraction's own.
        batch_norm, precision: of the pose network.
        taps: what is pooled.
        two_person_classes: what the policy ``by_label`` knows.
    """

    detector: DetectorConfig
    extract: ExtractConfig
    batch_norm: BatchNorm
    precision: Precision
    taps: tuple[str, ...]
    two_person_classes: tuple[str, ...]


def read_settings(meaning: Meaning, where: str) -> Settings:
    """Return the settings that ``extract.build.store_facts`` had written down.

    Args:
        meaning: of a store, or of a checkpoint that was trained on one.
        where: whose it is, for messages.

    Raises:
        ValueError: it is not of an extraction, or of one that this code does not know.
    """
    if "extract.clock" not in meaning:
        raise ValueError(
            f"{where} was trained on features that were imported: it does not say how they are made of a "
            "video. Train on a store that `make extract` made"
        )
    detector, own, pose = (_part(meaning, name) for name in ("detector", "extract", "pose"))
    try:
        return Settings(
            # whoever brings boxes asks no network
            detector=DetectorConfig.from_meaning(detector) if "confidence" in detector else DetectorConfig(),
            extract=ExtractConfig.from_meaning(own),
            batch_norm=pose["batch_norm"],
            precision=pose["precision"],
            taps=tuple(pose["taps"]),
            two_person_classes=tuple(own.get("two_person_classes", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{where} was trained on a store of another version of Heatpool, with settings that this one "
            f"does not know ({error}); use that version"
        ) from error


def recognise_detector(meaning: Meaning, where: str, folder: Path) -> str:
    """Return what ``DETECTOR=`` has to be for the boxes to be found as before.

    Args:
        meaning: of the store.
        where: whose it is, for messages.
        folder: of the presets' weights.

    Raises:
        WeightsError: no preset has these weights; the message says what to do.
    """
    if meaning.get("detector.boxes") == WholeFrame.meaning["boxes"]:
        return "none"
    if "detector.boxes_sha256" in meaning:
        raise WeightsError(
            f"{where} was trained on boxes from a file; give such a file of these videos: "
            'DETECTOR=boxes.json ARGS="--accept detector.boxes_sha256"'
        )
    digest = str(meaning.get("detector.weights_sha256"))
    name = _preset_with(digest, DETECTORS.values(), folder)
    if name is None:
        raise WeightsError(
            f"{_unknown(where, digest, folder)}: DETECTOR=… (a preset's name, or the file of weights)"
        )
    return name


def recognise_pose(meaning: Meaning, where: str, folder: Path) -> str:
    """Return what ``POSE=`` has to be for the poses to be as before; see ``recognise_detector``.

    Raises:
        WeightsError: no preset has these weights.
    """
    digest = str(meaning.get("pose.checkpoint_sha256"))
    name = _preset_with(digest, POSES.values(), folder)
    if name is None:
        raise WeightsError(
            f"{_unknown(where, digest, folder)}: POSE=… (a preset's name, or a mmpose config), and "
            "POSE_CHECKPOINT=file.pth unless the weights are the preset's own"
        )
    return name


def _part(meaning: Meaning, part: str) -> dict[str, Any]:
    """Return the settings of a part, by the names that it has for them."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): value for name, value in meaning.items() if name.startswith(prefix)}


def _preset_with(digest: str, presets: Iterable[DetectorPreset | PosePreset], folder: Path) -> str | None:
    for preset in presets:
        known = preset.weights.sha256  # as much of it as was published
        if digest == digest_at_hand(preset.weights, folder) or (known and digest.startswith(known)):
            return preset.name
    return None


def _unknown(where: str, digest: str, folder: Path) -> str:
    return (
        f"{where} wants the weights with the sha256 {digest[:12]}…, and no preset with its weights in "
        f"{folder} has them. Name the network, and it is checked whether it is the same"
    )
