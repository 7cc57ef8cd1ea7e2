"""Pickles are read as plain data; whatever else they name is refused by name and never called."""

import collections
import copyreg
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
    "set": {1, 2}, "frozen": frozenset({"a"}), "big": "x" * 70_000, "no": b"",
    "array": bytearray(b"\x00\xff"),
}  # fmt: skip
ARRAYS = [
    np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(["a", "bc"]),
    np.array([1, 2], ">i4"),
    np.zeros((0, 17, 2), np.float32),
    np.array(2.5),
    *(
        np.array([0, 1, 1], kind)
        for kind in ("b1", "i1", "i2", "i8", "u1", "u2", "u4", "u8", "f4", "g", "S3")
    ),
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


@pytest.mark.parametrize("protocol", range(6))
def test_numbers_are_keys_and_containers_nest(tmp_path, protocol):
    array = np.arange(3, dtype=np.int16)
    shared = [array]
    shared.append(shared)
    value = {np.int64(3): ({"a": (array, [array])}, (1, 2)), np.str_("k"): {np.float32(0.5)}, "s": shared,
             "b": np.bytes_(b"ab"), "e": np.str_(""), "t": np.bool_(True), "d": array.dtype}  # fmt: skip

    found = load_plain_pickle(write_pickle(tmp_path / "a.pkl", value, protocol))

    assert list(found) == list(value)
    assert found["k"] == {0.5}
    nested = found[3][0]["a"]
    assert nested[0].tolist() == [0, 1, 2]
    assert nested[1][0] is nested[0]  # one array stays one
    assert found["s"][0] is nested[0]
    assert found["s"][1] is found["s"]
    for key in "betd":
        assert found[key] == value[key]
        assert type(found[key]) is type(value[key])


# pickles written by hand

DTYPE = b"cnumpy\ndtype\n(V%b\nI00\nI01\ntR"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"
SCALAR = b"cnumpy.core.multiarray\nscalar\n("
PLAIN_F4 = DTYPE % b"f4"


def dtype_with(state: tuple, kind: bytes = b"f4") -> bytes:
    return DTYPE % kind + pickle.dumps(state, 2)[2:-1] + b"b"


def array_with(shape: object, dtype: bytes, data: object, version: int = 1) -> bytes:
    parts = b"".join(pickle.dumps(part, 4)[2:-1] for part in (version, shape))
    return RECONSTRUCT + b"(" + parts + dtype + b"I00\n" + plain(data) + b"tb"


def plain(value: object) -> bytes:
    return pickle.dumps(value, 3)[2:-1]


FORGED = {
    "object flag": (dtype_with((3, "<", None, None, None, -1, -1, 63)), "gives the type float32 the state"),
    "size": (dtype_with((3, "<", None, None, None, 400, 4, 0)), "gives the type float32 the state"),
    "sub-array": (dtype_with((3, "<", ("f4", (9,)), None, None, -1, -1, 0)), "gives the type float32 the"),
    "metadata": (dtype_with((4, "<", None, None, None, -1, -1, 0, {})), "gives the type float32 the state"),
    "order": (dtype_with((3, "?", None, None, None, -1, -1, 0)), "gives the type float32 the state"),
    "object": (DTYPE % b"O8", "holds an array of O8"),
    "record": (DTYPE % b"f4,O", "holds an array of f4,O"),
    "too many values": (array_with((100,), PLAIN_F4, b"\0" * 4), r"an array \(100,\) of float32 in 4 bytes"),
    "overflow": (array_with((2**62, 4), PLAIN_F4, b""), "of float32 in 0 bytes"),
    "negative": (array_with((-1, -1), PLAIN_F4, b"\0" * 4), "an array of the shape"),
    "no size": (array_with((2**40,), DTYPE % b"S0", b""), "in 0 bytes"),
    "no bytes": (array_with((1,), PLAIN_F4, ["a"]), "in list"),
    "no type": (array_with((1,), b"N", b"\0" * 4), "has an array of NoneType"),
    "version": (array_with((1,), PLAIN_F4, b"\0" * 4, version=0), "gives an array another state"),
    "twice": (array_with((1,), PLAIN_F4, b"\0" * 4) + b"(K\x01tb", "gives an array another state"),
    "no content": (RECONSTRUCT, "has an array without content"),
    "no class": (b"cnumpy.core.multiarray\n_reconstruct\n(NtR", "makes an array of no array's class"),
    "truth": (array_with((1,), DTYPE % b"b1", b"\x02"), "truth values other than 0 and 1"),
    "text": (array_with((1,), DTYPE % b"U1", b"\xff" * 4), "characters that do not exist"),
    "short number": (SCALAR + PLAIN_F4 + plain(b"\0") + b"tR", r"an array \(\) of float32 in 1 bytes"),
    "huge bytes": (b"cbuiltins\nbytes\n(I99\ntR", "makes bytes of 1 other things"),
    "encoding": (b"c_codecs\nencode\n(Va\nVrot13\ntR", "encodes bytes as 'rot13'"),
    "defaults": (b"c_codecs\nencode\nN}V__defaults__\n)s\x86b", "gives function a state"),
    "attributes": (b"c_codecs\nencode\nN}V_call\nNs\x86b", "gives function a state"),
    "a function": (b"c_codecs\nencode\n", "holds a function"),
    "a call of no function": (b"cnumpy\nndarray\n(tR", "not callable"),
    "a state of a container": (b"]}b", "no attribute '__dict__'"),
    "key": (b"}" + PLAIN_F4 + b"Ns", "unhashable"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_is_refused(tmp_path, name):
    data, said = FORGED[name]
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + data + b".")

    with pytest.raises(ExchangeError, match=rf"a\.pkl: .*{said}"):
        load_plain_pickle(tmp_path / "a.pkl")


def test_bytes_that_change_under_an_array_are_checked_as_they_are_at_last(tmp_path):
    # an array of truth values in a bytearray of 1, which is then set to 2
    data = (
        b"cbuiltins\nbytearray\n(" + plain(b"\x01") + b"tRp9\n0"
        b"cnumpy.core.numeric\n_frombuffer\n(g9\n" + DTYPE % b"b1" + b"(I1\ntVC\ntRg9\nI0\nI2\ns\x86"
    )
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + data + b".")

    with pytest.raises(ExchangeError, match="truth values other than 0 and 1"):
        load_plain_pickle(tmp_path / "a.pkl")


def test_numbers_of_registered_names_are_names(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04\x82\xf0.")
    with pytest.raises(ExchangeError, match="unregistered extension code 240"):
        load_plain_pickle(path)
    copyreg.add_extension("os", "mkdir", 240)
    try:
        assert pickle.loads(path.read_bytes()) is os.mkdir  # which puts it in Python's cache
        with pytest.raises(ExchangeError, match=r"names os\.mkdir, which is no plain data"):
            load_plain_pickle(path)
    finally:
        copyreg.remove_extension("os", "mkdir", 240)


def test_a_pickle_deeper_than_the_stack_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + b"]" * 5000 + b"a" * 4999 + b".")

    with pytest.raises(ExchangeError, match="RecursionError"):
        load_plain_pickle(tmp_path / "a.pkl")
