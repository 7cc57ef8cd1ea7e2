"""Shard files in a folder, read without zarr: one chunk, or many of a shard in as few reads as pay."""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from store import arrays, shards
from store.errors import StoreDamagedError
from store.schema import ArraySpec

Cell = tuple[int, ...]
Array = npt.NDArray[np.generic]


class ShardFiles:
    """The shard files of one store; indices are read once.

    Args:
        root: the store's folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._indices: dict[tuple[str, int], npt.NDArray[np.uint64]] = {}

    def chunks(
        self,
        spec: ArraySpec,
        shard: int,
        cells: Sequence[Cell],
        outs: Sequence[Array] | None = None,
    ) -> list[Array | None]:
        """Read chunks of one shard.

        Args:
            spec: the array.
            shard: which shard.
            cells: places in the shard's grid of chunks.
            outs: C-contiguous arrays of ``spec.chunk`` to be filled; an all-zero chunk leaves its own alone.

        Returns:
            The chunks in the order of ``cells``; None for one that is all zero.

        Raises:
            FileNotFoundError: there is no such shard, as where all of it is zero.
            StoreDamagedError: its bytes cannot be read.
        """
        path = Path(self._root, "features.zarr", spec.name, arrays.shard_name(spec, shard))
        try:
            with path.open("rb", buffering=0) as file:
                index = self._index(spec, shard, file)
                stored = [number for number, cell in enumerate(cells) if shards.is_stored(index[cell])]
                parts = _read_parts(file, [(int(a), int(n)) for a, n in (index[cells[at]] for at in stored)])
            found: list[Array | None] = [None] * len(cells)
            for at, data in zip(stored, parts, strict=True):
                found[at] = shards.decode_chunk(spec, data, None if outs is None else outs[at])
            return found
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise StoreDamagedError(f"{path}: {error}; run `make verify`") from error

    def _index(self, spec: ArraySpec, shard: int, file: FileIO) -> npt.NDArray[np.uint64]:
        index = self._indices.get((spec.name, shard))
        if index is None:
            file.seek(-shards.index_bytes(spec), os.SEEK_END)
            index = self._indices[spec.name, shard] = shards.decode_index(spec, file.read())
        return index


def _read_parts(file: FileIO, parts: Sequence[tuple[int, int]]) -> list[bytes]:
    """Read (offset, size) parts of a file: in one go where most of what lies between them is wanted too."""
    begin = min((offset for offset, _ in parts), default=0)
    end = max((offset + size for offset, size in parts), default=0)
    if len(parts) > 1 and 2 * sum(size for _, size in parts) >= end - begin:
        file.seek(begin)
        data = file.read(end - begin)
        return [data[offset - begin : offset - begin + size] for offset, size in parts]
    found = []
    for offset, size in parts:
        file.seek(offset)
        found.append(file.read(size))
    return found
