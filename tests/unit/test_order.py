"""The order of clips, by hand."""

import numpy as np
import pytest

from train.order import BLOCK_CLIPS, epoch_order, evaluation_batches, num_training_batches, training_batches


def clips_of(plans):
    return [plan.clips.tolist() for plan in plans]


@pytest.mark.parametrize("num_clips", [0, 1, 17, 1000])
def test_every_clip_once(num_clips):
    order = epoch_order(num_clips, seed=1, epoch=0, block=4, pool=3)

    assert sorted(order.tolist()) == list(range(num_clips))
    assert order.dtype == np.int64


def test_seed_and_epoch_alone_decide():
    one = epoch_order(50, seed=3, epoch=2)

    np.testing.assert_array_equal(epoch_order(50, seed=3, epoch=2), one)
    assert (epoch_order(50, seed=3, epoch=3) != one).any()
    assert (epoch_order(50, seed=4, epoch=2) != one).any()
    # for good: runs that are resumed after an update stand on it
    assert epoch_order(8, seed=0, epoch=0).tolist() == [2, 4, 3, 6, 5, 0, 1, 7]


def test_reads_stay_in_a_pool_of_whole_blocks():
    order = epoch_order(1000, seed=0, epoch=0, block=10, pool=5)

    for pool in order.reshape(20, 50):
        blocks = set((pool // 10).tolist())
        assert len(blocks) == 5  # 50 clips of 5 blocks: all of each
        assert blocks != set(range(min(blocks), min(blocks) + 5))  # drawn from everywhere
        assert (np.diff(pool) != 1).any()


def test_a_store_of_a_pool_is_mixed_entirely():
    order = epoch_order(64, seed=0, epoch=0)

    assert len(set((order[:BLOCK_CLIPS] // BLOCK_CLIPS).tolist())) > 1


def test_training_batches_are_full_and_differ():
    plans = training_batches(10, 4, seed=0, epoch=0)

    assert [len(plan.clips) for plan in plans] == [4, 4]
    assert len({clip for clips in clips_of(plans) for clip in clips}) == 8
    assert len({plan.seed for plan in plans}) == 2
    assert clips_of(training_batches(10, 4, seed=0, epoch=0)) == clips_of(plans)
    assert clips_of(training_batches(10, 4, seed=0, epoch=1)) != clips_of(plans)


def test_a_set_smaller_than_a_batch_is_one_batch():
    (plan,) = training_batches(3, 64, seed=0, epoch=0)

    assert sorted(plan.clips.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("num_clips", [0, 1])
def test_fewer_clips_than_processes_are_no_batch(num_clips):
    assert training_batches(num_clips, 4, seed=0, epoch=0, num_ranks=2) == []
    assert num_training_batches(num_clips, 4, num_ranks=2) == 0


def test_processes_share_an_epoch():
    alone = training_batches(23, 6, seed=0, epoch=5)
    ranks = [training_batches(23, 3, seed=0, epoch=5, rank=rank, num_ranks=2) for rank in (0, 1)]

    # together they see the batches that one process with the same whole batch sees
    for whole, first, second in zip(alone, *ranks, strict=True):
        assert whole.clips.tolist() == [*first.clips, *second.clips]
        assert first.seed != second.seed


@pytest.mark.parametrize(("num_clips", "num_ranks"), [(0, 1), (1, 1), (10, 1), (10, 2), (13, 3), (2, 3)])
def test_evaluation_counts_each_clip_once(num_clips, num_ranks):
    ranks = [evaluation_batches(num_clips, 4, rank=rank, num_ranks=num_ranks) for rank in range(num_ranks)]

    assert len({len(plans) for plans in ranks}) == 1  # nobody waits for a batch that others do not have
    seen = [clip for plans in ranks for clips in clips_of(plans) for clip in clips]
    assert sorted(seen) == list(range(num_clips))
    assert all(len(plan.clips) <= 4 for plans in ranks for plan in plans)


def test_batches_of_a_step_are_complete_where_there_is_more_than_one_step():
    """23 clips are 5 batches of 4; in groups of 2 the last is left out, of 8 there is but one group."""
    by_group = [len(training_batches(23, 4, group=group, seed=1, epoch=0)) for group in (1, 2, 5, 8)]

    assert by_group == [5, 4, 5, 5]
    pairs, ones = (training_batches(23, 4, group=group, seed=1, epoch=0) for group in (2, 1))
    assert clips_of(pairs) == clips_of(ones)[:4]
