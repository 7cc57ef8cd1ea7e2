"""The authors' layout of pooled features, (64, 2, 17, 96) float32, and a store's. Pure.

In the release a person who is alone fills both slots, and nobody is zeros (specs/hpnet.md A.2). A store never
keeps the copy: the slot is absent there. Which of two equal slots is the copy, a file does not say; where it
would be read otherwise than the store has it, the passport beside the files holds who is there.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError

# how files say that a slot has nobody: with a copy of another one, as the release does, or with zeros
EmptySlot = Literal["copied", "zeros"]
EMPTY_SLOTS: tuple[EmptySlot, ...] = ("copied", "zeros")
NUM_SLOTS = 2  # of the release's files, always


def from_npy_layout(
    values: npt.NDArray[np.floating[Any]],
    empty_slot: EmptySlot,
    told: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Turn a file's features into a store's.

    Args:
        values: (T, M, V, C); rounded to float16, the nearest with ties to even.
        empty_slot: how the file says that a slot has nobody.
        told: (T, M) who is there, as the passport says; passed over where the file was changed since.

    Returns:
        (T, M, V, C) features, zero where absent; (T, M) who is there.

    Raises:
        ClipImportError: a slot is zero beside one that is not, which ``copied`` does not know.
    """
    with np.errstate(over="ignore"):  # the store refuses infinite values, and says how many there are
        rounded = values.astype(np.float16)
    if told is not None and told.shape == rounded.shape[:2]:
        pooled = np.where(told[..., None, None], rounded, np.float16(0))
        if np.array_equal(to_npy_layout(pooled, told, empty_slot, num_slots=told.shape[1]), rounded):
            return pooled, told
    valid = rounded.any(axis=(2, 3))
    if empty_slot == "copied":
        if num_half := int((valid.any(1) & ~valid.all(1)).sum()):
            raise ClipImportError(
                f"a slot is zero at {num_half} of {len(valid)} times at which another is not; the release "
                "copies the person there. If your files write nobody as zeros: --empty-slot zeros"
            )
        is_copy = (rounded == rounded[:, :1]).all(axis=(2, 3))
        is_copy[:, 0] = False
        valid &= ~is_copy
    return np.where(valid[..., None, None], rounded, np.float16(0)), valid


def to_npy_layout(
    pooled: npt.NDArray[np.float16], valid: npt.NDArray[np.bool_], empty_slot: EmptySlot, *, num_slots: int
) -> npt.NDArray[np.float32]:
    """Turn a store's features, (T, M, V, C), into a file's: the stored float16 values as float32.

    Args:
        pooled: the features.
        valid: (T, M) who is there.
        empty_slot: what a slot without anybody holds.
        num_slots: of the file; slots from M on are empty.
    """
    more = num_slots - valid.shape[1]
    pooled = np.pad(pooled, ((0, 0), (0, more), (0, 0), (0, 0)))
    valid = np.pad(valid, ((0, 0), (0, more)))
    if empty_slot == "copied":
        # whoever is there first; at a time without anybody that is slot 0, which is zero
        first = pooled[np.arange(len(pooled)), valid.argmax(1)][:, None]
        pooled = np.where(valid[..., None, None], pooled, first)
    return np.ascontiguousarray(pooled, np.float32)


def must_be_told(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], empty_slot: EmptySlot
) -> npt.NDArray[np.bool_] | None:
    """Return who is there, (T, slots), where the file's values alone would be read otherwise; else None."""
    valid = np.pad(valid, ((0, 0), (0, values.shape[1] - valid.shape[1])))
    try:
        _, read = from_npy_layout(values, empty_slot)
    except ClipImportError:
        return valid
    return None if np.array_equal(read, valid) else valid
