"""Clips of a store -> rows of persons on the stream's clock: which array, and how it is read."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from store import StoreReader
from store.clock import blend_valid, sample_times
from store.errors import StoreFormatError
from store.schema import pooled_array_name
from train.persons import Absence, copy_first, hold, with_slots
from train.streams import Source

SIMCC_TAP = "simcc"
NUM_FRAMES = 64  # of the stream of a native store: the clock of every published network (specs/hpnet.md A.6)


def array_of(reader: StoreReader, source: Source, tap: str | None = None) -> str:
    """Return the name of the array that a stream reads.

    Args:
        reader: the store.
        source: where the stream comes from.
        tap: of pooled features; None: the store's first.

    Raises:
        StoreFormatError: the store does not have it.
    """
    layout = reader.facts.layout
    if source == "pose":
        for name in ("keypoints", "keypoints_3d"):
            if name in layout.facets:
                return name
        raise StoreFormatError(f"{reader.address} has no poses; its streams are hpj, hpb, hpjm, hpbm")
    if source == "simcc":
        tap = SIMCC_TAP
    taps = [name for name in layout.taps if name != SIMCC_TAP] if tap is None else [tap]
    if not taps or taps[0] not in layout.taps:
        raise StoreFormatError(
            f"{reader.address} has no {f'tap {tap!r}' if tap else 'tap of features'}; its taps are "
            f"{', '.join(layout.taps) or 'none'}. Choose another stream or tap, or another STORE"
        )
    return pooled_array_name(taps[0])


def tap_of(reader: StoreReader, array: str) -> str | None:
    """Return the tap whose pooled features an array has; None: it has something else."""
    return next((tap for tap in reader.facts.layout.taps if pooled_array_name(tap) == array), None)


def num_frames_of(reader: StoreReader, wanted: int | None = None) -> int:
    """Return T of a stream: what is wanted, else the store's clock, 64 for a native store."""
    clock = reader.facts.layout.clock
    return wanted or (NUM_FRAMES if clock == "native" else int(clock))


def num_persons_of(reader: StoreReader, wanted: int | None, *, copy_person: bool) -> int:
    """Return M of a stream: what is wanted, else as many as the store needs, 2 or more where one is copied.

    As many as it needs: 1 for a store without a second person anywhere in it, which is looked for.
    """
    if wanted is not None:
        return wanted
    if copy_person:
        return max(2, reader.facts.layout.max_persons)
    slots = [np.flatnonzero(valid.any(0)) for valid in reader.person_valid_of(reader.clip_ids)]
    return 1 + max((int(slot[-1]) for slot in slots if len(slot)), default=0)


class PersonRows:
    """The persons of some clips of a store, one row (T, V, C) for each who is in a clip at some time.

    It can be sent to another process.

    Args:
        reader: the store.
        array: an array with a person axis.
        clip_ids: clips with data.
        num_frames: T, see ``num_frames_of``; from another clock the store's is resampled (numerics contracts
            2 and 3).
        num_persons: M; persons of higher slots are left out.
        copy_person: copy, time by time, the first who is there into empty slots, as the release does.
        absence: what rows hold where their person is absent.

    Attributes:
        valid: (N, T, M) bool, who is there when, on the stream's clock.
        present: (N, M) bool, who is there at some time; has a row.
    """

    def __init__(
        self,
        reader: StoreReader,
        array: str,
        clip_ids: Sequence[str],
        *,
        num_frames: int | None = None,
        num_persons: int,
        copy_person: bool = False,
        absence: Absence = "hold",
    ) -> None:
        self.num_frames = num_frames_of(reader, num_frames)
        self._reader, self._array, self._clip_ids = reader, array, tuple(clip_ids)
        self._num_persons, self._copies, self._absence = num_persons, copy_person, absence
        self._is_resampled = reader.facts.layout.clock != self.num_frames
        valids = [self._on_clock(valid)[1] for valid in reader.person_valid_of(self._clip_ids)]
        shape = (0, self.num_frames, num_persons)
        self.valid: npt.NDArray[np.bool_] = np.stack(valids) if valids else np.zeros(shape, bool)
        self.present: npt.NDArray[np.bool_] = self.valid.any(1)
        spec = reader.spec(array)
        self.row_shape = (self.num_frames, *spec.shape_tail[-2:])
        # between two frames float16 is not enough
        self.dtype = np.dtype(np.float32 if self._is_resampled else spec.dtype)

    def __len__(self) -> int:
        return len(self._clip_ids)

    @property
    def num_bytes(self) -> int:
        """What all rows take in memory."""
        return int(self.present.sum()) * int(np.prod(self.row_shape)) * self.dtype.itemsize

    def read(
        self,
        clips: npt.NDArray[np.int64],
        out: npt.NDArray[np.generic] | None = None,
        num_threads: int = 1,
    ) -> npt.NDArray[np.generic]:
        """Read the rows of some clips.

        Args:
            clips: places in the clip ids.
            out: (R, T, V, C), C-contiguous, to be filled; made if it is not given.
            num_threads: that unpack side by side.

        Returns:
            (R, T, V, C): the persons who are present, clip by clip, in the order of slots.
        """
        persons = [(clip, person) for clip in clips for person in np.flatnonzero(self.present[clip])]
        if out is None:
            out = np.empty((len(persons), *self.row_shape), self.dtype)
        if self._is_resampled or self._copies:
            at = 0
            for clip in clips:
                rows = self._read_clip(clip)
                out[at : at + len(rows)] = rows
                at += len(rows)
        else:
            names = [(self._clip_ids[clip], int(person)) for clip, person in persons]
            self._read_persons(names, out, num_threads)
        if self._absence == "hold":
            for row, (clip, person) in zip(out, persons, strict=True):
                valid = self.valid[clip, :, person]
                if not valid.all():
                    row[:] = hold(row, valid)
        return out

    def _read_persons(
        self, names: Sequence[tuple[str, int]], out: npt.NDArray[np.generic], num_threads: int
    ) -> None:
        if num_threads == 1:
            self._reader.read_persons(self._array, names, out)
            return
        edges = np.linspace(0, len(names), num_threads + 1).astype(int).tolist()

        def read_part(begin: int, end: int) -> None:
            self._reader.read_persons(self._array, names[begin:end], out[begin:end])

        with ThreadPoolExecutor(num_threads) as pool:
            list(pool.map(read_part, edges[:-1], edges[1:]))

    def _read_clip(self, clip: int) -> npt.NDArray[np.generic]:
        clip_id = self._clip_ids[clip]
        values = self._reader.read(self._array, clip_id)
        values, _ = self._on_clock(self._reader.person_valid(clip_id), values)
        return values[:, self.present[clip]].swapaxes(0, 1)

    def _on_clock(
        self, valid: npt.NDArray[np.bool_], values: npt.NDArray[np.generic] | None = None
    ) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
        """Bring (T', M') and (T', M', V, C) to the stream's clock and slots."""
        values = valid if values is None else values
        if self._is_resampled:
            frames = np.arange(len(valid))
            blend = blend_valid(
                sample_times(len(valid), self.num_frames),
                frames,
                valid,
                "mark" if self._absence == "hold" else "zeros",
            )
            values, valid = blend(values.astype(np.float32)), blend.valid
        values = with_slots(values, self._num_persons)
        valid = with_slots(valid, self._num_persons).astype(bool)
        return copy_first(values, valid) if self._copies else (values, valid)
