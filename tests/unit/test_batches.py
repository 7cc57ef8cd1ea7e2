"""Batches of rows, and loaders that go on in the middle of an epoch."""

import itertools

import numpy as np
import pytest
import torch

from tests.store_makers import shrink_units
from tests.stream_stores import POOLED, stream_store, there
from train.batches import BatchLoader, ClipBatches
from train.order import BatchPlan, training_batches
from train.rows import PersonRows

VALIDS = {
    "a": there("xxx", "xx-"),
    "b": there("xxx", "---"),
    "c": there("---", "xxx"),
    "d": there("xxx", "xxx"),
    "e": there("xxx", "---"),
}
LABELS, PLACES = np.array([3, 4, 5, 6, 7]), np.array([10, 20, 30, 40, 50])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        shrink_units(patch)
        yield stream_store(tmp_path_factory.mktemp("store"), VALIDS)


@pytest.fixture
def clips(store):
    return ClipBatches("train", PersonRows(store, POOLED, "abcde", num_persons=2), LABELS, PLACES)


def plan_of(*places):
    return BatchPlan(np.array(places), 5)


def test_a_batch_by_hand(store, clips):
    batch = clips[plan_of(2, 0)]

    assert batch["present"].tolist() == [[False, True], [True, True]]
    assert batch["slots"].tolist() == [1, 2, 3]
    assert batch["valid"].tolist() == [[True, True, True], [True, True, True], [True, True, False]]
    assert (batch["label"].tolist(), batch["clip"].tolist(), batch["seed"]) == ([5, 3], [30, 10], 5)
    assert batch["rows"].dtype == torch.float16
    np.testing.assert_array_equal(batch["rows"][0], store.pooled("c", person=1))
    np.testing.assert_array_equal(batch["rows"][1], store.pooled("a", person=0))


@pytest.mark.parametrize("step", [1, 2, 128])
def test_what_is_kept_is_what_is_read(clips, step):
    plans = [plan_of(2, 0), plan_of(4), plan_of(3, 1, 2, 0, 4)]
    read = [clips[plan] for plan in plans]

    clips.keep(on_device=False, step=step)
    for plan, expected in zip(plans, read, strict=True):
        found = clips[plan]
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in found)

    clips.keep(on_device=True)
    for plan, expected in zip(plans, read, strict=True):
        found = clips[plan]
        assert "rows" not in found
        assert torch.equal(clips.kept_rows(found["kept"]), expected["rows"])


@pytest.fixture
def reads(monkeypatch):
    """Return a list of (clips that are read at once, whether into an array of all rows)."""
    reads, read = [], PersonRows.read

    def watched(self, clips, out=None, num_threads=1):
        reads.append((clips.tolist(), out is not None))
        return read(self, clips, out, num_threads)

    monkeypatch.setattr(PersonRows, "read", watched)
    return reads


def test_what_is_kept_on_a_device_is_never_all_in_ram(clips, reads):
    clips.keep(on_device=True, step=2)
    batch = clips[plan_of(2, 0)]
    assert reads == []  # nobody has said which device

    found = clips.kept_rows(batch["kept"].to("meta"))  # a device without values

    assert reads == [([0, 1], False), ([2, 3], False), ([4], False)]
    assert (clips.kept.device.type, clips.kept.shape) == ("meta", (7, 3, 2, 3))
    assert found.shape == (3, 3, 2, 3)


def test_rows_come_onto_a_device_as_they_are_read(clips):
    expected = clips[plan_of(3, 1, 2, 0, 4)]["rows"]

    clips.keep(on_device=True, step=2)

    assert torch.equal(clips.kept_rows(clips[plan_of(3, 1, 2, 0, 4)]["kept"]), expected)


def test_what_is_not_kept_cannot_be_named(clips):
    with pytest.raises(ValueError, match="not kept where the model is; call setup"):
        clips.kept_rows(torch.tensor([0]))


def loader_of(clips, **options):
    return BatchLoader(clips, lambda epoch: training_batches(5, 1, seed=0, epoch=epoch), **options)


def order_of(loader, count=None):
    return [batch["clip"].tolist() for batch in itertools.islice(loader, count)]


def test_an_epoch_is_the_same_each_time_and_others_differ(clips):
    loader = loader_of(clips)
    assert len(loader) == 5

    first = order_of(loader)
    assert order_of(loader) == first
    loader.set_epoch(1)
    assert order_of(loader) != first


def test_an_iterator_looks_when_it_is_first_asked(clips):
    loader = loader_of(clips)
    early = iter(loader)
    loader.set_epoch(1)

    assert [batch["clip"].tolist() for batch in early] == order_of(loader)


@pytest.mark.parametrize("seen", range(6))
@pytest.mark.parametrize("epoch", [0, 3])
def test_goes_on_in_the_middle(clips, seen, epoch):
    loader = loader_of(clips)
    loader.set_epoch(epoch)
    whole = order_of(loader)
    order_of(loader, seen) if seen else iter(loader)
    state = loader.state_dict() if seen else {"epoch": epoch, "seen": 0}

    other = loader_of(clips)
    other.load_state_dict(state)
    other.set_epoch(epoch)

    assert len(other) == 5
    assert other.state_dict() == state
    assert order_of(other) == whole[seen:]
    # once; the next epoch is a whole one
    other.set_epoch(epoch + 1)
    assert len(order_of(other)) == 5


def test_a_state_of_a_finished_epoch_skips_nothing_of_the_next(clips):
    loader = loader_of(clips)
    order_of(loader)

    for state in (loader.state_dict(), loader_of(clips).state_dict()):
        other = loader_of(clips)
        other.load_state_dict(state)
        other.set_epoch(1)
        assert len(order_of(other)) == 5

    # the state speaks of the epoch that was read, also when the next one is announced already
    loader.set_epoch(1)
    assert loader.state_dict() == {"epoch": 0, "seen": 5}
