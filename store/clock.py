"""When a clip is sampled: sample times, the frames they need, and interpolation between frames. Pure."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Clock = int | Literal["native"]
Absence = Literal["mark", "zeros"]


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """The sample times of one clip.

    Args:
        positions: (S,) float64, in frames of the source.
        lower, upper: (S,) int64, the frames before and after; equal where a position is a frame.
        weights: (S,) float32 in [0, 1), the share of ``upper``.
    """

    positions: npt.NDArray[np.float64]
    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]

    @property
    def frames(self) -> npt.NDArray[np.int64]:
        """The frames that are needed, ascending: at most two per sample time."""
        frames: npt.NDArray[np.int64] = np.unique(np.concatenate([self.lower, self.upper]))
        return frames


def sample_times(num_frames: int, clock: Clock) -> SampleTimes:
    """Place the sample times of a clip.

    Args:
        num_frames: T > 0, the frames of the clip.
        clock: number S of sample times, at half-pixel positions max(0, (i + 0.5) T / S - 0.5), or "native".

    Source: specs/hpnet.md A.6; linear resize with align_corners=False and no anti-aliasing.
    """
    if num_frames < 1:
        raise ValueError(f"a clip of {num_frames} frames has no sample times")
    if clock == "native":
        positions = np.arange(num_frames, dtype=np.float64)
    else:
        # (i + 0.5) T / S - 0.5 with one rounding, so that a position that is a frame is exactly that frame
        positions = np.maximum(0, (2 * np.arange(clock) + 1) * num_frames - clock) / (2 * clock)
    lower = np.minimum(np.floor(positions).astype(np.int64), num_frames - 1)
    weights = (positions - lower).astype(np.float32)
    upper = np.minimum(lower + (weights > 0), num_frames - 1)
    return SampleTimes(positions, lower, upper, np.where(upper > lower, weights, np.float32(0)))


@dataclass(frozen=True, slots=True)
class Blend:
    """How the rows of the processed frames become rows of the sample times, per person.

    Args:
        first, second: (S, M) int64, places among the processed frames.
        weights: (S, M) float32, the share of ``second``.
        valid: (S, M) bool, False where the person is absent.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]

    def __call__(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Resample (F, M, ...) values of the processed frames to (S, M, ...); 0 where absent."""
        persons = np.arange(values.shape[1])
        shape = (*self.weights.shape, *(1,) * (values.ndim - 2))
        weights = self.weights.reshape(shape)
        blended = (1 - weights) * values[self.first, persons] + weights * values[self.second, persons]
        return np.where(self.valid.reshape(shape), blended, np.float32(0))


def blend_valid(
    times: SampleTimes,
    frames: npt.NDArray[np.int64],
    valid: npt.NDArray[np.bool_],
    absence: Absence = "mark",
) -> Blend:
    """Decide, per sample time and person, which frames speak.

    ``mark``: both frames around a sample time valid: interpolate. One valid: that one. None: absent (design,
    numerics contract 3). A sample time that is a frame has no second frame to fall back to.
    ``zeros``: both frames always speak, and an absent person is zeros, which fade into the neighbours
    (specs/hpnet.md A.2). Where both are zeros the person is absent here too.

    Args:
        times: the sample times.
        frames: (F,) ascending, the processed frames; all of ``times.frames`` are among them.
        valid: (F, M) whether the person is in the frame. For ``zeros`` values must be 0 where not.
        absence: see above.
    """
    lower = np.searchsorted(frames, times.lower)
    upper = np.searchsorted(frames, times.upper)
    has_lower, has_upper = valid[lower], valid[upper]  # (S, M)
    if absence == "zeros":
        first, second, weights = (
            np.broadcast_to(values[:, None], has_lower.shape) for values in (lower, upper, times.weights)
        )
        return Blend(first, second, weights, has_lower | has_upper)
    first = np.where(has_lower, lower[:, None], upper[:, None])
    second = np.where(has_upper, upper[:, None], lower[:, None])
    weights = np.where(has_lower & has_upper, times.weights[:, None], np.float32(0))
    return Blend(first, second, weights.astype(np.float32), has_lower | has_upper)


def nearest_valid(
    times: SampleTimes, frames: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Choose the frame that a crop is taken from.

    Args:
        times: the sample times.
        frames: (F,) ascending, the processed frames.
        valid: (F,) whether there is something to crop.

    Returns:
        (S,) places among ``frames``: the nearer of the two frames around a sample time (the earlier one if
        they are equally near), the other one where only that is valid, -1 where none is.
    """
    lower = np.searchsorted(frames, times.lower)
    upper = np.searchsorted(frames, times.upper)
    near = np.where(times.weights > 0.5, upper, lower)
    far = np.where(times.weights > 0.5, lower, upper)
    return np.where(valid[near], near, np.where(valid[far], far, -1))
