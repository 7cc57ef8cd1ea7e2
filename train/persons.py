"""What a person's row holds where it is absent: the nearest time, zeros, or the release's copies. Pure."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.generic]
Valid = npt.NDArray[np.bool_]

# hold: a person who is there at some time has the values of the nearest such time where it is not, as in
# numerics contract 3 the frame that is there speaks for the one that is not; motion is 0 there. zeros: as the
# release, which reads the zeros as data, in motion too.
Absence = Literal["hold", "zeros"]


def hold(values: Values, valid: Valid) -> Values:
    """Fill the times at which a person is absent from the nearest one at which it is there.

    Args:
        values: (T, ...) of one person.
        valid: (T,), somewhere True.

    Returns:
        (T, ...); of two equally near times the earlier one speaks.
    """
    there = np.flatnonzero(valid)
    steps = np.arange(len(valid))
    after = np.minimum(np.searchsorted(there, steps), len(there) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(steps - there[before]) <= np.abs(steps - there[after])
    filled: Values = values[there[np.where(is_before, before, after)]]
    return filled


def copy_first(values: Values, valid: Valid) -> tuple[Values, Valid]:
    """Copy, time by time, the first person who is there into the slots of those who are not.

    Args:
        values: (T, M, ...), 0 where absent.
        valid: (T, M).

    Returns:
        Values, and where there is somebody; a time at which nobody is there stays as it is.

    Source: specs/hpnet.md A.2.
    """
    first = values[np.arange(len(values)), valid.argmax(1)][:, None]
    there = valid.reshape(*valid.shape, *(1,) * (values.ndim - 2))
    return np.where(there, values, first), np.broadcast_to(valid.any(1, keepdims=True), valid.shape).copy()


def with_slots(values: Values, num_persons: int) -> Values:
    """Cut or pad (T, M, ...) to so many persons; the added ones are zeros."""
    values = values[:, :num_persons]
    missing = num_persons - values.shape[1]
    return np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)]) if missing else values
