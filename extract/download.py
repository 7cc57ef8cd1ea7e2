"""A file from the web, whole or not at all; goes on where it stopped. The only file that imports requests."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from tqdm import tqdm

from store.durable import sync_folder, write_file

logger = logging.getLogger(__name__)

_WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before another try; as many tries in a row may bring nothing new
_TIMEOUT = (10.0, 60.0)  # seconds: to connect, between two pieces
_PIECE = 1 << 14  # bytes; one that is cut off in the middle is lost
_SYNC_EVERY = 1 << 24  # bytes
_LINE_EVERY_SECONDS = 30.0
# it may be better in a moment; every other answer or error will be the same
_TEMPORARY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class DownloadError(OSError):
    """An address gave no file; the message names it and what it answered."""


class _CutError(Exception):
    """The transfer ended early; another try may bring the rest."""


_MAY_PASS = (
    _CutError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # which is a cut connection too
)


def download(address: str, target: Path, *, check: Callable[[Path], object]) -> None:
    """Fetch ``address`` into the file ``target``, which is there afterwards whole or not at all.

    What has come so far lies beside it, in ``<target>.part``, and is kept if the transfer fails: the next
    call asks for the rest, and begins anew if the server cannot give parts or has another file by now. One
    process at a time may fetch a target.

    Args:
        address: http or https.
        target: a file that is not there yet, in a folder that is.
        check: looks at the whole file under its temporary name, and raises if it is not what was wanted; it
            is removed then.

    Raises:
        DownloadError: there is no such file, or no connection after several tries.
        OSError: the disk is full, or cannot be written to.
    """
    part = _Part(target)
    part.forget_unsynced()
    most = part.size
    waits = iter(_WAITS)
    with _Progress(target.name) as progress:
        while True:
            try:
                _transfer(address, part, progress)
                break
            except _MAY_PASS as error:
                reason = _innermost(error)
            except requests.RequestException as error:
                raise DownloadError(f"{address}: {_innermost(error)}") from error
            if part.size > most:
                most, waits = part.size, iter(_WAITS)
            if (seconds := next(waits, None)) is None:
                raise DownloadError(f"{address}: {reason}; {len(_WAITS) + 1} tries")
            logger.info("%s: %s; trying again in %.0f s", address, reason, seconds)
            time.sleep(seconds)
    try:
        check(part.path)
    except Exception:
        part.remove()
        raise
    part.become(target)


class _Part:
    """The bytes that have come so far, and beside them which file on the server they are of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def forget_unsynced(self) -> None:
        """Cut off what an earlier process may have left unsynced: after a power cut it may be zeros."""
        if self.path.exists():
            os.truncate(self.path, self.size - self.size % _SYNC_EVERY)

    def version(self, address: str) -> str | None:
        """Return the server's mark of the version that the bytes are of; None: begin anew."""
        if not self.size or not self._origin.exists():
            return None
        try:
            origin = json.loads(self._origin.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return str(origin["version"]) if origin["address"] == address and origin["version"] else None

    def begin(self, address: str, version: str | None) -> None:
        """Throw away what there is; what comes now is of this version."""
        self.path.unlink(missing_ok=True)
        origin = json.dumps({"address": address, "version": version})
        write_file(self._origin, origin.encode())  # which syncs the folder: the old bytes are gone for good

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(target)
        sync_folder(target.parent)
        self._origin.unlink(missing_ok=True)


def _transfer(address: str, part: _Part, progress: "_Progress") -> None:
    """Ask once, for what is missing, and append it."""
    headers = {"Accept-Encoding": "identity"}
    version = part.version(address)
    if version is not None:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": version}
    with requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.remove()  # there are more bytes here than there
        if response.status_code in _TEMPORARY:
            raise _CutError(f"{response.status_code} {response.reason}")
        if not response.ok:
            raise DownloadError(f"{address}: {response.status_code} {response.reason}")
        if version is None or not _goes_on(response, part.size, version):
            if response.status_code == HTTPStatus.PARTIAL_CONTENT:
                part.remove()  # another part than was asked for
                raise _CutError("another part of the file came than was asked for")
            part.begin(address, _version(response))
        total = _total(response)
        progress.begin(part.size, total)
        _append(response, part, progress)
    if total is not None and part.size != total:
        raise _CutError(f"{part.size} of {total} bytes came")


def _append(response: requests.Response, part: _Part, progress: "_Progress") -> None:
    with part.path.open("ab", buffering=0) as file:
        synced = file.tell() // _SYNC_EVERY
        for piece in response.iter_content(_PIECE):
            _write(file, piece)
            progress.advance(len(piece))
            if file.tell() // _SYNC_EVERY > synced:
                os.fsync(file.fileno())
                synced = file.tell() // _SYNC_EVERY


def _write(file: FileIO, data: bytes) -> None:
    try:
        while data:
            data = data[file.write(data) :]
    except OSError as error:  # which does not know the file's name
        raise OSError(error.errno, error.strerror, str(file.name)) from error


def _version(response: requests.Response) -> str | None:
    """Return what ``If-Range`` takes; a weak ETag would not do (RFC 9110, 13.1.5)."""
    etag: str | None = response.headers.get("ETag")
    modified: str | None = response.headers.get("Last-Modified")
    return etag if etag and not etag.startswith("W/") else modified


def _total(response: requests.Response) -> int | None:
    """Return the bytes of the whole file; a server may give less of it at once than it was asked for."""
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        size = response.headers["Content-Range"].rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length", "")
    return int(size) if size.isdigit() else None


def _goes_on(response: requests.Response, size: int, version: str) -> bool:
    begins_here = response.headers.get("Content-Range", "").startswith(f"bytes {size}-")
    return (
        response.status_code == HTTPStatus.PARTIAL_CONTENT
        and begins_here
        and _version(response) in (version, None)
    )


def _innermost(error: BaseException) -> str:
    """Return what went wrong below the libraries: "[Errno 111] Connection refused", not five lines of it."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


class _Progress:
    """Bytes that have come: a bar on a terminal, a line now and then elsewhere; always on stderr."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last_line = time.monotonic()
        is_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            desc=name,
            unit="B",
            unit_scale=True,
            unit_divisor=1000,
            disable=not is_terminal,
            dynamic_ncols=True,
        )
        self._is_terminal = is_terminal
        self._num_bytes, self._total = 0, "?"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def begin(self, num_bytes: int, total: int | None) -> None:
        """Say how much is there already, and how much there is in all."""
        self._num_bytes = num_bytes
        self._total = "?" if total is None else _readable(total)
        self._bar.n, self._bar.total = num_bytes, total
        self._bar.refresh()

    def advance(self, num_bytes: int) -> None:
        """Count what has come."""
        self._num_bytes += num_bytes
        self._bar.update(num_bytes)
        if not self._is_terminal and time.monotonic() - self._last_line > _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            logger.info("%s: %s of %s", self._name, _readable(self._num_bytes), self._total)


def _readable(num_bytes: int) -> str:
    return f"{tqdm.format_sizeof(num_bytes)}B"
