"""Key poses in time -> joint angles at any moment."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from scripts.demo_videos.body import Floats

Pose = Mapping[str, Rotation]  # joint -> turn
Keys = Sequence[tuple[float, Pose]]  # second, pose; a joint keeps its turn until a key names it again


def about(axis: str, degrees: float) -> Rotation:
    """Return a turn about "x" (forward), "y" (left) or "z" (up)."""
    return Rotation.from_euler(axis, degrees, degrees=True)


def turns_at(keys: Keys, seconds: Floats) -> dict[str, Rotation]:
    """Return joint -> its turn at each of ``seconds`` (T,), eased from key to key."""
    joints = {joint for _, pose in keys for joint in pose}
    turns = {}
    for joint in sorted(joints):
        own = [(second, pose[joint]) for second, pose in keys if joint in pose]
        before, after, way = _between([second for second, _ in own], seconds)
        values = Rotation.concatenate([turn for _, turn in own])
        step = values[before].inv() * values[after]
        turns[joint] = values[before] * Rotation.from_rotvec(step.as_rotvec() * way[:, None])
    return turns


def values_at(keys: Sequence[tuple[float, Sequence[float]]], seconds: Floats) -> Floats:
    """Return the values (D,) of keys at each of ``seconds`` (T,), eased, as (T, D)."""
    before, after, way = _between([second for second, _ in keys], seconds)
    values = np.array([value for _, value in keys], np.float64)
    eased: Floats = values[before] + (values[after] - values[before]) * way[:, None]
    return eased


def _between(
    key_seconds: Sequence[float], seconds: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Return for each moment the keys before and after it, and the eased way between them, 0 to 1."""
    keys = np.asarray(key_seconds)
    before = np.clip(np.searchsorted(keys, seconds, side="right") - 1, 0, None)
    after = np.minimum(before + 1, len(keys) - 1)
    span = keys[after] - keys[before]
    way = np.clip((seconds - keys[before]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    return before, after, way * way * (3 - 2 * way)
