"""Pickles of plain data: nothing that a pickle names runs, and nothing of numpy takes a state from it.

A pickle may call any function that Python can import, and change what it made by a state that it brings. Here
what it names is looked up in a short list of stand-ins of our own, and anything else refused by name. Their
arguments and states are checked; real arrays are made of them only after the last opcode.
"""

import copyreg
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ExchangeError

# numpy 2 calls its inner package numpy._core, numpy 1 numpy.core; a pickle names the one it was written under
_CORES = ("numpy.core", "numpy._core")
# no objects, and no records, which may hold objects
_PLAIN_DTYPE = re.compile(r"[<>=|]?([biuf][0-9]{1,2}|[SU][0-9]{1,7})")
_DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, MemoryError, BufferError, RecursionError,
)  # fmt: skip


def load_plain_pickle(path: Path) -> Any:  # noqa: ANN401 - whatever plain data it holds
    """Read a pickle of plain data.

    Raises:
        ExchangeError: it names something that is no plain data, or is no pickle, or cut short.
        OSError: it cannot be read.
    """
    # names that somebody registered as numbers are cached here, past find_class; and ours must not stay in it
    copyreg.clear_extension_cache()
    try:
        with path.open("rb") as file:
            return _finish(_PlainUnpickler(file).load(), {})
    except ExchangeError as error:
        raise ExchangeError(f"{path}: {error}") from None
    except _DAMAGED as error:
        raise ExchangeError(
            f"{path}: no pickle of plain data, or cut short: {error!r}; get it again"
        ) from error
    finally:
        copyreg.clear_extension_cache()


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> "_StandIn":
        found = _ALLOWED.get((module, name))
        if found is None:
            raise ExchangeError(
                f"names {module}.{name}, which is no plain data, so it is not read: a pickle can run any "
                "program. Expected containers, texts, numbers and numpy arrays only; ask whoever made it"
            )
        return found


class _StandIn:
    """Something that a pickle may name. It can be no key, so that all of them are found afterwards."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __setattr__(self, name: str, value: object) -> None:
        raise _forged(f"sets {name!r}")

    def __setstate__(self, state: object) -> None:
        raise _forged(f"gives {type(self).__name__.strip('_').lower()} a state")


class _Function(_StandIn):
    """A function of ours; a bare one would let a pickle change its defaults."""

    __slots__ = ("_call",)
    _call: Callable[..., object]

    def __init__(self, call: Callable[..., object]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: object) -> object:
        return self._call(*arguments)


class _Dtype(_StandIn):
    """Stands for ``numpy.dtype`` of one kind; of its state only the byte order is taken."""

    __slots__ = ("real",)
    real: np.dtype[Any]

    def __init__(self, kind: object, *flags: object) -> None:
        if not isinstance(kind, str) or not _PLAIN_DTYPE.fullmatch(kind):
            raise ExchangeError(f"holds an array of {kind}; expected numbers or texts")
        object.__setattr__(self, "real", np.dtype(kind))

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) == 8 else None
        if not isinstance(order, str) or order not in ("<", ">", "=", "|"):
            raise _forged(f"gives the type {self.real} the state {state!r}")
        real = self.real.newbyteorder(order)  # type: ignore[arg-type]
        # what numpy itself would write; the last are flags, for which older ones wrote 0
        usual = real.__reduce__()[2]
        if state[:7] != (3, order, *usual[2:7]) or state[7] not in (0, usual[7]):  # type: ignore[index]
            raise _forged(f"gives the type {self.real} the state {state!r}")
        object.__setattr__(self, "real", real)


class _Array(_StandIn):
    """Stands for an array until everything is read."""

    __slots__ = ("_parts",)
    _parts: tuple[object, object, object, object] | None

    def __init__(self, *parts: object) -> None:
        object.__setattr__(self, "_parts", parts or None)

    def __setstate__(self, state: object) -> None:
        if self._parts or not isinstance(state, tuple) or len(state) != 5 or state[0] != 1:
            raise _forged("gives an array another state than (1, shape, type, order, bytes)")
        _, shape, dtype, is_fortran, data = state
        object.__setattr__(self, "_parts", (data, dtype, shape, "F" if is_fortran else "C"))

    def real(self) -> npt.NDArray[Any]:
        if self._parts is None:
            raise _forged("has an array without content")
        return _array(*self._parts)


def _forged(what: str) -> ExchangeError:
    return ExchangeError(f"{what}, which no program that pickles plain data writes; ask whoever made it")


def _array(data: object, dtype: object, shape: object, order: object) -> npt.NDArray[Any]:
    """Return the array, over the pickle's own bytes: it cannot be written to."""
    if not isinstance(dtype, _Dtype):
        raise _forged(f"has an array of {type(dtype).__name__}")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise _forged(f"has an array of the shape {shape!r}")
    if order not in ("C", "F") or not isinstance(data, bytes | bytearray):
        raise _forged(f"has an array of order {order!r} in {type(data).__name__}")
    real = dtype.real
    if not real.itemsize or math.prod(shape) * real.itemsize != len(data):
        raise _forged(f"has an array {shape} of {real} in {len(data)} bytes")
    array: npt.NDArray[Any] = np.ndarray(shape, real, data, order=order)
    array.flags.writeable = False
    # numpy trusts that these are within their range
    if real.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise _forged("has truth values other than 0 and 1")
    if real.kind == "U" and array.size:
        codes = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(real.byteorder))  # type: ignore[arg-type]
        if codes.max() > _LAST_CODE_POINT:
            raise _forged("has a text of characters that do not exist")
    return array


def _reconstruct(kind: object, *arguments: object) -> _Array:
    """Stand in for numpy's function of this name: an array whose content follows."""
    if kind is not _NDARRAY:
        raise _forged("makes an array of no array's class")
    return _Array()


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> _Array:
    """Stand in for numpy's function of this name, which pickles of protocol 5 name."""
    return _Array(data, dtype, shape, order)


def _scalar(dtype: object, data: object) -> object:
    """Stand in for numpy's function of this name; a real number at once, for it may be a key."""
    if isinstance(dtype, _Dtype) and dtype.real.kind in "SU" and data == b"":
        return dtype.real.type()
    return _array(data, dtype, (), "C")[()]


def _bytes(*arguments: object) -> bytes:
    """Stand in for ``_codecs.encode`` and ``bytes``: so pickles of protocol 2 write bytes."""
    match arguments:
        case ():
            return b""
        case (str(text), "latin1" | "latin-1"):
            return text.encode("latin1")
        case (str(), str(encoding)):
            raise ExchangeError(f"encodes bytes as {encoding!r}; expected 'latin1'")
    raise _forged(f"makes bytes of {len(arguments)} other things")


def _bytearray(*arguments: object) -> bytearray:
    match arguments:
        case (bytes(data),):
            return bytearray(data)
    return bytearray(_bytes(*arguments))


def _finish(value: Any, seen: dict[int, tuple[object, object]]) -> Any:  # noqa: ANN401
    """Put real arrays in the places of their stand-ins, in lists, dicts and tuples at any depth.

    Args:
        value: what the pickle made. Keys and members of sets hold no stand-ins.
        seen: id -> what had it, which so keeps it, and what stands for it now.
    """
    if id(value) in seen:
        return seen[id(value)][1]
    done = value
    if isinstance(value, list | dict):
        seen[id(value)] = (value, value)  # it may hold itself
        for place in range(len(value)) if isinstance(value, list) else value:
            value[place] = _finish(value[place], seen)
    elif isinstance(value, tuple):
        parts = tuple(_finish(part, seen) for part in value)
        done = parts if any(part is not old for part, old in zip(parts, value, strict=True)) else value
    elif isinstance(value, _Array):
        done = value.real()
    elif isinstance(value, _Dtype):
        done = value.real
    elif isinstance(value, _StandIn):
        raise _forged("holds a function")
    if isinstance(value, list | dict | tuple | _StandIn):
        seen[id(value)] = (value, done)
    return done


_LAST_CODE_POINT = 0x10FFFF  # of Unicode
_NDARRAY = _StandIn()  # what is handed to _reconstruct, and not to be called itself
_ALLOWED: dict[tuple[str, str], _StandIn] = {
    ("_codecs", "encode"): _Function(_bytes),
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Function(_Dtype),
}
for _core in _CORES:
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _Function(_reconstruct)
    _ALLOWED[f"{_core}.multiarray", "scalar"] = _Function(_scalar)
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _Function(_frombuffer)
for _module in ("builtins", "__builtin__"):  # Python 3's and Python 2's name
    _ALLOWED[_module, "set"] = _Function(set)
    _ALLOWED[_module, "frozenset"] = _Function(frozenset)
    _ALLOWED[_module, "bytes"] = _Function(_bytes)
    _ALLOWED[_module, "bytearray"] = _Function(_bytearray)
