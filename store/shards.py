"""The bytes of a shard: Zarr v3's sharding, written and read without zarr. Pure.

Zarr would hold a whole unit in memory to write it (a gigabyte for crops) and takes several times as long as
decompression to read one clip. What is written here is plain Zarr (tests read it with zarr), and only shards
with exactly the codecs of ``store/arrays.py`` are read here.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import google_crc32c
import numcodecs
import numcodecs.blosc
import numpy as np
import numpy.typing as npt

from store.schema import ArraySpec

# Blosc's threads append blocks in the order in which they finish: threaded bytes differ from run to run.
numcodecs.blosc.use_threads = False

# Pooled features of real clips (64x17x96 float16), a chunk being one block at level 1: 174.2 kB, packed in
# 0.5 ms, unpacked in 0.21 ms. In Blosc's own blocks 183.2 kB; in these at level 6 173.9 kB, 8.7 ms, 0.30 ms.
BLOSC_LEVEL = 1
BLOSC_BLOCK_BYTES = 2**20
_EMPTY = 2**64 - 1  # offset and size of a chunk that is not stored, because it is all zero
_CRC_BYTES = 4


def encode_shard(spec: ArraySpec, shard: int, parts: Mapping[int, npt.NDArray[np.generic]]) -> bytes | None:
    """Encode one shard of an array; None if all of it is zero, for then Zarr has no file.

    Args:
        spec: the array.
        shard: which shard; it begins at ``shard * spec.shard[0]``.
        parts: start along the first axis -> values (n, *shape_tail); what lies outside the shard is passed
            over, trailing axes may be shorter, the rest is 0.
    """
    grid = grid_of(spec)
    index = np.full((*grid, 2), _EMPTY, "<u8")
    codec = _codec(spec)
    chunks: list[bytes] = []
    offset = 0
    for row in range(grid[0]):
        slab = _slab(spec, shard * spec.shard[0] + row * spec.chunk[0], parts)
        for corner in itertools.product(*map(range, grid[1:])):
            chunk = slab[_box(corner, spec.chunk[1:])]
            if not chunk.any():
                continue
            dense = np.zeros(spec.chunk, spec.dtype)
            dense[tuple(slice(0, n) for n in chunk.shape)] = chunk
            data = _with_crc(bytes(codec.encode(dense)))
            index[(row, *corner)] = offset, len(data)
            chunks.append(data)
            offset += len(data)
    return b"".join([*chunks, _with_crc(index.tobytes())]) if chunks else None


def index_bytes(spec: ArraySpec) -> int:
    """Return how long the index at the end of a shard is."""
    return 16 * int(np.prod(grid_of(spec))) + _CRC_BYTES


def decode_index(spec: ArraySpec, data: bytes) -> npt.NDArray[np.uint64]:
    """Return the index of a shard, (*grid, 2): offset and size of every chunk.

    Raises:
        ValueError: it is damaged.
    """
    return np.frombuffer(_without_crc(data), "<u8").reshape(*grid_of(spec), 2)


def decode_chunk(
    spec: ArraySpec, data: bytes, out: npt.NDArray[np.generic] | None = None
) -> npt.NDArray[np.generic]:
    """Return a chunk, in the shape of ``spec.chunk``; written into ``out`` (C-contiguous) if that is given.

    Raises:
        ValueError: it is damaged.
    """
    # the caller's own: torch warns of arrays that cannot be written
    values = np.empty(spec.chunk, spec.dtype) if out is None else out
    _codec(spec).decode(_without_crc(data), out=values)
    return values


def is_stored(entry: Sequence[int]) -> bool:
    """Tell whether an index's entry points at a chunk; otherwise the chunk is all zero."""
    return int(entry[0]) != _EMPTY


def chunks_of(
    spec: ArraySpec, box: Sequence[slice]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """Walk the chunks that a box of the array touches.

    Yields:
        Place of the chunk in the array's grid of chunks, the part of the chunk that is wanted, and where in
        the box it goes.
    """
    ranges = [range(side.start // n, -(-side.stop // n)) for side, n in zip(box, spec.chunk, strict=True)]
    for place in itertools.product(*ranges):
        inside, target = [], []
        for at, n, side in zip(place, spec.chunk, box, strict=True):
            begin, end = max(at * n, side.start), min((at + 1) * n, side.stop)
            inside.append(slice(begin - at * n, end - at * n))
            target.append(slice(begin - side.start, end - side.start))
        yield place, tuple(inside), tuple(target)


def grid_of(spec: ArraySpec) -> tuple[int, ...]:
    """Return how many chunks a shard has along each axis."""
    return tuple(side // n for side, n in zip(spec.shard, spec.chunk, strict=True))


def is_picture(spec: ArraySpec) -> bool:
    """Tell whether an array holds JPEGs, which do not shrink: only the zeros behind them must."""
    return spec.axes[-1] == "bytes"


def _codec(spec: ArraySpec) -> numcodecs.Blosc | numcodecs.Zstd:
    if is_picture(spec):
        return numcodecs.Zstd(level=1)
    return numcodecs.Blosc("zstd", BLOSC_LEVEL, numcodecs.Blosc.SHUFFLE, BLOSC_BLOCK_BYTES)


def _slab(
    spec: ArraySpec, begin: int, parts: Mapping[int, npt.NDArray[np.generic]]
) -> npt.NDArray[np.generic]:
    """Return one row of chunks, (chunk[0], ...), its trailing axes as long as the longest part's."""
    end = begin + spec.chunk[0]
    inside = {start: values for start, values in parts.items() if start < end and start + len(values) > begin}
    tail = tuple(
        max((values.shape[axis] for values in inside.values()), default=0)
        for axis in range(1, len(spec.axes))
    )
    slab = np.zeros((spec.chunk[0], *tail), spec.dtype)
    for start, values in inside.items():
        low, high = max(start, begin), min(start + len(values), end)
        corner = (slice(low - begin, high - begin), *(slice(0, n) for n in values.shape[1:]))
        slab[corner] = values[low - start : high - start]
    return slab


def _box(corner: Sequence[int], chunk: Sequence[int]) -> tuple[slice, ...]:
    return (slice(None), *(slice(at * n, (at + 1) * n) for at, n in zip(corner, chunk, strict=True)))


def _with_crc(data: bytes) -> bytes:
    return data + int(google_crc32c.value(data)).to_bytes(_CRC_BYTES, "little")


def _without_crc(data: bytes) -> bytes:
    body, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if int(google_crc32c.value(body)).to_bytes(_CRC_BYTES, "little") != crc:
        raise ValueError("a checksum differs from the stored one")
    return body
