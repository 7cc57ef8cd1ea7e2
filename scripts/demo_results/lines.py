"""The lines of a comparison: scores of a stream or of several, and how right they are of each kind."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.demo_results.kinds import Kinds, counts_right, movement_only
from train.ensemble import equal_weights, fuse
from train.metrics import Metrics, measure
from train.scores import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What is compared.

    Args:
        name: the stream, or streams with + between.
        scores: of the test clips.
        metrics: of the scores; a clip without is wrong.
    """

    name: str
    scores: Scores
    metrics: Metrics

    def percent(self, class_names: Sequence[str]) -> float:
        """Return how many of the test clips of some classes are right."""
        right, expected = counts_right(self.metrics, class_names)
        return 100 * right / expected


def compare(streams: Mapping[str, Scores]) -> list[Line]:
    """Return a line for each stream, and one for all together, each stream's probabilities counting alike."""
    names = list(streams)
    fused = fuse(streams, equal_weights(names))
    parts = [*streams.items(), ("+".join(names), fused)]
    return [Line(name, scores, measure(scores)) for name, scores in parts]


def table_of(lines: Sequence[Line], kinds: Kinds) -> list[list[str]]:
    """Return the table's header and rows: how many clips there are, what luck gives, what each line gives."""
    metrics = lines[0].metrics
    guesses = {kind: movement_only(names) for kind, names in kinds.items()}
    rows = [
        ["percent right", *kinds],
        ["test clips", *(str(counts_right(metrics, names)[1]) for names in kinds.values())],
        ["chance", *[f"{100 / len(metrics.class_names):.1f}"] * len(kinds)],
    ]
    if any(guess is not None for guess in guesses.values()):
        cells = ["-" if guess is None else f"{100 * guess:.1f}" for guess in guesses.values()]
        rows.append(["movement known, object guessed", *cells])
    return rows + [[line.name, *(f"{line.percent(names):.1f}" for names in kinds.values())] for line in lines]


def render_table(rows: Sequence[Sequence[str]]) -> str:
    """Return the table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{row[0]:{widths[0]}}"
        + "".join(f"{cell:>{width + 4}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )


def table_csv(rows: Sequence[Sequence[str]]) -> str:
    """Return the table for programs."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
