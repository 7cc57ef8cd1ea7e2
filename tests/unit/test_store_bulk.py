"""Many persons of a store in one call: the same bits as clip by clip, in fewer reads."""

from pathlib import Path

import numpy as np
import pytest

from store import open_store, shards
from store.errors import ClipNotFoundError, StoreDamagedError, StoreFormatError
from store.schema import array_specs
from store.shard_files import ShardFiles, _read_parts
from tests.store_makers import (
    make_clip,
    make_facts,
    make_failure,
    make_layout,
    shrink_units,
    with_array,
    write_store,
)

POOLED = "pooled/net.a"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Five clips in three shards of two; of b person 1 is never there, c failed, d is all zero."""
    shrink_units(monkeypatch)
    layout = make_layout()
    clips = [make_clip(name, layout, seed=seed) for seed, name in enumerate("abdef")]
    half = clips[1].arrays[POOLED].copy()
    half[:, 1] = 0
    clips[1] = with_array(clips[1], POOLED, half)
    clips[2] = with_array(clips[2], POOLED, np.zeros_like(half))
    write_store(tmp_path, make_facts(), [*clips[:2], make_failure("c"), *clips[2:]])
    return open_store(str(tmp_path))


ALL = [(name, person) for name in "abdef" for person in (0, 1)]
SOME = [("f", 1), ("a", 0), ("b", 1), ("d", 0), ("a", 1), ("a", 0)]


@pytest.mark.parametrize("name", [POOLED, "pooled/net.b@1", "keypoints", "boxes"])
@pytest.mark.parametrize("wanted", [ALL, SOME, []])
def test_bits_are_those_of_single_reads(store, name, wanted):
    single = [store.read(name, clip_id, person) for clip_id, person in wanted]

    many = store.read_persons(name, wanted)

    assert len(many) == len(wanted)
    for one, other in zip(single, many, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_fills_what_it_is_given(store):
    out = np.full((len(SOME), 3, 2, 3), 7, np.float16)

    assert store.read_persons(POOLED, SOME, out) is out
    np.testing.assert_array_equal(out, store.read_persons(POOLED, SOME))
    assert not out[2].any()
    assert not out[3].any()


def test_the_same_through_zarr(store, monkeypatch):
    direct = store.read_persons(POOLED, SOME)
    monkeypatch.setattr(type(store), "_is_direct", lambda *_: False)

    np.testing.assert_array_equal(store.read_persons(POOLED, SOME), direct)
    for one, other in zip(store.person_valid_of("ab"), map(store.person_valid, "ab"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_shard_is_opened_once(store, monkeypatch):
    seen = []
    real = ShardFiles.chunks
    monkeypatch.setattr(
        ShardFiles,
        "chunks",
        lambda self, spec, shard, *rest: seen.append(shard) or real(self, spec, shard, *rest),
    )

    store.read_persons(POOLED, ALL)

    assert sorted(seen) == [0, 1, 2]


@pytest.mark.parametrize(
    ("parts", "reads"),
    [([(0, 4), (4, 4), (12, 4)], 1), ([(0, 2), (14, 2)], 2), ([(5, 3)], 1), ([], 0)],
    ids=["three quarters wanted", "a quarter wanted", "one", "none"],
)
def test_reads_in_one_go_where_most_is_wanted(tmp_path, parts, reads):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(16)))
    calls = []

    with path.open("rb", buffering=0) as file:

        class Counting:
            seek = file.seek

            def read(self, size):
                calls.append(size)
                return file.read(size)

        found = _read_parts(Counting(), parts)

    assert found == [bytes(range(offset, offset + size)) for offset, size in parts]
    assert len(calls) == reads


def test_who_is_there(store):
    for clip_id, valid in zip("fab", store.person_valid_of("fab"), strict=True):
        np.testing.assert_array_equal(valid, store.person_valid(clip_id))
        assert valid.dtype == bool


def test_native_clock(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    layout = make_layout("native")
    write_store(
        tmp_path, make_facts("native"), [make_clip("a", layout, 5), make_clip("b", layout, 3, seed=1)]
    )
    store = open_store(str(tmp_path))

    assert [len(valid) for valid in store.person_valid_of("ba")] == [3, 5]
    with pytest.raises(ValueError, match="no chunk per person and clip"):
        store.read_persons(POOLED, [("a", 0)])


def test_refuses(store):
    with pytest.raises(ClipNotFoundError, match="c has no data"):
        store.read_persons(POOLED, [("a", 0), ("c", 0)])
    with pytest.raises(ClipNotFoundError, match="c has no data"):
        store.person_valid_of(["c"])
    with pytest.raises(ValueError, match="no person 2"):
        store.read_persons(POOLED, [("a", 2)])
    with pytest.raises(ValueError, match="no chunk per person"):
        store.read_persons("person_valid", [("a", 0)])
    with pytest.raises(StoreFormatError, match="no array"):
        store.read_persons("pooled/other", [("a", 0)])
    for wrong in (np.empty((1, 3, 2, 3), np.float32), np.empty((2, 3, 2, 3), np.float16)):
        with pytest.raises(ValueError, match="out is"):
            store.read_persons(POOLED, [("a", 0)], wrong)


def test_flipped_bit_and_lost_file_are_errors(store):
    folder = store.address + "/features.zarr/" + POOLED
    path = next(Path(folder).glob("c.0*"))
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match="checksum"):
        open_store(store.address).read_persons(POOLED, ALL)

    path.unlink()
    with pytest.raises(StoreDamagedError, match="missing"):
        open_store(store.address).read_persons(POOLED, ALL)


def test_decodes_in_place():
    (spec,) = (spec for spec in array_specs(make_layout()) if spec.name == POOLED)
    values = np.arange(18, dtype=np.float16).reshape(spec.chunk)
    data = shards.encode_shard(spec, 0, {0: np.concatenate([values, values], axis=2)})
    offset, size = (
        int(n) for n in shards.decode_index(spec, data[-shards.index_bytes(spec) :])[0, 0, 1, 0, 0]
    )
    out = np.empty(spec.chunk, np.float16)

    assert shards.decode_chunk(spec, data[offset : offset + size], out) is out
    np.testing.assert_array_equal(out, values)
