"""In which order clips are read: a shuffle that (seed, epoch) alone decide, and its batches. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Neighbours in a store are read together: 16 clips of one person are one stretch of about 3 MB. 512 such
# stretches are mixed, so at any time reads stay within 1.5 GB, which the page cache holds; up to 8192 clips
# are mixed entirely.
BLOCK_CLIPS = 16
POOL_BLOCKS = 512


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """One batch.

    Args:
        clips: (B,) int64, places in the list of clips.
        seed: of what is drawn for this batch.
    """

    clips: npt.NDArray[np.int64]
    seed: int


def epoch_order(
    num_clips: int, *, seed: int, epoch: int, block: int = BLOCK_CLIPS, pool: int = POOL_BLOCKS
) -> npt.NDArray[np.int64]:
    """Shuffle clips that are listed in the order of a store.

    Args:
        num_clips: N.
        seed: of the run.
        epoch: from 0.
        block: so many neighbours stay in one pool.
        pool: so many blocks, drawn from everywhere, are mixed.

    Returns:
        (N,) int64, each place once.
    """
    draw = np.random.default_rng([seed, epoch])
    if num_clips <= block * pool:
        return draw.permutation(num_clips)
    starts = draw.permutation(np.arange(0, num_clips, block))
    pools = [
        np.concatenate([np.arange(start, min(start + block, num_clips)) for start in starts[at : at + pool]])
        for at in range(0, len(starts), pool)
    ]
    return np.concatenate([draw.permutation(members) for members in pools])


def training_batches(
    num_clips: int,
    batch_size: int,
    *,
    group: int = 1,
    seed: int,
    epoch: int,
    rank: int = 0,
    num_ranks: int = 1,
) -> list[BatchPlan]:
    """Plan an epoch of training.

    All batches are full: what is left over at the end is left out, other clips in each epoch. A set that is
    smaller than a batch is one batch.

    Args:
        num_clips: N.
        batch_size: B, of each of ``num_ranks`` processes.
        group: so many batches make a step; where there are more of them, what is left over is left out too.
        seed: of the run.
        epoch: from 0.
        rank: which process; processes get as many batches each.
        num_ranks: how many processes.
    """
    order = epoch_order(num_clips, seed=seed, epoch=epoch)
    batch_size = min(batch_size, num_clips // num_ranks)
    steps = num_training_batches(num_clips, batch_size, num_ranks=num_ranks)
    steps -= steps % group if steps > group else 0
    batches = order[: steps * num_ranks * batch_size].reshape(steps, num_ranks, batch_size)[:, rank]
    seeds = np.random.default_rng([seed, epoch, 1]).integers(2**62, size=(steps, num_ranks))[:, rank]
    return [BatchPlan(clips, int(drawn)) for clips, drawn in zip(batches, seeds, strict=True)]


def num_training_batches(num_clips: int, batch_size: int, *, num_ranks: int = 1) -> int:
    """Return how many batches each process has in an epoch of training."""
    batch_size = min(batch_size, num_clips // num_ranks)
    return num_clips // (batch_size * num_ranks) if batch_size else 0


def evaluation_batches(
    num_clips: int, batch_size: int, *, rank: int = 0, num_ranks: int = 1
) -> list[BatchPlan]:
    """Plan one look at every clip, in the order of the store.

    Every clip is in exactly one batch of one process, and processes get as many batches each, so nothing is
    counted twice and nobody waits. (Fewer clips than processes: some get an empty batch.)
    """
    per_rank = -(-num_clips // (batch_size * num_ranks))
    parts: Sequence[npt.NDArray[np.int64]] = np.array_split(
        np.arange(num_clips), max(per_rank * num_ranks, 1)
    )
    return [BatchPlan(clips, 0) for clips in parts[rank::num_ranks] if per_rank]
