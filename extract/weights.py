"""Weights that are known by name: found in one folder, fetched if they are not there, digest checked."""

import contextlib
import fcntl
import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from extract.download import DownloadError, download
from extract.errors import WeightsError
from extract.presets import Weights
from extract.weights_check import check_weights_file
from store.durable import make_folder, write_file

logger = logging.getLogger(__name__)


def provide_weights(weights: Weights, folder: Path) -> Path:
    """Return the file of ``weights``: the repository's own, or in ``folder``, downloaded if it is not there.

    Its digest is held against what is known beforehand, and against what ``record_digest`` recorded. Any
    number of processes may ask for the same file; a folder that has it may be read-only.

    Raises:
        WeightsError: the file is to be fetched by hand or cannot be downloaded, is no file of weights, or has
            another digest; the message says where it comes from and where to put it.
        OSError: the disk is full, or the folder cannot be written to.
    """
    if weights.shipped is not None:
        if not weights.shipped.is_file():
            raise WeightsError(
                f"{weights.shipped}: not there, but it belongs to the repository; `git checkout` brings it "
                "back, `python -m scripts.train_demo_weights` trains it again"
            )
        return weights.shipped
    path = folder / weights.file
    if not path.is_file():
        if weights.address is None:
            raise WeightsError(
                f"{path}: not there, and cannot be downloaded. "
                f"Get it from {weights.by_hand}, and put it there"
            )
        make_folder(folder.absolute())
        with _alone(path):
            if not path.is_file():
                _fetch(weights, path)
    try:
        digest = _check_known(path, weights)
    except WeightsError as error:
        raise WeightsError(
            f"{error}. Get it from {weights.address or weights.by_hand}, and put it there"
        ) from error
    _check_recorded(path, digest)
    return path


def digest_at_hand(weights: Weights, folder: Path) -> str | None:
    """Return the sha256 of a file of weights if it is there; nothing is fetched."""
    path = weights.shipped or folder / weights.file
    return _sha256(path) if path.is_file() else None


def record_digest(weights: Weights, folder: Path, digest: str) -> None:
    """Record in ``<file>.json`` what was loaded first; ``provide_weights`` checks it from then on.

    Not before: a damaged file can look like weights until it is loaded, and its record would refuse the good
    one that takes its place.

    Args:
        weights: those that were loaded.
        folder: where they are.
        digest: sha256 of the file that was loaded.
    """
    path = folder / weights.file
    record = _record_of(path)
    if weights.shipped is not None or record.is_file():
        return
    facts = {"sha256": digest, "size": path.stat().st_size}
    try:
        with _alone(path):
            if not record.is_file():
                write_file(record, (json.dumps(facts, indent=1) + "\n").encode())
    except OSError as error:  # somebody else's folder; the weights are loaded, and the store names the digest
        logger.info("%s: sha256 %s, not recorded (%s)", path, digest, error)
        return
    logger.info("%s: sha256 %s, recorded in %s", path, digest, record.name)


def _fetch(weights: Weights, path: Path) -> None:
    assert weights.address is not None
    logger.info("%s: downloading %s (licence: %s)", path, weights.address, weights.licence)
    by_hand = f"put the file by hand at {path}"
    try:
        download(weights.address, path, check=lambda part: _check_known(part, weights))
    except DownloadError as error:
        raise WeightsError(
            f"{error}. Try again where there is a connection (what has come is kept), or {by_hand}"
        ) from error
    except WeightsError as error:
        raise WeightsError(
            f"{weights.address}: {error}; it is thrown away. Try again, or {by_hand}"
        ) from error


def _check_known(path: Path, weights: Weights) -> str:
    """Return the digest of a file, if it can be the one that is wanted."""
    check_weights_file(path)
    digest = _sha256(path)
    if not digest.startswith(weights.sha256):
        raise WeightsError(
            f"{path} is another file or damaged: its sha256 is {digest}, expected {weights.sha256}…"
        )
    return digest


def _check_recorded(path: Path, digest: str) -> None:
    record = _record_of(path)
    try:
        expected = str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        return  # it has not been loaded so far
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{record}: expected the record of a digest ({error!r}); remove it") from error
    if digest != expected:
        raise WeightsError(
            f"{path}: its sha256 is {digest}; it was {expected} when it was first used ({record.name}). Put "
            f"the file back as it was, or remove {path} to get it again; if the change is wanted, remove "
            f"{record}"
        )


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time fetch or record ``path``; the others wait, and find it there."""
    with path.with_name(f".{path.name}.lock").open("w") as lock:  # stays: to remove it would let two in
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s: another process is fetching or recording it; waiting", path)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
