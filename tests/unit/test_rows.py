"""Clips of a store as rows: the same bits whichever way they are read, and what they hold by hand."""

import dataclasses
import pickle

import numpy as np
import pytest

from store import open_store
from store.clock import blend_valid, sample_times
from store.errors import StoreFormatError
from tests.store_makers import make_facts, make_layout, shrink_units
from tests.stream_stores import POOLED, stream_store, there
from train.rows import PersonRows, array_of, num_frames_of

VALIDS = {
    "a": there("xxx", "xxx"),
    "b": there("xxx", "---"),
    "c": there("xx-", "-x-"),
    "d": there("---", "xxx"),
    "e": there("xxx", "x--"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        shrink_units(patch)
        yield stream_store(tmp_path_factory.mktemp("store"), VALIDS, order="cabed")


def rows_of(store, ids="abcde", **options):
    return PersonRows(store, POOLED, ids, **{"num_persons": 2} | options)


def test_who_is_there(store):
    rows = rows_of(store)

    np.testing.assert_array_equal(rows.valid, np.stack(list(VALIDS.values())))
    assert rows.present.tolist() == [[True, True], [True, False], [True, True], [False, True], [True, True]]
    assert rows.row_shape == (3, 2, 3)
    assert rows.num_bytes == 8 * 3 * 2 * 3 * 2  # 8 persons, float16


def test_rows_are_the_stores_bits(store):
    rows = rows_of(store, absence="zeros")

    found = rows.read(np.array([3, 0, 1]))

    expected = [store.pooled("d", person=1), *store.pooled("a").swapaxes(0, 1), store.pooled("b", person=0)]
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("absence", ["hold", "zeros"])
def test_all_at_once_is_clip_by_clip(store, absence):
    rows = rows_of(store, absence=absence)

    whole = rows.read(np.arange(5))

    np.testing.assert_array_equal(whole, np.concatenate([rows.read(np.array([clip])) for clip in range(5)]))
    out = np.empty_like(whole)
    assert rows.read(np.arange(5), out) is out
    np.testing.assert_array_equal(out, whole)
    for num_threads in (2, 3, 20):
        np.testing.assert_array_equal(rows.read(np.arange(5), num_threads=num_threads), whole)


def test_absent_times_hold_the_nearest(store):
    first, second = rows_of(store).read(np.array([2]))

    kept = store.pooled("c")
    np.testing.assert_array_equal(first, kept[[0, 1, 1], 0])
    np.testing.assert_array_equal(second, kept[[1, 1, 1], 1])


def test_copies_are_the_releases(store):
    rows = rows_of(store, copy_person=True, absence="zeros")

    of_b, of_d, of_e = (rows.read(np.array([clip])) for clip in (1, 3, 4))
    b, d, e = (store.pooled(name) for name in "bde")
    np.testing.assert_array_equal(of_b, [b[:, 0], b[:, 0]])
    np.testing.assert_array_equal(of_d, [d[:, 1], d[:, 1]])
    # time by time: where two are there both are, else the one is twice
    np.testing.assert_array_equal(of_e, [e[:, 0], np.stack([e[0, 1], e[1, 0], e[2, 0]])])
    assert rows.present.all()


@pytest.mark.parametrize("absence", ["hold", "zeros"])
def test_copies_of_those_who_need_none_are_the_same_bits(store, absence):
    one, other = (rows_of(store, "a", copy_person=copies, absence=absence) for copies in (False, True))

    np.testing.assert_array_equal(one.read(np.array([0])), other.read(np.array([0])))


def test_fewer_and_more_persons(store):
    one = rows_of(store, num_persons=1)
    three = rows_of(store, num_persons=3)

    assert one.present.tolist() == [[True], [True], [True], [False], [True]]
    assert three.present[:, 2].tolist() == [False] * 5
    np.testing.assert_array_equal(three.read(np.arange(5)), rows_of(store).read(np.arange(5)))
    np.testing.assert_array_equal(one.read(np.array([0])), [store.pooled("a", person=0)])


@pytest.mark.parametrize("absence", ["hold", "zeros"])
def test_native_clips_come_on_the_clock(tmp_path, monkeypatch, absence):
    shrink_units(monkeypatch)
    valids = {"a": there("xxxxx", "xx---"), "b": there("xxxxxxxxx", "---------")}
    store = stream_store(tmp_path, valids, facts=make_facts("native", crops=()))

    rows = rows_of(store, "ab", num_frames=3, absence=absence)

    assert num_frames_of(store) == 64
    found = rows.read(np.arange(2))
    assert found.dtype == np.float32
    # 5 frames at 3 times: (i + 0.5) 5 / 3 - 0.5 = 1/3, 2, 11/3
    a = store.pooled("a").astype(np.float32)
    np.testing.assert_allclose(
        found[0], [(2 * a[0, 0] + a[1, 0]) / 3, a[2, 0], (a[3, 0] + 2 * a[4, 0]) / 3], rtol=1e-6
    )
    # 9 frames at 3 times: 1, 4, 7
    np.testing.assert_array_equal(found[2], store.pooled("b", person=0)[[1, 4, 7]])
    assert rows.valid[0].tolist() == [[True, True], [True, False], [True, False]]
    second = (2 * a[0, 1] + a[1, 1]) / 3
    np.testing.assert_allclose(
        found[1], [second, second, second] if absence == "hold" else [second, a[2, 1], a[2, 1]], rtol=1e-6
    )


def test_one_frame_speaks_for_an_absent_neighbour(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    store = stream_store(tmp_path, {"a": there("x-", "--")}, facts=make_facts("native", crops=()))

    rows = rows_of(store, "a", num_frames=1, num_persons=1)
    zeros = rows_of(store, "a", num_frames=1, num_persons=1, absence="zeros")

    frame = store.pooled("a", person=0)[0].astype(np.float32)
    np.testing.assert_array_equal(rows.read(np.array([0]))[0, 0], frame)
    # the release fades into the zeros
    np.testing.assert_array_equal(zeros.read(np.array([0]))[0, 0], frame / 2)


def test_resampling_is_that_of_extraction(tmp_path, monkeypatch):
    """A native store on 4 times, and extraction on 4 times, see the same frames."""
    shrink_units(monkeypatch)
    valid = there("x-xxxx-x", "--------")
    store = stream_store(tmp_path, {"a": valid}, facts=make_facts("native", crops=()))
    blend = blend_valid(sample_times(8, 4), np.arange(8), valid)

    (row,) = rows_of(store, "a", num_frames=4).read(np.array([0]))

    np.testing.assert_array_equal(row, blend(store.pooled("a").astype(np.float32))[:, 0])


def test_can_be_sent_to_another_process(store):
    rows = rows_of(store)

    sent = pickle.loads(pickle.dumps(rows))

    np.testing.assert_array_equal(sent.read(np.arange(5)), rows.read(np.arange(5)))


def test_which_array(store, tmp_path):
    assert array_of(store, "pooled") == POOLED
    assert array_of(store, "pooled", "net.b[1]") == "pooled/net.b@1"
    assert array_of(store, "pose") == "keypoints"
    with pytest.raises(StoreFormatError, match=r"no tap 'net.c'; its taps are net.a, net.b\[1\]"):
        array_of(store, "pooled", "net.c")
    with pytest.raises(StoreFormatError, match="no tap 'simcc'"):
        array_of(store, "simcc")


@pytest.mark.parametrize(
    ("taps", "facets", "source", "expected"),
    [
        ({"simcc": 4, "net.a": 3}, (), "pooled", "pooled/net.a"),
        ({"simcc": 4}, (), "simcc", "pooled/simcc"),
        ({"simcc": 4}, (), "pooled", None),
        ({}, ("keypoints_3d",), "pose", "keypoints_3d"),
        ({"net.a": 3}, (), "pose", None),
        ({}, ("keypoints",), "pooled", None),
    ],
)
def test_which_array_of_other_stores(tmp_path, taps, facets, source, expected):
    layout = dataclasses.replace(make_layout(crops=()), taps=taps, facets=facets)
    facts = dataclasses.replace(make_facts(crops=()), layout=layout)
    stream_store(tmp_path, {"a": there("xxx", "xxx")}, facts=facts)
    store = open_store(str(tmp_path))

    if expected:
        assert array_of(store, source) == expected
    else:
        with pytest.raises(StoreFormatError, match="has no"):
            array_of(store, source)
