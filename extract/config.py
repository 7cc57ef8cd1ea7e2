"""Every choice of an extraction that changes its numbers, with its source; saved with the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from extract.persons import PersonPolicy
from store.clock import Absence, Clock
from store.schema import Crop

BatchNorm = Literal["eval", "per_image"]
Precision = Literal["fp32", "bf16", "fp16"]
PoseAspect = Literal["input", "frame_hw"]
BoxEdges = Literal["exact", "rounded"]
Pooling = Literal["point", "mean3", "max3", "mean5", "max5"]


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

    @classmethod
    def from_meaning(cls, meaning: Mapping[str, Any]) -> Self:
        """Return the settings that have this meaning; KeyError if it is none."""
        size = meaning["image_size"]
        return cls(size if isinstance(size, int) else None, meaning["confidence"], meaning["iou"])

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
        pose_aspect: what a box is widened to before the pose network sees it: "input", the aspect of its
            input; "frame_hw", height / width of the video frame (specs/hpnet.md 0.3).
        box_edges: "exact" as detected, or "rounded" to whole pixels before anything else
            (specs/hpnet.md A.1).
        absence: a person who is there on one side of a sample time only: "mark", that side speaks; "zeros",
            the other side is zeros and both are interpolated (specs/hpnet.md A.2, H.1).
        pooling: "point", or the mean or maximum of a region of 3x3 or 5x5 cells (specs/hpnet.md A.5).
    """

    clock: Clock = 64
    persons: PersonPolicy = "tracked"
    crops: tuple[Crop, ...] = ("person", "clip")
    jpeg_quality: int = 95
    pose_aspect: PoseAspect = "input"
    box_edges: BoxEdges = "exact"
    absence: Absence = "mark"
    pooling: Pooling = "point"

    def meaning(self) -> dict[str, object]:
        """Return the settings as they enter a store's fingerprint."""
        meaning: dict[str, object] = {
            "clock": self.clock,
            "persons": self.persons,
            "crops": list(self.crops),
            "jpeg_quality": self.jpeg_quality,
            # Rules in words. Whoever changes what one of them does to the numbers changes its text, so that
            # stores made before and after are told apart.
            "decode": "front to back, frame numbers as decoded",
            "persons_rule": f"{self.persons}, version {2 if self.persons == 'tracked' else 1}",
            "pose_crop": _POSE_CROP[self.pose_aspect],
            "person_crop": "union of the frame's boxes, rounded, stretched",
            "clip_crop": "square around the keypoints of the clock's frames, padding 0.25, cut",
            "absence": _ABSENCE[self.absence],
            "pooling": _POOLING[self.pooling],
            "stored_as": "float16",
        }
        if self.box_edges != "exact":  # named only where it is not: stores of before can be continued
            meaning["box_edges"] = self.box_edges
        return meaning

    @classmethod
    def from_meaning(cls, meaning: Mapping[str, Any]) -> Self:
        """Return the settings that have this meaning; KeyError if they are of a version that had others."""
        return cls(
            clock=meaning["clock"],
            persons=meaning["persons"],
            crops=tuple(meaning["crops"]),
            jpeg_quality=meaning["jpeg_quality"],
            pose_aspect={words: name for name, words in _POSE_CROP.items()}[meaning["pose_crop"]],
            box_edges=meaning.get("box_edges", "exact"),
            absence={words: name for name, words in _ABSENCE.items()}[meaning["absence"]],
            pooling={words: name for name, words in _POOLING.items()}[meaning["pooling"]],
        )


# The rules of the options above, in the words that a store keeps; those of the defaults are the words of all
# stores made before there was a choice.
_POSE_CROP: dict[PoseAspect, str] = {
    "input": "box x 1.25 at the network's aspect, bilinear, black outside",
    "frame_hw": "frame_hw: box x 1.25 at the frame's height / width, bilinear, black outside",
}
_ABSENCE: dict[Absence, str] = {
    "mark": "one side of a sample time speaks for both, else absent",
    "zeros": "zeros: interpolated through",
}
_POOLING: dict[Pooling, str] = {
    "point": "bilinear at the joint, 1x1, align_corners",
    "mean3": "mean3: mean of 3x3 bilinear samples a cell apart, align_corners",
    "max3": "max3: maximum of 3x3 bilinear samples a cell apart, align_corners",
    "mean5": "mean5: mean of 5x5 bilinear samples a cell apart, align_corners",
    "max5": "max5: maximum of 5x5 bilinear samples a cell apart, align_corners",
}
