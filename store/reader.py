"""Reading a store: ``open_store(path_or_url)``; any number of readers, also while the store grows."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import fsspec
import numpy as np
import numpy.typing as npt

from store import arrays, shards
from store.errors import (
    ClipNotFoundError,
    StoreDamagedError,
    StoreError,
    StoreFormatError,
    StoreNotFoundError,
)
from store.facts import StoreFacts, parse_store_json
from store.manifest import MANIFEST, parse_manifest
from store.schema import ArraySpec, Crop, array_specs, pooled_array_name
from store.shard_files import ShardFiles
from store.table import WITH_DATA, ClipRow, parse_table

ENCODINGS = ("float16",)  # of pooled features; a quantised one joins as a minor version


def open_store(address: str, storage_options: Mapping[str, object] | None = None) -> "StoreReader":
    """Open a store for reading.

    Args:
        address: a folder, or any URL that fsspec knows ("s3://bucket/store", "https://…", "memory://…").
        storage_options: passed to fsspec (keys, endpoints).

    Raises:
        StoreNotFoundError: there is no store.
        StoreFormatError: it is of a version that this code does not read.
    """
    return StoreReader(str(address), storage_options)


class StoreReader:
    """A store as it was when it was opened.

    It can be pickled and sent to another process, and used in a forked one. Shards in a folder are read
    directly, which is several times as fast as through zarr; anything else (a URL, arrays that were
    re-chunked) through zarr.

    Attributes:
        facts: dataset, skeleton, layout, meaning.
        rows: the clip table, in the dataset's order, clips without data included.
    """

    facts: StoreFacts
    rows: Sequence[ClipRow]
    _direct: dict[str, bool]
    _as_written: dict[str, bool]
    _seen: set[str]
    _shard_files: ShardFiles
    _files: frozenset[str] | None
    _process: int
    _group: arrays.Group | None
    _arrays: dict[str, arrays.Array]

    def __init__(self, address: str, storage_options: Mapping[str, object] | None = None) -> None:
        self.address = address.rstrip("/") if address.strip("/") else address
        self._storage_options = dict(storage_options or {})
        self.facts = parse_store_json(self.read_text("store.json"), f"{self.address}/store.json")
        self.rows = parse_table(self.read_text("clips.jsonl"), f"{self.address}/clips.jsonl")
        self._reset()

    def __getstate__(self) -> dict[str, object]:
        return {name: self.__dict__[name] for name in ("address", "_storage_options", "facts", "rows")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    @property
    def clip_ids(self) -> list[str]:
        """The clips that have data, in the dataset's order."""
        return [row.entry.id for row in self.rows if row.outcome.status in WITH_DATA]

    def row(self, clip_id: str) -> ClipRow:
        """Return a clip's line of the table.

        Raises:
            ClipNotFoundError: the dataset has no such clip.
        """
        row = self._rows.get(clip_id)
        if row is None:
            raise ClipNotFoundError(
                f"{self.address} has no clip {clip_id!r}; `make info` lists its clips, the first is "
                f"{self.rows[0].entry.id if self.rows else 'none'}"
            )
        return row

    def spec(self, name: str) -> ArraySpec:
        """Return an array's axes, type and chunks.

        Raises:
            StoreFormatError: the store was made without it.
        """
        spec = self._specs.get(name)
        if spec is None:
            raise StoreFormatError(f"{self.address} has no array {name!r}; it has {', '.join(self._specs)}")
        return spec

    def read(
        self, name: str, clip_id: str, person: int | None = None, width: int | None = None
    ) -> npt.NDArray[np.generic]:
        """Read one clip of an array.

        Args:
            name: an array of ``store/schema.py``.
            clip_id: a clip with data.
            person: only this person of an array with a person axis (the axis is dropped).
            width: only so much of the last axis.

        Returns:
            (T, ...), T sample times; see ``array_specs`` for the other axes.

        Raises:
            ClipNotFoundError: there is no such clip, or it has no data.
            StoreFormatError: the store was made, or copied, without this array.
            StoreDamagedError: a file is missing or a checksum differs.
        """
        start, num_steps = self._extent(clip_id)
        spec = self.spec(name)
        if person is not None:
            self._check_person(spec, person)
        last = start + (num_steps if self.facts.layout.is_native else 1)
        box = [slice(start, last), *(slice(0, length) for length in spec.shape_tail)]
        if width is not None:
            box[-1] = slice(0, width)
        keep: list[int | slice] = [
            slice(None) if self.facts.layout.is_native else 0,
            *(slice(None),) * (len(box) - 1),
        ]
        if person is not None:
            axis = spec.axes.index("person")
            box[axis], keep[axis] = slice(person, person + 1), 0
        if self._is_direct(spec):
            return self._read_box(spec, box)[tuple(keep)]
        return self._read_zarr(spec, box, clip_id)[tuple(keep)]

    def read_persons(
        self, name: str, persons: Sequence[tuple[str, int]], out: npt.NDArray[np.generic] | None = None
    ) -> npt.NDArray[np.generic]:
        """Read many persons of an array at once, bit for bit what ``read`` returns of each.

        In a folder each shard is opened once, is read in one go where most of it is wanted, and is unpacked
        into place.

        Args:
            name: an array with a chunk per person and clip, as they are on a clock of sample times.
            persons: clip id and person, in any order.
            out: (N, T, ...) of the array's type, C-contiguous, to be filled; made if it is not given.

        Returns:
            (N, T, ...), N persons; see ``array_specs`` for the other axes.

        Raises:
            ClipNotFoundError, StoreFormatError, StoreDamagedError: as ``read``.
            ValueError: there is no such person, the array has other chunks, or ``out`` does not fit.
        """
        spec = self.spec(name)
        if spec.axes[:3] != ("clip", "time", "person") or spec.chunk[0] != 1:
            raise ValueError(f"{name} has no chunk per person and clip in {self.address}; use read()")
        for _, person in persons:
            self._check_person(spec, person)
        shape = (len(persons), spec.shape_tail[0], *spec.shape_tail[2:])
        if out is None:
            out = np.empty(shape, spec.dtype)
        if out.shape != shape or out.dtype != spec.dtype or not out.flags.c_contiguous:
            raise ValueError(f"out is {out.dtype} {out.shape}; expected contiguous {spec.dtype} {shape}")
        if not self._is_direct(spec):
            for at, (clip_id, person) in enumerate(persons):
                out[at] = self.read(name, clip_id, person)
            return out
        by_shard: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for at, (clip_id, person) in enumerate(persons):
            shard, row = divmod(self._extent(clip_id)[0], spec.shard[0])
            by_shard[shard].append((row, person, at))
        for shard, wanted in by_shard.items():
            cells = [(row, 0, person, *(0 for _ in spec.shape_tail[2:])) for row, person, _ in wanted]
            places = [at for _, _, at in wanted]
            found = self._chunks(spec, shard, cells, [out[at].reshape(spec.chunk) for at in places])
            for at, chunk in zip(places, found, strict=True):
                if chunk is None:
                    out[at] = 0
        return out

    def person_valid_of(self, clip_ids: Sequence[str]) -> list[npt.NDArray[np.bool_]]:
        """Read where each person of many clips is there: ``person_valid`` of each, each shard read once."""
        return [values.astype(bool) for values in self.read_small("person_valid", clip_ids)]

    def read_small(self, name: str, clip_ids: Sequence[str]) -> list[npt.NDArray[np.generic]]:
        """Read a small array of many clips, ``read`` of each; each shard is read once.

        Args:
            name: an array whose shards are one chunk each.
            clip_ids: clips with data.

        Raises:
            ClipNotFoundError, StoreFormatError, StoreDamagedError: as ``read``.
        """
        spec = self.spec(name)
        if self.facts.layout.is_native or spec.chunk != spec.shard or not self._is_direct(spec):
            return [self.read(name, clip_id) for clip_id in clip_ids]
        whole = (0,) * len(spec.axes)
        shards_read: dict[int, npt.NDArray[np.generic] | None] = {}
        found = []
        for clip_id in clip_ids:
            shard, row = divmod(self._extent(clip_id)[0], spec.shard[0])
            if shard not in shards_read:
                shards_read[shard] = self._chunks(spec, shard, [whole])[0]
            chunk = shards_read[shard]
            found.append(np.zeros(spec.shape_tail, spec.dtype) if chunk is None else chunk[row])
        return found

    def pooled(
        self, clip_id: str, tap: str | None = None, person: int | None = None
    ) -> npt.NDArray[np.float16]:
        """Read a clip's pooled features, (T, M, V, C) or (T, V, C); of the store's first tap unless named."""
        if tap is None:
            tap = next(iter(self.facts.layout.taps), "")
        if tap not in self.facts.layout.taps:
            raise StoreFormatError(
                f"{self.address} has no tap {tap!r}; it has {', '.join(self.facts.layout.taps) or 'none'}"
            )
        return cast(npt.NDArray[np.float16], self.read(pooled_array_name(tap), clip_id, person))

    def keypoints(self, clip_id: str) -> npt.NDArray[np.float32]:
        """Read a clip's keypoints, (T, M, V, 2): x, y in source pixels; a store of 3-D poses has none."""
        return cast(npt.NDArray[np.float32], self.read("keypoints", clip_id))

    def keypoints_3d(self, clip_id: str) -> npt.NDArray[np.float32]:
        """Read a clip's keypoints in space, (T, M, V, 3): x, y, z; only imported stores have them."""
        return cast(npt.NDArray[np.float32], self.read("keypoints_3d", clip_id))

    def person_valid(self, clip_id: str) -> npt.NDArray[np.bool_]:
        """Read where each person is there, (T, M)."""
        return cast(npt.NDArray[np.bool_], self.read("person_valid", clip_id))

    def jpegs(self, clip_id: str, crop: Crop) -> list[bytes]:
        """Read a clip's crops, one JPEG per sample time; empty where there is none.

        Raises:
            StoreFormatError: the store was made, or copied, without these crops.
        """
        name = f"frames/{crop}"
        if crop not in self.facts.layout.crops:
            raise StoreFormatError(f"{self.address} was made without {crop!r} crops")
        lengths = cast(npt.NDArray[np.int32], self.read(f"{name}_lengths", clip_id))
        rows = self.read(name, clip_id, width=int(lengths.max()))
        return [row[:length].tobytes() for row, length in zip(rows, lengths, strict=True)]

    def _extent(self, clip_id: str) -> tuple[int, int]:
        """Return where a clip begins along the first axis, and its number of sample times."""
        outcome = self.row(clip_id).outcome
        if outcome.start is None or outcome.num_steps is None:
            reason = f": {outcome.reason}" if outcome.reason else ""
            raise ClipNotFoundError(
                f"{clip_id} has no data in {self.address}; its status is {outcome.status}{reason}"
            )
        return outcome.start, outcome.num_steps

    def _check_person(self, spec: ArraySpec, person: int) -> None:
        if not ("person" in spec.axes and 0 <= person < self.facts.layout.max_persons):
            raise ValueError(
                f"{spec.name} has no person {person}; persons are 0 to {self.facts.layout.max_persons - 1}"
            )

    def _read_box(self, spec: ArraySpec, box: Sequence[slice]) -> npt.NDArray[np.generic]:
        pieces = list(shards.chunks_of(spec, box))
        if len(pieces) == 1:
            place, inside, _ = pieces[0]
            chunk = self._chunk(spec, place)
            if chunk is not None:
                return chunk[inside]
        values = np.zeros([side.stop - side.start for side in box], spec.dtype)
        for place, inside, target in pieces:
            chunk = self._chunk(spec, place)
            if chunk is not None:
                values[target] = chunk[inside]
        return values

    def _chunk(self, spec: ArraySpec, place: tuple[int, ...]) -> npt.NDArray[np.generic] | None:
        """Read one chunk of a store in a folder; None if it is all zero."""
        shard, row = divmod(place[0], shards.grid_of(spec)[0])
        return self._chunks(spec, shard, [(row, *place[1:])])[0]

    def _chunks(
        self,
        spec: ArraySpec,
        shard: int,
        cells: Sequence[tuple[int, ...]],
        outs: Sequence[npt.NDArray[np.generic]] | None = None,
    ) -> list[npt.NDArray[np.generic] | None]:
        try:
            return self._shard_files.chunks(spec, shard, cells, outs)
        except FileNotFoundError:
            self._check_is_all_zero(f"features.zarr/{spec.name}/{arrays.shard_name(spec, shard)}")
            return [None] * len(cells)

    def _read_zarr(self, spec: ArraySpec, box: Sequence[slice], clip_id: str) -> npt.NDArray[np.generic]:
        try:
            values = np.asarray(self._zarr_array(spec)[tuple(box)])
        except StoreError:
            raise
        except (ValueError, RuntimeError) as error:  # what zarr and its codecs raise of damaged bytes
            raise StoreDamagedError(
                f"{self.address}: {spec.name} of {clip_id} cannot be read ({error}); run `make verify`"
            ) from error
        if not self._is_as_written(spec):
            return values  # its shards have other names
        size, begin, end = spec.shard[0], box[0].start, box[0].stop
        for shard in range(begin // size, -(-end // size)):
            part = values[max(shard * size - begin, 0) : (shard + 1) * size - begin]
            name = f"features.zarr/{spec.name}/{arrays.shard_name(spec, shard)}"
            if not part.any() and not self._is_there(name):
                self._check_is_all_zero(name)
        return values

    def _is_there(self, name: str) -> bool:
        if name not in self._seen:
            files, path = fsspec.core.url_to_fs(f"{self.address}/{name}", **self._storage_options)
            try:
                files.info(path)  # exists() would also say no when the network fails
            except FileNotFoundError:
                return False
            self._seen.add(name)
        return True

    def _check_is_all_zero(self, name: str) -> None:
        # Zarr has no file where all is zero; without the manifest a lost file would be read as zeros
        if self._files is None:
            try:
                self._files = frozenset(parse_manifest(self.read_text(MANIFEST).encode()))
            except ValueError as error:
                raise StoreDamagedError(f"{self.address}/{MANIFEST} {error}; run `make verify`") from error
        if name in self._files:
            raise StoreDamagedError(f"{self.address}/{name} is missing; run `make verify`")

    def _is_direct(self, spec: ArraySpec) -> bool:
        """Tell whether shards can be read without zarr: in a folder, with the codecs they are written in."""
        if spec.name not in self._direct:
            is_file = Path(self.address, "features.zarr", spec.name, "zarr.json").is_file()
            self._direct[spec.name] = is_file and self._is_as_written(spec)
        return self._direct[spec.name]

    def _is_as_written(self, spec: ArraySpec) -> bool:
        if spec.name not in self._as_written:
            name = f"features.zarr/{spec.name}/zarr.json"
            try:
                self._as_written[spec.name] = arrays.is_as_written(spec, self.read_text(name).encode())
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise StoreDamagedError(f"{self.address}/{name}: {error!r}; run `make verify`") from error
        return self._as_written[spec.name]

    def _zarr_array(self, spec: ArraySpec) -> arrays.Array:
        if self._process != os.getpid():  # zarr's event loop does not cross a fork
            self._group, self._arrays, self._process = None, {}, os.getpid()
        if self._group is None:
            self._group = arrays.open_group(f"{self.address}/features.zarr", self._storage_options)
        if spec.name not in self._arrays:
            array = self._group.get(spec.name)
            if array is None:
                raise StoreFormatError(
                    f"{self.address} was copied without the array {spec.name!r}; "
                    "run `make verify` if it should have it"
                )
            encoding = array.attrs.get("encoding", "float16")
            if encoding not in ENCODINGS:
                raise StoreFormatError(
                    f"{self.address}: {spec.name} is encoded as {encoding}, this code reads {ENCODINGS}"
                )
            self._arrays[spec.name] = cast(arrays.Array, array)
        return self._arrays[spec.name]

    def _reset(self) -> None:
        self._rows = {row.entry.id: row for row in self.rows}
        self._specs = {spec.name: spec for spec in array_specs(self.facts.layout)}
        self._direct = {}
        self._as_written = {}
        self._seen = set()
        self._shard_files = ShardFiles(self.address)
        self._files = None
        self._process = os.getpid()
        self._group = None
        self._arrays = {}

    def read_text(self, name: str) -> str:
        """Read one of the store's text files, such as ``manifest.json``."""
        address = f"{self.address}/{name}"
        try:
            with fsspec.open(address, "r", encoding="utf-8", **self._storage_options) as file:
                return cast(str, file.read())
        except FileNotFoundError as error:
            raise StoreNotFoundError(
                f"{address}: not found, so {self.address} is no store; "
                "give the STORE that `make extract` wrote"
            ) from error
