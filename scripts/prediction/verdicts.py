"""Scores of videos -> what is said of each: the best classes, or why there are none. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from store.table import FAILED, WITH_DATA, ClipRow
from train.ensemble import Weights
from train.scores import Scores, softmax

NUM_TOP = 5
Unit = Literal["probability", "score"]  # of the numbers that are told
_NOBODY = (
    "nobody was found in {} frames. If somebody is there, the detector does not see them: it was trained on "
    "other people (that of the demo on drawn ones), or they are too small, too dark or too briefly there; "
    "train on a store that another DETECTOR made"
)
_NOT_LOOKED_AT = (
    "somebody was found, but not among the persons that the model looks at; take a checkpoint that was "
    "trained on more persons"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a video.

    Args:
        row: the video, and what extraction found in it.
        top: (class, number), the best first, ``NUM_TOP`` at most; none: ``reason`` says why.
        unit: of the numbers: probabilities in [0, 1], or scores, of which the highest wins.
    """

    row: ClipRow
    top: tuple[tuple[str, float], ...]
    unit: Unit = "probability"

    @property
    def reason(self) -> str:
        """Why there are no classes, or what to know of them; mostly nothing."""
        outcome = self.row.outcome
        if outcome.status == "no_person":
            return _NOBODY.format(outcome.num_frames)
        if outcome.status in WITH_DATA and not self.top:
            return _NOT_LOOKED_AT
        return outcome.reason or ""

    def told(self, number: float) -> str:
        """Return a number of ``top`` for people."""
        return f"{100 * number:.1f} %" if self.unit == "probability" else f"score {number:.2f}"


def judge(rows: Iterable[ClipRow], scores: Scores, weights: Weights) -> list[Verdict]:
    """Return a verdict on each video.

    Args:
        rows: the videos, also those that failed.
        scores: of one model, or the weighted sum of several, of those that have any.
        weights: of the sum; of one model they do not matter.
    """
    numbers, unit = numbers_of(scores, weights)
    of_clip = dict(zip(scores.clip_ids, numbers, strict=True))
    names = scores.class_names
    return [
        Verdict(row, _top(names, of_clip[row.entry.id]) if row.entry.id in of_clip else (), unit)
        for row in rows
    ]


def numbers_of(scores: Scores, weights: Weights) -> tuple[npt.NDArray[np.float64], Unit]:
    """Return (N, K) numbers that rank classes as the scores do, and what they are.

    Of a sum only its proportions matter, so it is divided by its weights: probabilities give their mean,
    logits the softmax of theirs. Logits and probabilities together are neither, and stay a score.

    Args:
        scores: of one model, or the weighted sum of several.
        weights: of the sum; without a kind they are of logits, which is what models give.
    """
    if len(weights) == 1:
        return scores.as_kind("softmax"), "probability"
    values = scores.values.astype(np.float64)
    kinds = {weight.kind or "logits" for weight in weights.values() if weight.value}
    if kinds == {"softmax"}:
        return np.asarray(values / values.sum(-1, keepdims=True)), "probability"
    if kinds == {"logits"}:
        return softmax(values / sum(weight.value for weight in weights.values())), "probability"
    return values, "score"


def render_one(verdict: Verdict) -> str:
    """Return a verdict for a terminal, a line for each class."""
    if not verdict.top:
        return f"no verdict ({verdict.row.outcome.status}): {verdict.reason}"
    width = max(len(name) for name, _ in verdict.top)
    last = max(7, *(len(verdict.told(number)) for _, number in verdict.top))
    lines = [
        f"  {place}  {name:{width}}  {verdict.told(number):>{last}}"
        for place, (name, number) in enumerate(verdict.top, 1)
    ]
    return "\n".join([*lines, *([f"note: {verdict.reason}"] if verdict.reason else [])])


def render_line(verdict: Verdict) -> str:
    """Return a verdict in one line."""
    what = ", ".join(f"{name} {verdict.told(number)}" for name, number in verdict.top[:3])
    return f"{verdict.row.entry.id}: {what or f'no verdict ({verdict.row.outcome.status})'}"


def count_verdicts(verdicts: Sequence[Verdict]) -> str:
    """Return how many videos have a verdict, and what became of the others."""
    without = Counter(str(verdict.row.outcome.status) for verdict in verdicts if not verdict.top)
    others = ", ".join(f"{count} {status}" for status, count in without.most_common())
    told = sum(bool(verdict.top) for verdict in verdicts)
    return f"{len(verdicts)} videos: {told} with a verdict" + (f", {others}" if others else "")


def verdicts_csv(verdicts: Sequence[Verdict]) -> str:
    """Return a table with one row per video; columns of classes are empty where there is no verdict.

    Numbers are in columns ``probability_1`` and so on, or ``score_1`` if that is what they are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    unit = verdicts[0].unit if verdicts else "probability"  # they are told by the same models
    classes = [name for place in range(1, NUM_TOP + 1) for name in (f"class_{place}", f"{unit}_{place}")]
    writer.writerow(["video", "status", *classes, "persons", "frames", "reason"])
    for verdict in verdicts:
        cells = [cell for name, number in verdict.top for cell in (name, f"{number:.6f}")]
        cells += [""] * (len(classes) - len(cells))
        outcome = verdict.row.outcome
        found = [outcome.num_persons, outcome.num_frames]
        writer.writerow([verdict.row.entry.id, outcome.status, *cells, *found, verdict.reason])
    return text.getvalue()


def num_failed(verdicts: Iterable[Verdict]) -> int:
    """Return how many videos could not be extracted."""
    return sum(verdict.row.outcome.status in FAILED for verdict in verdicts)


def _top(names: Sequence[str], numbers: npt.NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    places = np.argsort(-numbers, kind="stable")[:NUM_TOP]
    return tuple((names[place], float(numbers[place])) for place in places)
