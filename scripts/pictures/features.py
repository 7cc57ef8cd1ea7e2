"""The pooled features of a clip, read from its store and reduced to what is drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.pictures.clip_data import Clip
from scripts.pictures.time_bins import average_in_bins
from store import StoreReader

_CHUNK_STEPS = 512  # features are turned into float32 so many steps at a time


@dataclass(frozen=True, slots=True)
class Features:
    """The pooled features of one person, reduced to what is drawn; B columns of time, NaN where absent."""

    norms: npt.NDArray[np.float32]  # (B, V) L2 over channels
    means: npt.NDArray[np.float32]  # (B, C) mean over joints
    variances: npt.NDArray[np.float64]  # (C,) over time, mean over joints


def read_features(reader: StoreReader, clip: Clip, tap: str) -> list[Features | None]:
    """Read and reduce the features person by person; None for one who is never there.

    Raises:
        StoreFormatError: the store has no such tap.
        StoreDamagedError: a file of the store is missing or damaged.
    """
    found: list[Features | None] = []
    for person in range(clip.num_persons):
        valid = clip.valid[:, person]
        if not valid.any():
            found.append(None)
            continue
        pooled = reader.pooled(clip.row.entry.id, tap, person)
        norms, means = [], []
        total = np.zeros(pooled.shape[1:])
        squares = np.zeros(pooled.shape[1:])
        for begin in range(0, len(pooled), _CHUNK_STEPS):
            values = pooled[begin : begin + _CHUNK_STEPS].astype(np.float32)
            norms.append(np.sqrt(np.einsum("tvc,tvc->tv", values, values)))
            means.append(values.mean(1))
            there = values[valid[begin : begin + _CHUNK_STEPS]]
            total += there.sum(0, dtype=np.float64)
            squares += np.einsum("tvc,tvc->vc", there, there)
        count = int(valid.sum())
        variances = np.maximum(squares / count - (total / count) ** 2, 0).mean(0)
        found.append(
            Features(
                average_in_bins(np.concatenate(norms), valid),
                average_in_bins(np.concatenate(means), valid),
                variances,
            )
        )
    return found
