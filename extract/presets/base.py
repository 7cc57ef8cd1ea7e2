"""What a preset is: a network that is known by name, its weights, and what to read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ULTRALYTICS_ASSETS = (
    "https://github.com/ultralytics/assets/releases/download/v8.4.0"  # as ultralytics 8.4 has it
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights that is known by name.

    Args:
        file: its name in the folder of weights.
        address: where it is downloaded from. None: people fetch it by hand.
        licence: of the weights, in words.
        sha256: the digest, or as much of its beginning as is known. That of the file that was loaded first
            is recorded beside it and checked from then on.
        by_hand: without an address: where to get the file, in words.
        shipped: the file itself, where the repository carries it: no folder, download or record is needed.
    """

    file: str
    address: str | None
    licence: str
    sha256: str = ""
    by_hand: str = ""
    shipped: Path | None = None


@dataclass(frozen=True, slots=True)
class PosePreset:
    """A pose network that ``POSE=`` knows by name. Joints and links are those of its config's metainfo.

    Args:
        name: what ``POSE=`` takes.
        config: a config of mmpose's own zoo, by its path there; or one of our own as a dictionary, with what
            ``extract/pose_mmpose.py`` reads of a mmpose config.
        weights: the trained ones.
        taps: what the levels H1, H2, H3 are in this network: level -> tap (design, numerics contract 1). The
            first one is the default feature of the streams: H2.
    """

    name: str
    config: str | Mapping[str, object]
    weights: Weights
    taps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DetectorPreset:
    """A detector that ``DETECTOR=`` knows by name.

    Args:
        name: what ``DETECTOR=`` takes.
        weights: of the trained network, for ultralytics.
        refusal: for one that people ask for and that cannot be used here: why, and what to do instead.
    """

    name: str
    weights: Weights
    refusal: str = ""


def ultralytics_preset(name: str) -> DetectorPreset:
    """A detector that ultralytics' own downloader knows by this name; its digests are published nowhere."""
    file = f"{name}.pt"
    return DetectorPreset(name, Weights(file, f"{ULTRALYTICS_ASSETS}/{file}", licence="AGPL-3.0"))


def shipped(file: str, *, licence: str = "the repository's own") -> Weights:
    """Weights that lie in the repository, in ``extract/demo_weights``, each beside its card."""
    path = Path(__file__).parents[1] / "demo_weights" / file
    return Weights(file, address=None, licence=licence, shipped=path)
