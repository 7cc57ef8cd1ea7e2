"""Pickles of plain data: a fence around them, no wall.

A pickle may call any function that Python can import. Here it can name containers, texts, numbers and numpy
arrays only; whatever else it names is refused by name, before anything of it is called. But numpy's own types
take states that a forged pickle may choose, which can damage memory: so only files of people who are trusted.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from store.exchange.errors import ExchangeError

# numpy 2 calls its inner package numpy._core, numpy 1 numpy.core; a pickle names the one it was written under
_CORES = ("numpy.core", "numpy._core")
_PLAIN_KINDS = "biufUS"  # no objects, and no records, which may hold objects
_DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, MemoryError, UnicodeError,
)  # fmt: skip


def load_plain_pickle(path: Path) -> Any:  # noqa: ANN401 - whatever plain data it holds
    """Read a pickle of plain data.

    Raises:
        ExchangeError: it names something that is no plain data, or is no pickle, or cut short.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _PlainUnpickler(file).load()
        except ExchangeError as error:
            raise ExchangeError(f"{path}: {error}") from None
        except _DAMAGED as error:
            raise ExchangeError(
                f"{path}: no pickle of plain data, or cut short: {error!r}; get it again"
            ) from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        found = _ALLOWED.get((module, name))
        if found is None:
            raise ExchangeError(
                f"names {module}.{name}, which is no plain data, so it is not read: a pickle can run any "
                "program. Expected containers, texts, numbers and numpy arrays only; ask whoever made it"
            )
        return found


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for ``_codecs.encode``: so pickles of protocol 2 write bytes."""
    if encoding != "latin1":
        raise ExchangeError(f"encodes bytes as {encoding!r}; expected 'latin1'")
    return text.encode("latin1")


def _plain_dtype(kind: str, *flags: object) -> np.dtype[Any]:
    """Stand in for ``numpy.dtype``."""
    dtype = np.dtype(str(kind))
    if dtype.kind not in _PLAIN_KINDS:
        raise ExchangeError(f"holds an array of {kind}; expected numbers or texts")
    return np.dtype(dtype.str, *flags)  # type: ignore[call-overload, no-any-return]


def _reconstruct(kind: str, shape: tuple[int, ...], typecode: bytes) -> np.ndarray[Any, np.dtype[Any]]:
    """Stand in for numpy's function of this name: an empty array whose content follows."""
    return np.ndarray((0,), "b")


_BUILTINS = (dict, list, tuple, set, frozenset, int, float, bool, str, bytes, bytearray)
_ALLOWED: dict[tuple[str, str], object] = {
    ("_codecs", "encode"): _latin1,
    ("numpy", "ndarray"): "ndarray",  # what is handed to _reconstruct, and not to be called itself
    ("numpy", "dtype"): _plain_dtype,
}
for _core in _CORES:
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[f"{_core}.multiarray", "scalar"] = np.core.multiarray.scalar  # type: ignore[attr-defined]
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = np.core.numeric._frombuffer  # type: ignore[attr-defined]
for _kind in _BUILTINS:
    for _module in ("builtins", "__builtin__"):  # Python 3's and Python 2's name
        _ALLOWED[_module, _kind.__name__] = _kind
