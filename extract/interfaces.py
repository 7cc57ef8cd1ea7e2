"""What the stages of extraction hand to each other, and the Protocols of the parts that can be replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # decoding processes import this file too, and start ten times as fast without them
    import torch

    from store.skeleton import Skeleton

Affine = Literal["standard", "udp"]  # see extract/crop.py
Frame = npt.NDArray[np.uint8]  # (H, W, 3) RGB
Interval = tuple[int, int | None]  # frames of a video: the first, and the first one after, None for its end


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a clip once its video is open.

    Args:
        num_frames: frames that can be read; of a part of a video, those of the part.
        fps: frames per second, as the container says.
        width, height: pixels.
    """

    num_frames: int
    fps: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Detections:
    """The persons found in one frame, most confident first.

    Args:
        boxes_xyxy: (N, 4) float32, source pixels.
        scores: (N,) float32 in [0, 1].
    """

    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.boxes_xyxy.shape != (len(self.scores), 4):
            raise ValueError(
                f"boxes of shape {self.boxes_xyxy.shape} for {len(self.scores)} scores; expected (N, 4)"
            )

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Persons:
    """Who is in a clip, on some of its frames.

    Args:
        frames: (F,) int64, ascending: the frames of the source that the rows speak of.
        boxes_xyxy: (F, M, 4) float32, source pixels, 0 where absent.
        valid: (F, M) bool, whether person m is in the frame. The same m is the same person in every
            frame as far as the policy follows identities.
    """

    frames: npt.NDArray[np.int64]
    boxes_xyxy: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PoseBatch:
    """What a pose network says of a batch of crops; row n speaks of crop n.

    Args:
        keypoints: (N, V, 2) float32, x, y in crop pixels.
        scores: (N, V) float32 in [0, 1].
        pooled: tap -> (N, V, C) float32, the tap's feature at each joint.
    """

    keypoints: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    pooled: Mapping[str, npt.NDArray[np.float32]]


class PersonDetector(Protocol):
    """Finds persons in frames.

    Attributes:
        batch_size: frames per call; every call gets exactly so many, of one size.
        meaning: settings that change the boxes, for the store's fingerprint.
    """

    batch_size: int
    meaning: Mapping[str, object]

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        """Find the persons in ``batch_size`` frames of one size."""
        ...


class PoseEstimator(Protocol):
    """A top-down pose network that pools its own feature maps at the joints it finds.

    Attributes:
        batch_size: crops per call; every call gets exactly so many.
        crop_wh: (width, height) of its crops in pixels.
        affine: how it was trained to see a box.
        skeleton: its joints.
        taps: tap -> C.
        meaning: settings that change the numbers, for the store's fingerprint.
    """

    batch_size: int
    crop_wh: tuple[int, int]
    affine: Affine
    skeleton: "Skeleton"
    taps: Mapping[str, int]
    meaning: Mapping[str, object]

    def __call__(self, crops: "torch.Tensor") -> PoseBatch:
        """Estimate poses. ``crops``: (batch_size, H, W, 3) uint8 RGB."""
        ...
