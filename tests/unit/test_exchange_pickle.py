"""Pickles are read as plain data; whatever else they name is refused by name and never called."""

import collections
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from store.exchange.errors import ExchangeError
from store.exchange.safe_pickle import load_plain_pickle
from tests.exchange_makers import write_pickle

PLAIN = {
    "text": "clap", "bytes": b"\x00\xff", "numbers": [1, 2.5, True, None, 10**30], "pair": (1080, 1920),
    "set": {1, 2}, "frozen": frozenset({"a"}), "big": "x" * 70_000,
}  # fmt: skip
ARRAYS = [
    np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(["a", "bc"]),
    np.array([1, 2], ">i4"),
    np.zeros((0, 17, 2), np.float32),
]


class WritesFile:
    """What unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_come_back(tmp_path, protocol):
    found = load_plain_pickle(write_pickle(tmp_path / "a.pkl", PLAIN | {"scalar": np.float32(1.5)}, protocol))

    assert found == PLAIN | {"scalar": 1.5}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("numpy_2", [False, True])
def test_arrays_come_back_whichever_numpy_wrote_them(tmp_path, protocol, numpy_2):
    data = pickle.dumps([*ARRAYS, np.int64(7)], protocol)
    if numpy_2:  # it names another module; its length stands before the name from protocol 4 on
        data = data.replace(b"\x15numpy.core.multiarray", b"\x16numpy._core.multiarray")
        data = data.replace(b"\x12numpy.core.numeric", b"\x13numpy._core.numeric")
        data = data.replace(b"cnumpy.core.multiarray", b"cnumpy._core.multiarray")
        assert b"numpy._core" in data
        assert b"numpy.core" not in data
    if numpy_2 and protocol >= 4:
        data = _without_frames(data)
    (tmp_path / "a.pkl").write_bytes(data)

    found = load_plain_pickle(tmp_path / "a.pkl")

    assert found[-1] == 7
    for have, want in zip(found, ARRAYS, strict=False):
        assert have.dtype.newbyteorder("=") == want.dtype.newbyteorder("=")  # numpy turns bytes round, or not
        np.testing.assert_array_equal(have, want)


def _without_frames(data: bytes) -> bytes:
    """Take the frame's opcode and length away, which would be wrong now; frames are optional."""
    assert data[2:3] == pickle.FRAME
    return data[:2] + data[11:]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("wrap", [lambda bad: bad, lambda bad: {"annotations": [{"keypoint": bad}]}])
def test_a_pickle_that_would_write_is_refused_by_name(tmp_path, protocol, wrap):
    victim = tmp_path / "victim"
    path = write_pickle(tmp_path / "a.pkl", wrap(WritesFile(victim)), protocol)

    with pytest.raises(ExchangeError, match=r"a\.pkl: names (posix|nt)\.mkdir, which is no plain data"):
        load_plain_pickle(path)

    assert not victim.exists()
    pickle.loads(path.read_bytes())  # it would have
    assert victim.is_dir()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (collections.OrderedDict(a=1), "collections.OrderedDict"),
        (eval, "builtins.eval"),
        (getattr, "builtins.getattr"),
        (np.load, "numpy.load"),
        (Path("a"), "pathlib.PosixPath"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_name(tmp_path, value, name):
    with pytest.raises(ExchangeError, match=f"names {name}, which"):
        load_plain_pickle(write_pickle(tmp_path / "a.pkl", [value], 4))


def test_arrays_of_objects_are_refused(tmp_path):
    path = write_pickle(tmp_path / "a.pkl", np.array([{}, []], object))

    with pytest.raises(ExchangeError, match="holds an array of O8; expected numbers or texts"):
        load_plain_pickle(path)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(PLAIN)[:-40], b"\x80\x04."])
def test_what_is_no_pickle_names_the_file(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)

    with pytest.raises(ExchangeError, match=r"a\.pkl: no pickle of plain data, or cut short"):
        load_plain_pickle(tmp_path / "a.pkl")
