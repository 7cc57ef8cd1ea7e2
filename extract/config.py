"""Every choice of an extraction that changes its numbers, with its source; saved with the store."""

from dataclasses import dataclass
from typing import Literal

from extract.clock import Clock
from extract.persons import PersonPolicy
from store.schema import Crop

BatchNorm = Literal["eval", "per_image"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """The settings of an extraction that are its own; those of detector and pose network are theirs.

    Args:
        clock: sample times per clip, or "native" for every frame (specs/hpnet.md A.6).
        persons: who is in a clip; see ``extract/persons.py`` (design, numerics contract 4).
        crops: JPEG crops to keep: "person" (HP-Net), "clip" (EPAM-Net), both or none.
        jpeg_quality: of the crops (specs/hpnet.md B.1).
    """

    clock: Clock = 64
    persons: PersonPolicy = "tracked"
    crops: tuple[Crop, ...] = ("person", "clip")
    jpeg_quality: int = 95

    def meaning(self) -> dict[str, object]:
        """Return the settings as they enter a store's fingerprint."""
        return {
            "clock": self.clock,
            "persons": self.persons,
            "crops": list(self.crops),
            "jpeg_quality": self.jpeg_quality,
            # rules without a switch yet; they are named so that a store of another rule differs
            "decode": "sequential",
            "absence": "nearest valid frame, then absent",
            "pooling": "bilinear at the joint, 1x1, align_corners",
            "stored_as": "float16",
        }
