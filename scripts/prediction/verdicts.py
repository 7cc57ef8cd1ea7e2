"""Scores of videos -> what is said of each: the most probable classes, or why there are none. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from store.table import FAILED, WITH_DATA, ClipRow
from train.ensemble import Weights
from train.scores import Scores

NUM_TOP = 5
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
        top: (class, probability), most probable first, ``NUM_TOP`` at most; none: ``reason`` says why.
    """

    row: ClipRow
    top: tuple[tuple[str, float], ...]

    @property
    def reason(self) -> str:
        """Why there are no classes, or what to know of them; mostly nothing."""
        outcome = self.row.outcome
        if outcome.status == "no_person":
            return _NOBODY.format(outcome.num_frames)
        if outcome.status in WITH_DATA and not self.top:
            return _NOT_LOOKED_AT
        return outcome.reason or ""


def judge(rows: Iterable[ClipRow], scores: Scores, weights: Weights) -> list[Verdict]:
    """Return a verdict on each video.

    Args:
        rows: the videos, also those that failed.
        scores: of one model, or the weighted sum of several, of those that have any.
        weights: of the sum; of one model they do not matter.
    """
    shares = dict(zip(scores.clip_ids, probabilities(scores, weights), strict=True))
    names = scores.class_names
    return [Verdict(row, _top(names, shares[row.entry.id]) if row.entry.id in shares else ()) for row in rows]


def probabilities(scores: Scores, weights: Weights) -> npt.NDArray[np.float64]:
    """Return (N, K) probabilities; a weighted sum of probabilities only needs dividing by its weights."""
    is_sum = len(weights) > 1
    if is_sum and all(weight.kind == "softmax" for weight in weights.values()):
        values = scores.values.astype(np.float64)
        return np.asarray(values / values.sum(-1, keepdims=True))
    return scores.as_kind("softmax")


def render_one(verdict: Verdict) -> str:
    """Return a verdict for a terminal, a line for each class."""
    if not verdict.top:
        return f"no verdict ({verdict.row.outcome.status}): {verdict.reason}"
    width = max(len(name) for name, _ in verdict.top)
    lines = [
        f"  {place}  {name:{width}}  {percent(share):>7}"
        for place, (name, share) in enumerate(verdict.top, 1)
    ]
    return "\n".join([*lines, *([f"note: {verdict.reason}"] if verdict.reason else [])])


def render_line(verdict: Verdict) -> str:
    """Return a verdict in one line."""
    what = ", ".join(f"{name} {percent(share)}" for name, share in verdict.top[:3])
    return f"{verdict.row.entry.id}: {what or f'no verdict ({verdict.row.outcome.status})'}"


def count_verdicts(verdicts: Sequence[Verdict]) -> str:
    """Return how many videos have a verdict, and what became of the others."""
    without = Counter(str(verdict.row.outcome.status) for verdict in verdicts if not verdict.top)
    others = ", ".join(f"{count} {status}" for status, count in without.most_common())
    told = sum(bool(verdict.top) for verdict in verdicts)
    return f"{len(verdicts)} videos: {told} with a verdict" + (f", {others}" if others else "")


def verdicts_csv(verdicts: Sequence[Verdict]) -> str:
    """Return a table with one row per video; columns of classes are empty where there is no verdict."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    classes = [name for place in range(1, NUM_TOP + 1) for name in (f"class_{place}", f"probability_{place}")]
    writer.writerow(["video", "status", *classes, "persons", "frames", "reason"])
    for verdict in verdicts:
        cells = [cell for name, share in verdict.top for cell in (name, f"{share:.6f}")]
        cells += [""] * (len(classes) - len(cells))
        outcome = verdict.row.outcome
        found = [outcome.num_persons, outcome.num_frames]
        writer.writerow([verdict.row.entry.id, outcome.status, *cells, *found, verdict.reason])
    return text.getvalue()


def num_failed(verdicts: Iterable[Verdict]) -> int:
    """Return how many videos could not be extracted."""
    return sum(verdict.row.outcome.status in FAILED for verdict in verdicts)


def percent(share: float) -> str:
    """Return a probability for people."""
    return f"{100 * share:.1f} %"


def _top(names: Sequence[str], shares: npt.NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    places = np.argsort(-shares, kind="stable")[:NUM_TOP]
    return tuple((names[place], float(shares[place])) for place in places)
