"""Profiles: sets of options by name. A store keeps the options, not the profile's name."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from extract.config import BatchNorm, DetectorConfig, ExtractConfig


@dataclass(frozen=True, slots=True)
class Profile:
    """Every option that changes the numbers; what is not said here is the default of its own file.

    Args:
        detector: how the detector is asked.
        extract: the choices of an extraction.
        batch_norm: of the pose network.
        taps: what is pooled if nobody names taps; none: they must be named.
    """

    detector: DetectorConfig
    extract: ExtractConfig
    batch_norm: BatchNorm
    taps: tuple[str, ...]


# What the paper says, and what is right.
DEFAULT = Profile(DetectorConfig(), ExtractConfig(), batch_norm="eval", taps=())

# What the authors' release does to a video of NTU; the numbers are those of specs/hpnet.md.
REFERENCE = Profile(
    detector=DetectorConfig(image_size=640),  # A.1
    extract=ExtractConfig(
        clock=64,  # 0.5
        persons="by_label",  # 0.13, A.2; the release takes top1 on UAV-Human and Smarthome
        crops=("person",),  # B.1
        jpeg_quality=95,  # B.1
        pose_aspect="frame_hw",  # 0.3
        box_edges="rounded",  # A.1
        absence="zeros",  # A.2
        pooling="point",  # 0.4
    ),
    batch_norm="per_image",  # 0.1
    taps=("backbone.stage4.0.branches.1",),  # 0.2, of HRNet
)

PROFILES: Mapping[str, Profile] = MappingProxyType({"default": DEFAULT, "reference": REFERENCE})
