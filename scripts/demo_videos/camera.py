"""Where a clip is seen from, and what of the world falls where in the picture."""

from dataclasses import dataclass

import numpy as np

from scripts.demo_videos.body import Floats
from scripts.demo_videos.clips import FPS


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera that looks at a point.

    Args:
        place: (3,) metres in the world; the ground is z = 0.
        rotation: (3, 3), world to camera: x right, y down, z into the picture.
        focal_px: focal length.
        wh: (width, height) of the picture in pixels.
    """

    place: Floats
    rotation: Floats
    focal_px: float
    wh: tuple[int, int]

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return pixels (..., 2) and depths (...) in metres of points (..., 3) of the world."""
        seen = (points - self.place) @ self.rotation.T
        depth = np.maximum(seen[..., 2], 0.05)
        return seen[..., :2] / depth[..., None] * self.focal_px + np.divide(self.wh, 2), depth

    def rays(self, pixels: Floats) -> Floats:
        """Return the directions in the world (..., 3) in which pixels (..., 2) look; not normalised."""
        flat = (pixels - np.divide(self.wh, 2)) / self.focal_px
        rays: Floats = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1) @ self.rotation
        return rays


def look_at(
    target: Floats, *, azimuth: float, elevation: float, distance: float, focal_px: float, wh: tuple[int, int]
) -> Camera:
    """Return a camera around ``target``.

    Args:
        target: (3,) metres.
        azimuth: radians about z from the world's x.
        elevation: radians above the horizon.
        distance: metres.
        focal_px: focal length in pixels.
        wh: (width, height) in pixels.
    """
    back = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    right = np.cross(-back, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return Camera(target + distance * back, np.stack([right, np.cross(-back, right), -back]), focal_px, wh)


@dataclass(frozen=True, slots=True)
class Shake:
    """How a hand-held camera turns the picture, for each frame.

    Args:
        pixels: (T, 2) shift.
        radians: (T,) roll about the picture's middle.
    """

    pixels: Floats
    radians: Floats

    def matrix(self, index: int, wh: tuple[int, int]) -> Floats:
        """Return the affine (2, 3) of a frame, from steady to shaken pixels."""
        cos, sin = np.cos(self.radians[index]), np.sin(self.radians[index])
        turn = np.array([[cos, -sin], [sin, cos]])
        middle = np.divide(wh, 2)
        return np.concatenate([turn, (middle - turn @ middle + self.pixels[index])[:, None]], axis=1)


def draw_shake(num_frames: int, strength: float, dice: np.random.Generator) -> Shake:
    """Return a smooth shake; ``strength`` 1 moves the picture by some pixels."""
    moments = np.arange(num_frames) / FPS

    def drift(size: float) -> Floats:
        waves = [
            dice.normal(0, size / (1 + rate))
            * np.sin(2 * np.pi * rate * moments + dice.uniform(0, 2 * np.pi))
            for rate in (0.4, 1.3, 3.1)
        ]
        total: Floats = np.sum(waves, axis=0)
        return total

    return Shake(np.stack([drift(3.5 * strength), drift(2.5 * strength)], axis=1), drift(0.008 * strength))
