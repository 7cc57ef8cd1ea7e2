"""Pickles of scores as teams pass them around; read as plain data, so that nothing in them can run.

Known: name -> vector; place -> vector, a list of vectors or an array, each with a list of names beside; and
``{"predictions": one of these, "labels": one per clip}``. A key of digits may be a name as well as a place.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from store.exchange.safe_pickle import load_plain_pickle
from train.exchange.found import FoundScores, bare_name
from train.scores import ScoresError

# loaders that know no names call clips "test_0", "test_1", ...
_PLACE = re.compile(r"(?:(?:test|val|train)_)?(\d+)")


def read_score_pickle(
    path: Path, names: Sequence[str] | None = None, known: Collection[str] = ()
) -> FoundScores:
    """Read a pickle of scores.

    Args:
        path: the pickle.
        names: of the clips, in the order that places in the file count; needed where it has no names.
        known: names of the expected clips, without ending: where there is no list, texts among them are names
            even if they look like places.

    Raises:
        ScoresError: it holds something else, names are missing or may be places, or vectors differ in length.
        ExchangeError: it is no pickle, or holds more than plain data.
    """
    content = load_plain_pickle(path)
    labels = None
    if isinstance(content, dict) and "predictions" in content:
        content, labels = content["predictions"], content.get("labels")
    keys, vectors = _rows(content, path)
    its_names = _names(keys, names, known, path)
    return FoundScores(str(path), its_names, _stacked(its_names, vectors, path), _labels(labels, keys, path))


def _rows(content: Any, path: Path) -> tuple[Sequence[object], list[object]]:  # noqa: ANN401 - of a pickle
    if isinstance(content, dict) and content:
        return list(content), list(content.values())
    if isinstance(content, np.ndarray) and content.ndim == 2 and len(content):
        return range(len(content)), list(content)
    if isinstance(content, list | tuple) and content:
        return range(len(content)), list(content)
    found = (
        f"an array {content.shape}"
        if isinstance(content, np.ndarray)
        else f"{type(content).__name__} of {len(content)}"
        if isinstance(content, dict | list | tuple)
        else type(content).__name__
    )
    raise ScoresError(
        f"{path}: holds {found}; expected name -> vector, place -> vector, a list of vectors, or "
        '{"predictions": ..., "labels": ...}'
    )


def _names(
    keys: Sequence[object], names: Sequence[str] | None, known: Collection[str], path: Path
) -> tuple[str, ...]:
    places = [_place(key) for key in keys]
    found = tuple(place for place in places if place is not None)
    if _are_names(keys, names, known):
        if names is not None and len(found) == len(keys):
            _check_one_reading(keys, found, names, path)
        return tuple(str(key) for key in keys)
    if len(found) < len(keys):
        odd = next(key for key, place in zip(keys, places, strict=True) if place is None)
        if found or not all(isinstance(key, str) for key in keys):
            raise ScoresError(
                f"{path}: keys such as {odd!r} beside others; expected names only, or places only. Of names "
                "that are numbers a list, a STORE or a table must have all"
            )
        return tuple(str(key) for key in keys)
    if names is None:
        raise ScoresError(
            f"{path}: its {len(keys)} clips have numbers instead of names; give the list of names that they "
            "count in, one per line, with --list"
        )
    if len(set(found)) < len(found) or max(found) >= len(names):
        raise ScoresError(
            f"{path}: places up to {max(found)}, {len(set(found))} of them different, for {len(keys)} clips; "
            f"the list has {len(names)} names, which count from 0"
        )
    if len(set(found)) < len(names) and set(found) != set(range(len(found))):
        return tuple(names[place] for place in found)  # some are missing, and it is known which
    if len(found) < len(names):
        raise ScoresError(
            f"{path}: {len(found)} clips, counted from 0, for {len(names)} names; expected as many: "
            "nobody can say which are missing"
        )
    return tuple(names[place] for place in found)


def _are_names(keys: Sequence[object], names: Sequence[str] | None, known: Collection[str]) -> bool:
    """Tell whether all keys are names of the list, or else of the expected clips."""
    if isinstance(keys, range):  # of a list or an array: the file has none
        return False
    if names is None:  # numbers could count in any order
        return all(isinstance(key, str) and bare_name(key) in known for key in keys)
    return {bare_name(str(key)) for key in keys} <= {bare_name(name) for name in names}


def _check_one_reading(
    keys: Sequence[object], places: Sequence[int], names: Sequence[str], path: Path
) -> None:
    """Refuse keys that are names in the list, and other clips' places in it."""
    if max(places) >= len(names):
        return
    for key, place in zip(keys, places, strict=True):
        if bare_name(str(key)) != bare_name(names[place]):
            raise ScoresError(
                f"{path}: key {key!r} is a name in the list, and the place of {names[place]!r}; expected "
                "one of both. If keys are names, leave the list away and give a STORE or a table; if places, "
                "write them as 'test_0', 'test_1', ..."
            )


def _place(key: object) -> int | None:
    if isinstance(key, bool):
        return None
    if isinstance(key, int | np.integer):
        return int(key) if key >= 0 else None
    match = _PLACE.fullmatch(key) if isinstance(key, str) else None
    return int(match[1]) if match else None


def _stacked(names: Sequence[str], vectors: Sequence[object], path: Path) -> npt.NDArray[np.float32]:
    rows: list[npt.NDArray[np.float32]] = []
    for name, vector in zip(names, vectors, strict=True):
        try:
            row = np.asarray(vector)
        except ValueError:  # lists of different lengths
            row = np.empty(0, object)
        if row.dtype.kind not in "fiu" or row.ndim != 1 or not row.size:
            raise ScoresError(
                f"{path}: clip {name!r} has {type(vector).__name__} {row.dtype} {row.shape}; expected a "
                "vector of numbers, one for each class"
            )
        if rows and row.shape != rows[0].shape:
            raise ScoresError(
                f"{path}: clip {name!r} has {row.size} scores, {names[0]!r} has {rows[0].size}; "
                "expected one for each class"
            )
        rows.append(row.astype(np.float32))
    return np.stack(rows)


def _labels(labels: Any, keys: Sequence[object], path: Path) -> tuple[int | str, ...] | None:  # noqa: ANN401
    if labels is None:
        return None
    if isinstance(labels, Mapping):
        missing = [key for key in keys if key not in labels]
        if missing:
            raise ScoresError(f"{path}: {len(missing)} clips have no label, such as {missing[0]!r}")
        labels = [labels[key] for key in keys]
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(values, list | tuple) or len(values) != len(keys):
        found = len(values) if isinstance(values, list | tuple) else type(values).__name__
        raise ScoresError(f"{path}: labels {found} for {len(keys)} clips; expected one for each")
    plain = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    odd = [value for value in plain if not isinstance(value, int | str)]
    if odd:
        raise ScoresError(f"{path}: label {odd[0]!r}; expected numbers from 0 or names of classes")
    return plain
