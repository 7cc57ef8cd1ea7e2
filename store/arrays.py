"""The Zarr side of a store: metadata of groups and arrays. The only file that imports zarr."""

import functools
import json
from collections.abc import Mapping
from importlib.metadata import version

import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.metadata import ArrayV3Metadata
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from store import shards
from store.schema import ArraySpec

Array = zarr.Array[ArrayV3Metadata]
Group = zarr.Group
LIBRARIES = {name: version(name) for name in ("zarr", "numcodecs")}


def group_metadata(attributes: Mapping[str, object]) -> bytes:
    """Return the ``zarr.json`` of a group with these attributes."""
    memory = MemoryStore()
    zarr.create_group(memory, attributes=dict(attributes))
    return _metadata_in(memory)


@functools.lru_cache(maxsize=256)
def array_metadata(spec: ArraySpec, length: int) -> bytes:
    """Return the ``zarr.json`` of an array that is ``length`` long along its first axis."""
    if shards.is_picture(spec):
        packer: BloscCodec | ZstdCodec = ZstdCodec(level=1)
    else:
        packer = BloscCodec(
            cname="zstd",
            clevel=shards.BLOSC_LEVEL,
            shuffle="shuffle",
            blocksize=shards.BLOSC_BLOCK_BYTES,
        )
    memory = MemoryStore()
    zarr.create_array(
        memory,
        shape=(length, *spec.shape_tail),
        chunks=spec.chunk,
        shards=spec.shard,
        dtype=spec.dtype,
        # a flipped bit must be an error on reading, not another value
        compressors=[packer, Crc32cCodec()],
        fill_value=0,
        dimension_names=spec.axes,
        # shards are files of the array's own folder, not the leaves of a tree of folders with one entry each
        chunk_key_encoding={"name": "default", "separator": "."},
        attributes={"meaning": spec.meaning, **dict(spec.attributes)},
    )
    return _metadata_in(memory)


def shard_name(spec: ArraySpec, shard: int) -> str:
    """Return the file of a shard in its array's folder."""
    return ".".join(["c", str(shard), *("0" for _ in spec.shape_tail)])


def is_as_written(spec: ArraySpec, metadata: bytes) -> bool:
    """Tell whether a reader may take an array's ``zarr.json`` as one that this code writes.

    Its length, its attributes and how hard Blosc tried, which was otherwise in other versions, may differ.
    """
    have, want = (
        json.loads(content, object_hook=_without_effort) for content in (metadata, array_metadata(spec, 0))
    )
    for content in (have, want):
        content["shape"][0] = 0
        content["attributes"] = {}
    return bool(have == want)


def _without_effort(content: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if name not in ("clevel", "blocksize")}


def open_group(address: str, storage_options: Mapping[str, object] | None = None) -> zarr.Group:
    """Open the group at a path or at any fsspec URL for reading."""
    return zarr.open_group(
        address, mode="r", storage_options=dict(storage_options) if storage_options else None
    )


def _metadata_in(memory: MemoryStore) -> bytes:
    buffer = sync(memory.get("zarr.json", default_buffer_prototype()))
    if buffer is None:
        raise AssertionError("zarr wrote no metadata")
    return buffer.to_bytes()
