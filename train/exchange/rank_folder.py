"""The folder of scores that HP-Net's release makes: ``.npy`` files with lists of names, and pickles.

Each of its processes ("ranks") writes the probabilities of its share of the clips, ``0_best_score.npy``, with
their names in ``0_best_name.txt``; so too for three more heads, ``0_best_j_score.npy``. The other streams are
pickles of logits, ``J_epoch1_test_score.pkl``.
"""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from train.exchange.found import FoundScores, bare_name
from train.exchange.score_pickle import read_score_pickle
from train.scores import ScoresError

# head in the name of a file -> stream
_HEADS = {"": "hpnet", "j_": "hpnet_j", "jm_": "hpnet_jm", "b_": "hpnet_b"}
_PICKLE = re.compile(r"(?P<stream>J|B|JM|BM)_epoch\d+_test_score\.pkl")


def read_rank_folder(folder: Path, known: Collection[str] = ()) -> dict[str, FoundScores]:
    """Return stream -> scores of all that the folder holds: hpnet, its heads, hpj, hpb, hpjm, hpbm.

    Args:
        folder: of the release.
        known: names of the expected clips, without ending.

    Raises:
        ScoresError: there are none, or names and rows do not fit each other.
        ExchangeError: a pickle is none, or holds more than plain data.
    """
    found = {
        stream: _joined(folder, head, known)
        for head, stream in _HEADS.items()
        if any(folder.glob(f"*_best_{head}score.npy"))
    }
    for path in sorted(folder.glob("*.pkl")):
        if match := _PICKLE.fullmatch(path.name):
            stream = "hp" + match["stream"].lower()
            if stream in found:
                raise ScoresError(f"{folder}: two files of {stream}, one is {path.name}; leave one there")
            found[stream] = read_score_pickle(path, known=known)
    if not found:
        raise ScoresError(
            f"{folder}: no scores of HP-Net's release in it; expected 0_best_score.npy with 0_best_name.txt, "
            "or J_epoch1_test_score.pkl. Give other teams' files one by one"
        )
    return found


def read_array(path: Path) -> npt.NDArray[np.float32]:
    """Read an ``.npy`` of scores (N, K); ScoresError if it is none."""
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ScoresError(f"{path}: no .npy of numbers, or cut short ({error}); get it again") from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "fiu":
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "several arrays"
        raise ScoresError(f"{path}: {found}; expected numbers (clips, classes)")
    return values.astype(np.float32)


def read_names(path: Path, known: Collection[str] = ()) -> tuple[str, ...]:
    """Read a list of clips, one per line; what else is on a line, behind a space, is left out.

    Args:
        path: the list.
        known: names of the expected clips, without ending: these may have spaces.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ScoresError(f"{path}: no list of names ({error}); expected one name per line") from error
    return tuple(_name_in(line.strip(), known) for line in lines if line.strip())


def _name_in(line: str, known: Collection[str]) -> str:
    """Return the longest beginning of a line that is a known name, else its first word."""
    ends = [len(line), *(space.start() for space in reversed(list(re.finditer(r"\s+", line))))]
    return next((line[:end] for end in ends if bare_name(line[:end]) in known), line.split()[0])


def _joined(folder: Path, head: str, known: Collection[str]) -> FoundScores:
    arrays: list[npt.NDArray[np.float32]] = []
    names: list[str] = []
    # the numbers must run from 0 on, or a rank's file is missing
    num_ranks = len(list(folder.glob(f"*_best_{head}score.npy")))
    for rank in range(num_ranks):
        path, list_path = folder / f"{rank}_best_{head}score.npy", folder / f"{rank}_best_name.txt"
        for needed in (path, list_path):
            if not needed.exists():
                raise ScoresError(f"{needed} is missing, of {num_ranks} ranks; get the whole folder")
        its_names, values = read_names(list_path, known), read_array(path)
        if len(its_names) != len(values):
            raise ScoresError(
                f"{path} has {len(values)} rows, {list_path.name} names {len(its_names)} clips; "
                "expected a row for each name"
            )
        if arrays and values.shape[1] != arrays[0].shape[1]:
            raise ScoresError(
                f"{path}: {values.shape[1]} scores per clip; expected {arrays[0].shape[1]}, as rank 0 has"
            )
        arrays.append(values)
        names += its_names
    return FoundScores(str(folder / f"0_best_{head}score.npy"), tuple(names), np.concatenate(arrays))
