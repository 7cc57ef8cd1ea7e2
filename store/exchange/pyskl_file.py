"""A pyskl pickle as it is: annotations, lists of splits, and the passport that an export adds."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from store.exchange.errors import ExchangeError
from store.exchange.passport import PASSPORT_KEY, Passport, parse_passport
from store.exchange.pyskl_annotation import Annotation
from store.exchange.safe_pickle import load_plain_pickle

_KEPT = frozenset(
    {
        "frame_dir",
        "filename",
        "label",
        "img_shape",
        "original_shape",
        "total_frames",
        "keypoint",
        "keypoint_score",
    }
)


@dataclass(frozen=True, slots=True)
class PysklFile:
    """What a pickle holds.

    Args:
        annotations: clip id -> annotation, in the pickle's order.
        lists: name of a split -> clip ids; empty where the pickle is a bare list.
        passport: of a pickle that was exported here.
        notes: what of it is not kept, in words.
        sha256: of the file.
    """

    annotations: Mapping[str, Annotation]
    lists: Mapping[str, Sequence[str]]
    passport: Passport | None
    notes: Sequence[str]
    sha256: str


def read_pyskl_file(path: Path) -> PysklFile:
    """Read a pickle in either of its forms: with splits, or a bare list of annotations.

    Raises:
        ExchangeError: it is neither, or two annotations have one name.
    """
    if not path.is_file():
        raise ExchangeError(f"{path}: no such file; give the pickle")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    content = load_plain_pickle(path)
    passport, lists = None, {}
    if isinstance(content, dict):
        lists = _lists(content.get("split"), path)
        if PASSPORT_KEY in content:
            passport = parse_passport(content[PASSPORT_KEY], f"{path}, key {PASSPORT_KEY!r}")
        content = content.get("annotations", content.get("annos"))
    if not isinstance(content, list) or not content or not all(isinstance(each, dict) for each in content):
        raise ExchangeError(
            f"{path}: no annotations; expected a dict with 'split' and 'annotations', or a list of dicts"
        )
    return PysklFile(_by_id(content, path), lists, passport, _notes(content, path), sha256)


def _lists(given: object, path: Path) -> dict[str, list[str]]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(ids, list | tuple) for ids in given.values()):
        raise ExchangeError(
            f"{path}: 'split' is no dict of lists; expected {{'xsub_train': ['S001…', …], …}}"
        )
    return {str(name): [str(clip_id) for clip_id in ids] for name, ids in given.items()}


def _by_id(annotations: Sequence[Annotation], path: Path) -> dict[str, Annotation]:
    # as the loaders choose: by the first annotation
    key = "filename" if "filename" in annotations[0] else "frame_dir"
    found: dict[str, Annotation] = {}
    for number, annotation in enumerate(annotations):
        if key not in annotation:
            raise ExchangeError(f"{path}: annotation {number} has no {key!r}, which names its clip")
        clip_id = str(annotation[key])
        if clip_id in found:
            raise ExchangeError(f"{path}: two annotations of {clip_id!r}; every clip needs a name of its own")
        found[clip_id] = annotation
    return found


def _notes(annotations: Sequence[Annotation], path: Path) -> list[str]:
    unknown = {str(key) for annotation in annotations for key in annotation} - _KEPT
    notes = [f"{path.name}: not kept: {', '.join(sorted(unknown))}"] if unknown else []
    pairs = [
        (each["original_shape"], each.get("img_shape", ()))
        for each in annotations
        if "original_shape" in each
    ]
    if other := sum(not np.array_equal(original, shape) for original, shape in pairs):
        notes.append(f"{path.name}: original_shape differs from img_shape in {other} clips and is not kept")
    return notes
