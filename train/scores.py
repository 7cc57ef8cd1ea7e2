"""Scores of clips, keyed by clip id and class name, and the files that hold them.

A file is an ``.npz`` that numpy alone opens: ``values`` (N, K), ``clip_ids`` (N), ``class_names`` (K), the
expected clips with their labels, and ``header``, a JSON text.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from store.durable import make_folder, write_file

Kind = Literal["logits", "softmax"]
KINDS: tuple[Kind, ...] = ("logits", "softmax")
TRAINED_ALREADY = "tested_training_clips"  # in a source: how many test clips trained the model; none: unknown
_FORMAT = "heatpool scores 1"
_LEAST = float(np.finfo(np.float32).tiny)  # a probability's least logarithm is about -87


class ScoresError(ValueError):
    """Scores that mean nothing, or do not fit each other; says what was found and what to do next."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one model, or a fusion of several, says of clips.

    Args:
        clip_ids: of the N rows.
        class_names: of the K columns.
        values: (N, K) float32, finite.
        kind: "softmax": rows are probabilities; "logits": anything else of which the largest wins.
        labels: clip id -> class name of every expected clip, also of those without a row.
        source: what made them ("dataset", "protocol", "stream", ...); JSON values.
        subjects: clip id -> subject, of clips of which it is known.
        where: the file, for messages.

    Raises:
        ScoresError: shapes, names or values are wrong.
    """

    clip_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    values: npt.NDArray[np.float32]
    kind: Kind
    labels: Mapping[str, str]
    source: Mapping[str, object] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    where: str = "scores"

    def __post_init__(self) -> None:
        expected = (len(self.clip_ids), len(self.class_names))
        if self.values.shape != expected:
            raise ScoresError(
                f"{self.where}: scores {self.values.shape}; expected {expected}, a row for each clip and a "
                "column for each class"
            )
        if self.kind not in KINDS:
            raise ScoresError(f"{self.where}: scores of kind {self.kind!r}; expected {' or '.join(KINDS)}")
        for what, names in (("clip", self.clip_ids), ("class", self.class_names)):
            if len(set(names)) < len(names):
                twice = next(name for place, name in enumerate(names) if name in names[:place])
                raise ScoresError(f"{self.where}: {what} {twice!r} is there twice; expected it once")
        strange = sorted(set(self.labels.values()) - set(self.class_names))
        if strange:
            raise ScoresError(
                f"{self.where}: clips are of class {strange[0]!r}, which has no column; the columns are "
                f"{', '.join(self.class_names)}. Leave such clips out of the expected ones"
            )
        finite = np.isfinite(self.values).all(1)
        if not finite.all():
            bad = self.clip_ids[int(np.argmin(finite))]
            raise ScoresError(
                f"{self.where}: clip {bad!r} and {int((~finite).sum()) - 1} others have scores that are no "
                "numbers (nan or inf); leave such clips out, then they count as wrong"
            )

    def as_kind(self, kind: Kind) -> npt.NDArray[np.float64]:
        """Return the values as probabilities, or as logits (of a softmax: logarithms)."""
        values = self.values.astype(np.float64)
        if kind == self.kind:
            return values
        return softmax(values) if kind == "softmax" else np.log(np.maximum(values, _LEAST))

    def of(self, clip_ids: Iterable[str]) -> "Scores":
        """Return the scores when only these clips are expected, and have rows."""
        wanted = set(clip_ids)
        places = [place for place, clip_id in enumerate(self.clip_ids) if clip_id in wanted]
        return replace(
            self,
            clip_ids=tuple(self.clip_ids[place] for place in places),
            values=self.values[places],
            labels={clip_id: label for clip_id, label in self.labels.items() if clip_id in wanted},
        )


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the softmax along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    result: npt.NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return result


def save_scores(path: Path, scores: Scores) -> None:
    """Write a score file, whole or not at all; the same scores give the same bytes.

    Raises:
        StoreDiskError: the disk is full.
    """
    expected = list(scores.labels)
    header = {"format": _FORMAT, "kind": scores.kind, "source": dict(scores.source)}
    content = io.BytesIO()
    np.savez_compressed(
        content,
        values=scores.values.astype(np.float32),
        clip_ids=_texts(scores.clip_ids),
        class_names=_texts(scores.class_names),
        expected_ids=_texts(expected),
        expected_labels=_texts(scores.labels.values()),
        expected_subjects=_texts(scores.subjects.get(clip_id, "") for clip_id in expected),
        header=np.array(json.dumps(header, ensure_ascii=False)),
    )
    make_folder(path.parent)
    write_file(path, content.getvalue())


def load_scores(path: Path) -> Scores:
    """Read a score file.

    Raises:
        ScoresError: it is none, or damaged.
        OSError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(str(arrays["header"]))
            if header["format"] != _FORMAT:
                raise ScoresError(f"{path}: {header['format']!r}; expected {_FORMAT!r}: update Heatpool")
            expected = [str(clip_id) for clip_id in arrays["expected_ids"]]
            subjects = zip(expected, map(str, arrays["expected_subjects"]), strict=True)
            return Scores(
                clip_ids=tuple(map(str, arrays["clip_ids"])),
                class_names=tuple(map(str, arrays["class_names"])),
                values=arrays["values"],
                kind=header["kind"],
                labels=dict(zip(expected, map(str, arrays["expected_labels"]), strict=True)),
                source=header["source"],
                subjects={clip_id: subject for clip_id, subject in subjects if subject},
                where=str(path),
            )
    except ScoresError:
        raise
    # np.load itself raises AttributeError for a plain .npy, which is no context
    except (KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ScoresError(
            f"{path}: no score file of Heatpool ({error}); `make import-scores` reads those of others"
        ) from error


def _texts(names: Iterable[str]) -> npt.NDArray[np.str_]:
    return np.array(list(names), dtype=np.str_)
