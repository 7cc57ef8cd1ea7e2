"""More sample times than a page has pixels are averaged in bins."""

from typing import Any

import numpy as np
import numpy.typing as npt

_MAX_COLUMNS = 1200


def average_in_bins(
    values: npt.NDArray[np.floating[Any]], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Average values over time in at most as many bins as a page has pixels.

    Args:
        values: (T, ...).
        valid: (T,); other times do not count.

    Returns:
        (B, ...) with B at most ``_MAX_COLUMNS``; NaN where no time of a bin is valid.
    """
    num_steps = len(values)
    columns = min(num_steps, _MAX_COLUMNS)
    begins = np.arange(columns) * num_steps // columns
    mask = valid.reshape(-1, *[1] * (values.ndim - 1))
    sums = np.add.reduceat(np.where(mask, values, 0).astype(np.float64), begins, axis=0)
    counts = np.add.reduceat(mask.astype(np.float64), begins, axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
