"""Finished clips that wait, beside the store, to be packed: a clip that was finished is never lost."""

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from store import durable
from store.errors import StoreDamagedError, StoreMismatchError
from store.table import ClipOutcome

logger = logging.getLogger(__name__)

Arrays = Mapping[str, npt.NDArray[np.generic]]
_RECORD = "__record__"  # the outcome as JSON bytes, among the arrays of the same file
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class SpooledClip:
    """One finished clip: what was found, and its arrays by name (empty unless the status has data)."""

    id: str
    outcome: ClipOutcome
    arrays: Arrays


class Spool:
    """A folder with one ``.npz`` per finished clip.

    Args:
        folder: where; made if it is missing.
        stamp: digest of everything that decides what the arrays mean; clips of another stamp are refused.

    Raises:
        StoreMismatchError: clips of another stamp wait here.
    """

    def __init__(self, folder: Path, stamp: str) -> None:
        self.folder = folder
        self._stamp = stamp
        durable.make_folder(folder)
        self._outcomes: dict[str, ClipOutcome] = {}
        self._executions: dict[str, Mapping[str, object]] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix == durable.TEMPORARY_SUFFIX:
                durable.remove_file(path)
            elif path.suffix == ".npz":
                self._take(path)
        durable.sync_folder(folder)  # a killed run may have left names that are seen but not yet on disk

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._outcomes

    def __iter__(self) -> Iterator[str]:
        return iter(self._outcomes)

    def __len__(self) -> int:
        return len(self._outcomes)

    def outcome(self, clip_id: str) -> ClipOutcome:
        """Return what was found, without reading the arrays."""
        return self._outcomes[clip_id]

    def execution(self, clip_id: str) -> Mapping[str, object]:
        """Return the execution of the run that extracted the clip."""
        return self._executions[clip_id]

    def put(self, clip: SpooledClip, execution: Mapping[str, object]) -> None:
        """Keep a clip; on return it is on disk."""
        content = {
            "id": clip.id,
            "stamp": self._stamp,
            "outcome": clip.outcome.to_json(),
            "execution": {**execution},
        }
        record = np.frombuffer(json.dumps(content, allow_nan=False).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **{_RECORD: record}, **clip.arrays)
        durable.write_file(self._path(clip.id), buffer.getbuffer())
        self._outcomes[clip.id] = clip.outcome
        self._executions[clip.id] = execution

    def array(self, clip_id: str, name: str) -> npt.NDArray[np.generic]:
        """Read one array of a clip.

        Raises:
            StoreDamagedError: the file is damaged.
        """
        path = self._path(clip_id)
        try:
            return _read(path, name)
        except _UNREADABLE as error:
            raise StoreDamagedError(
                f"{path}: {name} of {clip_id} cannot be read ({error!r}); "
                "delete the file to extract the clip again"
            ) from error

    def drop(self, clip_id: str) -> None:
        """Forget a clip: it is packed, or shall be tried again."""
        durable.remove_file(self._path(clip_id))
        del self._outcomes[clip_id]
        del self._executions[clip_id]

    def _take(self, path: Path) -> None:
        try:
            content = json.loads(_read(path, _RECORD).tobytes())
            clip_id, stamp = content["id"], content["stamp"]
            outcome, execution = ClipOutcome.from_json(content["outcome"]), dict(content["execution"])
        except _UNREADABLE as error:
            logger.warning("%s is damaged (%r) and is removed; its clip will be extracted again", path, error)
            durable.remove_file(path)
            return
        if stamp != self._stamp:
            raise StoreMismatchError(
                f"{self.folder} holds clips that were extracted with other settings, {clip_id} among them, "
                "and wait for a store that is gone. Delete that folder, or give this run another STORE"
            )
        self._outcomes[clip_id] = outcome
        self._executions[clip_id] = execution

    def _path(self, clip_id: str) -> Path:
        # ids may hold slashes and be longer than a file name may be
        digest = hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:32]}.npz"


def _read(path: Path, name: str, tries: int = 5) -> npt.NDArray[np.generic]:
    try:
        # np.load leaves a damaged file open if it opens it itself
        with path.open("rb") as stream, np.load(stream) as file:
            return file[name]  # type: ignore[no-any-return]
    except SystemError:
        # numpy reads headers with ast, whose depth Python before 3.11.8 counts for all threads together
        # (gh-106905): two threads at once may raise this of a file that is whole
        if tries == 1:
            raise
        return _read(path, name, tries - 1)
