"""What lies where weights should be: a file that holds something else is told apart before it is loaded."""

import zipfile
from pathlib import Path

from extract.errors import WeightsError

_HEAD = 512  # bytes that are looked at
_ZIP = b"PK\x03\x04"  # PyTorch's own format since 1.6
_LFS = b"version https://git-lfs"
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")


def check_weights_file(path: Path) -> None:
    """Refuse what is surely no file of weights; whether it holds the right ones is for the loader to say.

    Raises:
        WeightsError: the file is empty, cut short, a web page, or Git LFS's note about a file elsewhere.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    start = head.lstrip().lower()
    if size == 0:
        found = "is empty"
    elif start.startswith(_LFS):
        found = "is a Git LFS pointer, a note that says which file belongs here; `git lfs pull` fetches that"
    elif start.startswith(_PAGES):
        found = "is a web page: the address that it came from asks for something first, or has no such file"
    elif head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        found = f"is cut short: its end is missing after {size} bytes"
    else:
        return
    raise WeightsError(f"{path} {found}; expected a file of weights")
