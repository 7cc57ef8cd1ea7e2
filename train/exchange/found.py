"""What was found in somebody's score file, and how it becomes scores of expected clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.scores import Kind, Scores, ScoresError

_ENDINGS = (".mp4", ".avi", ".txt", ".npy", ".skeleton", ".mkv", ".webm", ".mov")


@dataclass(frozen=True, slots=True, eq=False)
class FoundScores:
    """Rows of a file, by the names that the file gives its clips.

    Args:
        where: the file.
        names: of the N rows.
        values: (N, K).
        labels: of the N rows, places among the classes or class names; None if the file has none.
    """

    where: str
    names: tuple[str, ...]
    values: npt.NDArray[np.float32]
    labels: tuple[int | str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExpectedClips:
    """The clips that should have scores.

    Args:
        class_names: in the order of the files' columns.
        labels: clip id -> class name.
        id_of: name in files, without its ending -> clip id.
        subjects: clip id -> subject.
        source: "dataset", "protocol", ...; goes into the scores.
    """

    class_names: tuple[str, ...]
    labels: Mapping[str, str]
    id_of: Mapping[str, str]
    subjects: Mapping[str, str]
    source: Mapping[str, str]


def bare_name(name: str) -> str:
    """Return a clip's name without the ending of a file; a dot may be part of the name."""
    ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def to_scores(found: FoundScores, expected: ExpectedClips, *, stream: str, kind: Kind | None) -> Scores:
    """Return the scores of a file, keyed by clip id and class name.

    Args:
        found: what the file holds.
        expected: the clips and classes that it should be of.
        stream: what the scores are called.
        kind: None: "softmax" where all rows are probabilities, else "logits".

    Raises:
        ScoresError: the file has other clips, labels or numbers of classes.
    """
    of = " ".join(expected.source[key] for key in ("dataset", "protocol") if key in expected.source)
    num_classes = found.values.shape[1]
    if num_classes != len(expected.class_names):
        raise ScoresError(
            f"{found.where}: vectors of {num_classes} scores; expected {len(expected.class_names)}, one for "
            f"each class of {of or 'the list'}. Give the file's own dataset, "
            "protocol or list of classes"
        )
    strangers = [name for name in found.names if bare_name(name) not in expected.id_of]
    if strangers:
        raise ScoresError(
            f"{found.where}: {len(strangers)} of {len(found.names)} clips are not expected, such as "
            f"{strangers[0]!r}; expected names such as {next(iter(expected.id_of), None)!r}. Give the list, "
            "dataset or protocol that the file was made with"
        )
    clip_ids = tuple(expected.id_of[bare_name(name)] for name in found.names)
    _check_labels(found, clip_ids, expected)
    return Scores(
        clip_ids=clip_ids,
        class_names=expected.class_names,
        values=found.values,
        kind=kind or _kind(found.values),
        labels=expected.labels,
        source={**expected.source, "stream": stream, "imported_from": found.where},
        subjects=expected.subjects,
        where=found.where,
    )


def class_of(label: int | str, class_names: Sequence[str], where: str) -> str:
    """Return the class that a file's label means; ScoresError if there is no such."""
    if isinstance(label, str) and label in class_names:
        return label
    if isinstance(label, int) and 0 <= label < len(class_names):
        return class_names[label]
    raise ScoresError(
        f"{where}: label {label!r}; expected a number from 0 to {len(class_names) - 1} or the name of a class"
    )


def _check_labels(found: FoundScores, clip_ids: Sequence[str], expected: ExpectedClips) -> None:
    if found.labels is None:
        return
    for clip_id, label in zip(clip_ids, found.labels, strict=True):
        name = class_of(label, expected.class_names, found.where)
        if name != expected.labels[clip_id]:
            raise ScoresError(
                f"{found.where}: clip {clip_id!r} has the label {name!r}, expected "
                f"{expected.labels[clip_id]!r}; its classes or its names are in another order"
            )


def _kind(values: npt.NDArray[np.float32]) -> Kind:
    # networks in half precision give rows that miss 1 by up to 0.0003
    is_softmax = (values >= 0).all() and np.allclose(values.sum(1, dtype=np.float64), 1, atol=2e-3)
    return "softmax" if is_softmax else "logits"
