"""What a camera makes of the light: exposure, colour, noise, and the paper's extreme conditions."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scripts.demo_videos.body import Floats
from scripts.demo_videos.clips import FPS, Condition

# factors of the light that falls in; HP-Net, Table XV, names night and over-exposure without numbers
_GAINS = {"normal": (0.75, 1.2), "occluded": (0.75, 1.2), "dark": (0.07, 0.16), "overexposed": (2.2, 3.2)}
_NOISES = {"normal": (1.0, 4.0), "occluded": (1.0, 4.0), "dark": (3.0, 6.0), "overexposed": (1.0, 4.0)}


# drawn once, and laid over each frame from another place, as drawing is slow
_GRAIN = np.random.default_rng(0).standard_normal((512, 640, 3), np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """Exposure of each frame.

    Args:
        gains: (T, 3) factors of red, green and blue.
        noise: standard deviation, of 255.
        seed: of the noise.
    """

    gains: Floats
    noise: float
    seed: int

    def expose(self, picture: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.uint8]:
        """Return a frame (H, W, 3) as the camera gives it out."""
        height, width, _ = picture.shape
        dice = np.random.default_rng((self.seed, index))
        top, left = dice.integers(0, [_GRAIN.shape[0] - height, _GRAIN.shape[1] - width])
        grain = _GRAIN[top : top + height, left : left + width] * np.float32(self.noise)
        exposed: npt.NDArray[np.uint8] = cv2.convertScaleAbs(
            np.maximum(picture * self.gains[index].astype(np.float32) + grain, 0)
        )
        return exposed


def draw_light(num_frames: int, condition: Condition, dice: np.random.Generator) -> Light:
    """Return the light of a clip, which changes slowly."""
    moments = np.arange(num_frames) / FPS
    swing = 0.06 * np.sin(2 * np.pi * dice.uniform(0.1, 0.6) * moments + dice.uniform(0, 2 * np.pi))
    warmth = dice.uniform(-0.1, 0.1)
    gain = dice.uniform(*_GAINS[condition]) * (1 + swing)
    return Light(
        gain[:, None] * np.array([1 + warmth, 1.0, 1 - warmth]),
        float(dice.uniform(*_NOISES[condition])),
        int(dice.integers(2**31)),
    )
