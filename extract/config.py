"""Every choice of an extraction that changes its numbers, with its source; saved with the store."""

from dataclasses import dataclass
from typing import Literal

from extract.clock import Clock
from extract.persons import PersonPolicy
from store.schema import Crop

BatchNorm = Literal["eval", "per_image"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """How a detection network is asked.

    Args:
        image_size: longer side of its input in pixels. None: half of the frame's, at least 640
            (specs/hpnet.md A.1) and at most 1280, so that a person in 1080p is not seen at a
            third of the resolution.
        confidence: weaker boxes are dropped (specs/hpnet.md A.1).
        iou: of two boxes that overlap by more, the weaker one is dropped (specs/hpnet.md A.1).
    """

    image_size: int | None = None
    confidence: float = 0.25
    iou: float = 0.45

    def meaning(self) -> dict[str, object]:
        """Return the settings as they enter a store's fingerprint."""
        size = self.image_size or "half of the frame's longer side, 640 to 1280"
        return {"image_size": size, "confidence": self.confidence, "iou": self.iou}

    def image_size_for(self, width: int, height: int) -> int:
        """Return the longer side of the network's input, a multiple of its stride of 32."""
        if self.image_size is not None:
            return self.image_size
        return min(max(640, -(-max(width, height) // 64) * 32), 1280)


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
            # Rules without a switch. Whoever changes what one of them does to the numbers changes its text,
            # so that stores made before and after are told apart.
            "decode": "front to back, frame numbers as decoded",
            "persons_rule": f"{self.persons}, version {2 if self.persons == 'tracked' else 1}",
            "pose_crop": "box x 1.25 at the network's aspect, bilinear, black outside",
            "person_crop": "union of the frame's boxes, rounded, stretched",
            "clip_crop": "square around the keypoints of the clock's frames, padding 0.25, cut",
            "absence": "one side of a sample time speaks for both, else absent",
            "pooling": "bilinear at the joint, 1x1, align_corners",
            "stored_as": "float16",
        }
