"""Weighted sums of several streams' scores, joined by clip id and class name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.scores import KINDS, TRAINED_ALREADY, Kind, Scores, ScoresError


@dataclass(frozen=True, slots=True)
class Weight:
    """What a stream counts in a fusion.

    Args:
        value: its factor, at least 0.
        kind: what is multiplied: "logits" or "softmax"; None: the scores as they are.
    """

    value: float
    kind: Kind | None = None

    def __str__(self) -> str:
        return f"{self.value:.4g}" + (f" {self.kind}" if self.kind else "")


Weights = Mapping[str, Weight]  # stream -> weight

# The published weight of HP-Net's softmax beside 0.1 of the other streams' logits, tuned by its authors on
# the test clips. Source: HP-Net's release, the script that joins scores (one in code, others in comments).
_PUBLISHED_HPNET = {
    "ntu60/xsub": 4.0,
    "ntu60/xview": 3.0,
    "ntu120/xsub": 6.0,
    "ntu120/xset": 6.0,
    "smarthome/cs": 11.0,
    "smarthome/cv1": 4.0,
    "smarthome/cv2": 8.0,
}
PUBLISHED: Mapping[str, Weights] = {
    benchmark: {name: Weight(0.1, "logits") for name in ("hpj", "hpb", "hpjm", "hpbm")}
    | {"hpnet": Weight(weight, "softmax")}
    for benchmark, weight in _PUBLISHED_HPNET.items()
}


def equal_weights(streams: Sequence[str]) -> Weights:
    """Return the weights when nothing is known of the streams: the mean of their probabilities."""
    return {stream: Weight(1 / len(streams), "softmax") for stream in streams}


def parse_weights(words: Sequence[str]) -> Weights:
    """Read weights such as ``hpj=0.1`` or ``hpj:softmax=0.1``.

    Raises:
        ScoresError: a word is none.
    """
    weights: dict[str, Weight] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        stream, _, kind = name.partition(":")
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not equals or not stream or stream in weights or not 0 <= value < np.inf:
            raise ScoresError(
                f"{word!r} is no weight, or a second one; expected each stream once with a number from 0 on, "
                "such as hpj=0.1 or hpj:softmax=0.1"
            )
        if kind and kind not in KINDS:
            raise ScoresError(f"{word!r}: unknown kind {kind!r}; expected {' or '.join(KINDS)}")
        weights[stream] = Weight(value, next((known for known in KINDS if known == kind), None))
    return weights


def align(parts: Mapping[str, Scores]) -> tuple[tuple[str, ...], dict[str, Scores]]:
    """Return the clips that all streams have, and the streams with the rows and columns of the first.

    Raises:
        ScoresError: they are of other classes, or expect other clips or labels.
    """
    first = next(iter(parts.values()))
    for other in parts.values():
        _check_same("classes", set(first.class_names), set(other.class_names), first, other)
        _check_same("expected clips", set(first.labels), set(other.labels), first, other)
        differing = [clip_id for clip_id, label in first.labels.items() if other.labels[clip_id] != label]
        if differing:
            clip_id = differing[0]
            raise ScoresError(
                f"{first.where} and {other.where} differ in the labels of {len(differing)} clips: "
                f"{clip_id!r} is {first.labels[clip_id]!r} in one and {other.labels[clip_id]!r} in the other"
            )
    common = set.intersection(*(set(part.clip_ids) for part in parts.values()))
    clip_ids = tuple(clip_id for clip_id in first.clip_ids if clip_id in common)
    return clip_ids, {stream: _ordered(part, clip_ids, first.class_names) for stream, part in parts.items()}


def fuse(parts: Mapping[str, Scores], weights: Weights) -> Scores:
    """Sum the streams' scores, each with its weight. A clip that one of them lacks gets no scores.

    Args:
        parts: stream -> scores; at least one. One alone stays as it is.
        weights: of all streams in ``parts``; more are not looked at.

    Raises:
        ScoresError: the streams do not fit each other, or one has no weight.
    """
    clip_ids, aligned = align(parts)
    first = next(iter(aligned.values()))
    if len(aligned) == 1:
        return first
    without = [stream for stream in aligned if stream not in weights]
    if without:
        raise ScoresError(f"no weight for {', '.join(without)}; there are weights for {', '.join(weights)}")
    total: npt.NDArray[np.float64] = sum(
        (
            weights[stream].value * part.as_kind(weights[stream].kind or part.kind)
            for stream, part in aligned.items()
        ),
        np.zeros(first.values.shape),
    )
    source = {key: first.source[key] for key in ("dataset", "protocol", "metric") if key in first.source}
    source |= {"stream": "+".join(aligned), "weights": {name: str(weights[name]) for name in aligned}}
    counts = [part.source[TRAINED_ALREADY] for part in aligned.values() if TRAINED_ALREADY in part.source]
    known = [count for count in counts if isinstance(count, int)]
    if counts:  # streams mostly share their training clips, so no sum: at least as many as of the worst
        source[TRAINED_ALREADY] = max(known) if any(known) or len(known) == len(aligned) else None
    return Scores(
        clip_ids=clip_ids,
        class_names=first.class_names,
        values=total.astype(np.float32),
        kind="logits",
        labels=first.labels,
        source=source,
        subjects=first.subjects,
        where=" + ".join(part.where for part in aligned.values()),
    )


def _ordered(part: Scores, clip_ids: tuple[str, ...], class_names: tuple[str, ...]) -> Scores:
    row_of = {clip_id: row for row, clip_id in enumerate(part.clip_ids)}
    columns = [part.class_names.index(name) for name in class_names]
    rows = [row_of[clip_id] for clip_id in clip_ids]
    return Scores(
        clip_ids,
        class_names,
        part.values[rows][:, columns],
        part.kind,
        part.labels,
        part.source,
        part.subjects,
        part.where,
    )


def _check_same(what: str, ours: set[str], theirs: set[str], first: Scores, other: Scores) -> None:
    if ours == theirs:
        return
    sides = [
        f"only {scores.where} has {len(extra)}, such as {min(extra)!r}"
        for scores, extra in ((first, ours - theirs), (other, theirs - ours))
        if extra
    ]
    raise ScoresError(
        f"{first.where} and {other.where} have other {what} ({len(ours)} and {len(theirs)}): "
        f"{'; '.join(sides)}. Join scores of one dataset, protocol and split"
    )
