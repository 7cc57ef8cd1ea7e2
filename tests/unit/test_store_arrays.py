"""Shards and reader; each shard is also read with plain zarr, which must agree."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
import zarr

from store import arrays, open_store, shards
from store.errors import (
    ClipNotFoundError,
    StoreDamagedError,
    StoreFormatError,
    StoreNotFoundError,
)
from store.manifest import verify_store
from store.schema import array_specs
from store.spool import SpooledClip
from tests.store_makers import (
    files_of,
    make_clip,
    make_facts,
    make_failure,
    make_layout,
    make_writer,
    shrink_units,
    with_array,
    write_store,
    zeros_like,
)

STARTS = ["", "file://"]  # of an address: a folder, and a URL, which is read through zarr


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    shrink_units(monkeypatch)


@pytest.mark.parametrize("clock", [3, "native"])
def test_reader_and_plain_zarr_return_what_was_put(tmp_path, clock):
    layout = make_layout(clock)
    steps = [3, 21, 8, 1] if clock == "native" else [3] * 4
    clips = [make_clip(clip_id, layout, n, seed=n) for clip_id, n in zip("abcd", steps, strict=True)]
    write_store(tmp_path / "s", make_facts(clock), [*clips[:2], make_failure("e"), *clips[2:]])
    reader = open_store(str(tmp_path / "s"))
    remote = open_store(f"file://{tmp_path}/s")  # through zarr
    group = zarr.open_group(tmp_path / "s/features.zarr", mode="r")
    assert reader.clip_ids == list("abcd")
    for clip in clips:
        outcome = reader.row(clip.id).outcome
        for spec in array_specs(layout):
            values = clip.arrays[spec.name]
            width = values.shape[-1] if spec.axes[-1] == "bytes" else None
            for source in (reader, remote, pickle.loads(pickle.dumps(reader))):
                np.testing.assert_array_equal(source.read(spec.name, clip.id, width=width), values)
            if "person" in spec.axes:
                for source in (reader, remote):
                    np.testing.assert_array_equal(source.read(spec.name, clip.id, person=1), values[:, 1])
            end = outcome.start + outcome.num_steps
            plain = (
                group[spec.name][outcome.start : end]
                if clock == "native"
                else group[spec.name][outcome.start]
            )
            np.testing.assert_array_equal(plain[..., :width] if width else plain, values)
        lengths = clip.arrays["frames/person_lengths"]
        expected = [row[:n].tobytes() for row, n in zip(clip.arrays["frames/person"], lengths, strict=True)]
        assert reader.jpegs(clip.id, "person") == expected


def test_zarr_metadata_names_the_axes_and_keeps_the_tap(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    array = zarr.open_array(tmp_path / "s/features.zarr/pooled/net.b@1", mode="r")
    assert array.metadata.dimension_names == ("clip", "time", "person", "joint", "channel")
    assert array.attrs["tap"] == "net.b[1]"
    assert (array.shape, array.chunks, array.shards) == ((1, 3, 2, 2, 1), (1, 3, 1, 2, 1), (2, 3, 2, 2, 1))


def test_a_unit_of_zeros_has_no_file_and_reads_as_zeros(tmp_path):
    clip = make_clip("a", make_layout())
    write_store(tmp_path / "s", make_facts(), [SpooledClip("a", clip.outcome, zeros_like(clip.arrays))])
    assert not [name for name in files_of(tmp_path / "s/features.zarr") if not name.endswith("zarr.json")]
    assert list(verify_store(tmp_path / "s")) == []
    for start in STARTS:
        assert not open_store(f"{start}{tmp_path}/s").pooled("a").any()


@pytest.mark.parametrize("start", STARTS)
def test_a_lost_shard_is_an_error_and_never_zeros(tmp_path, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/features.zarr/keypoints/c.0.0.0.0.0").unlink()
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.0\.0\.0\.0\.0 is missing; run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


@pytest.mark.parametrize("start", STARTS)
def test_one_lost_shard_of_a_long_clip_is_an_error(tmp_path, start):
    write_store(tmp_path / "s", make_facts("native"), [make_clip("a", make_layout("native"), steps=20)])
    (tmp_path / "s/features.zarr/keypoints/c.1.0.0.0").unlink()
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.1\.0\.0\.0 is missing"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


def test_a_shard_lost_on_a_server_is_an_error(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    server = fsspec.filesystem("memory")
    server.put(str(tmp_path / "s"), "/lost", recursive=True)
    assert open_store("memory://lost").keypoints("a").any()
    server.rm("/lost/features.zarr/keypoints/c.0.0.0.0.0")
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.0\.0\.0\.0\.0 is missing"):
        open_store("memory://lost").keypoints("a")


def test_a_re_chunked_copy_is_not_taken_for_a_damaged_one(tmp_path):
    clip = make_clip("a", make_layout())
    empty = with_array(clip, "boxes", clip.arrays["boxes"] * 0)
    write_store(tmp_path / "s", make_facts(), [empty, make_clip("b", make_layout())])
    folder = tmp_path / "s/features.zarr/boxes"
    values = zarr.open_array(folder, mode="r")[:]
    shutil.rmtree(folder)
    zarr.create_array(folder, data=values)
    reader = open_store(str(tmp_path / "s"))
    assert not reader.read("boxes", "a").any()
    assert reader.read("boxes", "b").any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("place", [0, -1])
def test_a_flipped_byte_is_an_error_on_reading(tmp_path, place, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    path = tmp_path / "s/features.zarr/keypoints/c.0.0.0.0.0"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match=r"keypoints.*checksum.*run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


@pytest.mark.parametrize("start", STARTS)
def test_damaged_metadata_is_an_error_that_names_the_array(tmp_path, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/features.zarr/keypoints/zarr.json").write_bytes(b"{")
    with pytest.raises(StoreDamagedError, match=r"keypoints.*run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


def test_values_that_are_read_can_be_written_to(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    open_store(str(tmp_path / "s")).pooled("a", person=0)[:] = 1  # torch warns of arrays that cannot


def test_chunks_of_a_box():
    spec = array_specs(make_layout("native", crops=()))[-1]  # frame_positions: whole units of 8 steps
    assert list(shards.chunks_of(spec, [slice(6, 17)])) == [
        ((0,), (slice(6, 8),), (slice(0, 2),)),
        ((1,), (slice(0, 8),), (slice(2, 10),)),
        ((2,), (slice(0, 1),), (slice(10, 11),)),
    ]


def test_an_open_reader_works_in_a_forked_process(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    code = f"""
import os
from store import open_store
for address in ({str(tmp_path / "s")!r}, "file://" + {str(tmp_path / "s")!r}):
    reader = open_store(address)
    want = reader.pooled("a")
    child = os.fork()
    if child == 0:
        os._exit(0 if (reader.pooled("a") == want).all() else 3)
    assert os.waitpid(child, 0)[1] == 0
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


def test_reader_says_what_is_missing(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout()), make_failure("b")])
    reader = open_store(str(tmp_path / "s"))
    with pytest.raises(ClipNotFoundError, match="has no clip 'z'"):
        reader.pooled("z")
    with pytest.raises(ClipNotFoundError, match="its status is decode_error: no frames"):
        reader.pooled("b")
    with pytest.raises(StoreFormatError, match=r"no tap 'x'; it has net.a, net.b\[1\]"):
        reader.pooled("a", tap="x")
    with pytest.raises(StoreFormatError, match="made without 'clip' crops"):
        reader.jpegs("a", "clip")
    with pytest.raises(ValueError, match="persons are 0 to 1"):
        reader.pooled("a", person=2)
    with pytest.raises(StoreNotFoundError, match="give the STORE"):
        open_store(str(tmp_path / "none"))
    shutil.rmtree(tmp_path / "s/features.zarr/frames")
    with pytest.raises(StoreFormatError, match="copied without the array 'frames/person_lengths'"):
        open_store(str(tmp_path / "s")).jpegs("a", "person")


def test_readers_work_while_the_store_grows_and_when_it_is_empty(tmp_path):
    layout = make_layout()
    with make_writer(tmp_path / "s") as writer:
        early = open_store(str(tmp_path / "s"))
        assert early.clip_ids == []
        for clip_id in "abc":
            writer.put(make_clip(clip_id, layout, seed=ord(clip_id)))
        writer.pack("abcd", last=False)
        middle = open_store(str(tmp_path / "s"))
        assert middle.clip_ids == ["a", "b"]  # c waits for the unit's second clip
        writer.put(make_clip("d", layout))
        writer.pack("abcd", last=True)
        np.testing.assert_array_equal(
            middle.pooled("b"), make_clip("b", layout, seed=ord("b")).arrays["pooled/net.a"]
        )
    assert open_store(str(tmp_path / "s")).clip_ids == list("abcd")


@pytest.mark.parametrize(("level", "block_bytes"), [(6, 0), (9, 2**16)])
def test_a_store_that_was_packed_harder_is_read_as_one_of_ours(tmp_path, monkeypatch, level, block_bytes):
    """How hard Blosc tried is in each array's zarr.json; what it unpacks to is the same."""
    clip = make_clip("a", make_layout(3), 3, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(shards, "BLOSC_LEVEL", level)
        patch.setattr(shards, "BLOSC_BLOCK_BYTES", block_bytes)
        arrays.array_metadata.cache_clear()
        write_store(tmp_path / "s", make_facts(3), [clip])
    arrays.array_metadata.cache_clear()
    reader = open_store(str(tmp_path / "s"))
    monkeypatch.setattr(arrays, "open_group", None)  # plain zarr is not asked

    assert f'"clevel": {level}' in (tmp_path / "s/features.zarr/keypoints/zarr.json").read_text()
    np.testing.assert_array_equal(reader.keypoints("a"), clip.arrays["keypoints"])
