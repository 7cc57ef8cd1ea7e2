"""A folder of the authors' ``.npy`` files as a source of clips."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from numpy.lib.format import open_memmap, read_array

from store.exchange.errors import ClipImportError, ExchangeError
from store.exchange.npy_layout import EmptySlot, from_npy_layout
from store.exchange.passport import PASSPORT_FILE, Passport, parse_passport
from store.exchange.skeletons import assumption, choose_skeleton
from store.exchange.source import ImportedClip, Source, file_entries, files_below, read_bytes, unknown_dataset
from store.schema import Layout, pooled_array_name
from store.skeleton import Skeleton
from store.table import ClipOutcome

_SUFFIX = ".npy"
_DEFAULT_TAP = "H2"  # the paper's name of the map that the release pools from
_UNREADABLE = (ValueError, EOFError, OSError)  # what numpy raises of files that are no .npy


class NpyFolder(Source):
    """The authors' pooled features, one (T, M, V, C) file per clip, in any sub-folders.

    Keypoints, boxes and the number of frames are not in the files, so the store has none.

    Args:
        root: the folder.
        tap: the name of the features; None: what the folder's passport says, else ``H2``.
        empty_slot: how the files say that a slot has nobody; None: the passport's, else ``copied``.
        skeleton: the joints; None: the passport's, else by their number.

    Raises:
        ExchangeError: there are no such files, or their joints are unknown.
    """

    def __init__(
        self,
        root: Path,
        *,
        tap: str | None = None,
        empty_slot: EmptySlot | None = None,
        skeleton: Skeleton | None = None,
    ) -> None:
        paths = files_below(root, _SUFFIX)
        passport = _read_passport(root / PASSPORT_FILE)
        settings = passport.settings if passport else {}
        self._root = root
        self._person_valid = passport.person_valid if passport else {}
        self._empty_slot: EmptySlot = empty_slot or (
            "zeros" if settings.get("empty_slot") == "zeros" else "copied"
        )
        self._tap = tap or settings.get("tap", _DEFAULT_TAP)
        self._array = pooled_array_name(self._tap)
        self._shape = _first_shape(root, paths)
        steps, persons, joints, channels = self._shape
        given = skeleton or (passport.skeleton if passport else None)
        self.skeleton = choose_skeleton(joints, given, root)
        self.layout = Layout(steps, persons, joints, {self._tap: channels}, crops=(), facets=())
        self.entries = file_entries(paths, _SUFFIX, passport)
        self.dataset = passport.dataset if passport else unknown_dataset(root.resolve().name)
        self.meaning = {
            "import.format": "npy of HP-Net's release, version 1",
            "import.empty_slot": self._empty_slot,
            "import.clock": steps,
            "import.tap": self._tap,
            "stored_as": "float16",
        }
        if passport:
            self.meaning |= {"import.made_from": passport.meaning_sha256}
        self.notes = assumption(self.skeleton, given)

    def read(self, path: str) -> ImportedClip:
        """Read one file."""
        data, sha256 = read_bytes(self._root / path)
        try:
            # not np.load, which would also take zip files and ask for pickles
            values = read_array(io.BytesIO(data), allow_pickle=False)  # type: ignore[no-untyped-call]
        except _UNREADABLE as error:
            raise ClipImportError(f"{path} is no .npy file, or cut short: {error}") from error
        if values.shape != self._shape or values.dtype.kind != "f":
            raise ClipImportError(
                f"{path} holds {values.dtype} {values.shape}; expected floats {self._shape}, as in this "
                "folder's first file"
            )
        pooled, valid = from_npy_layout(
            values, self._empty_slot, self._person_valid.get(path.removesuffix(_SUFFIX))
        )
        if not valid.any():
            return ImportedClip(
                ClipOutcome("no_person", "all features are 0: nobody was found", source_sha256=sha256), {}
            )
        outcome = ClipOutcome(
            "ok", source_sha256=sha256, num_persons=int(valid.any(0).sum()), num_steps=len(valid)
        )
        return ImportedClip(outcome, {self._array: pooled, "person_valid": valid})


def _first_shape(root: Path, paths: Sequence[str]) -> tuple[int, int, int, int]:
    """Return the shape of the first file that is one, from its header."""
    for path in paths:
        try:
            values = open_memmap(root / path, mode="r")  # type: ignore[no-untyped-call]
        except _UNREADABLE:
            continue  # recorded when its turn comes
        if values.ndim == 4 and values.dtype.kind == "f" and min(values.shape) > 0:
            steps, persons, joints, channels = values.shape
            return steps, persons, joints, channels
    raise ExchangeError(
        f"{root}: none of its {len(paths)} .npy files holds pooled features; expected floats of the shape "
        "(time, person, joint, channel), such as (64, 2, 17, 96)"
    )


def _read_passport(path: Path) -> Passport | None:
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path}: {error}; remove it to import without it") from error
    return parse_passport(content, str(path))
