"""How far extracted features are from golden ones. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of features with golden ones.

    Args:
        cosine: mean over sample times, persons and joints of the cosine between their two vectors.
        relative_l2: norm of the difference, as a share of the golden norm.
        max_abs: the largest difference of a value.
    """

    cosine: float
    relative_l2: float
    max_abs: float


def measure_agreement(found: npt.NDArray[np.float32], golden: npt.NDArray[np.float32]) -> Agreement:
    """Compare (..., C) features with golden ones of the same shape; two zero vectors agree."""
    a, b = (np.asarray(values, np.float64).reshape(-1, values.shape[-1]) for values in (found, golden))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(1) & ~b.any(1)
    cosines = np.where(both_zero, 1, (a * b).sum(1) / np.where(norms > 0, norms, 1))
    golden_norm = float(np.linalg.norm(b))
    difference = float(np.linalg.norm(a - b))
    return Agreement(
        cosine=float(cosines.mean()),
        relative_l2=difference / golden_norm if golden_norm else float("inf"),
        max_abs=float(np.abs(a - b).max()),
    )
