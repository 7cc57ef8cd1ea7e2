"""Cells of Markdown tables over seeds. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev


def mean_and_spread(percents: Sequence[float]) -> str:
    """Return the mean and, of several, after the sign their standard deviation; of none a dash."""
    if not percents:
        return "-"
    spread = f" ± {stdev(percents):.1f}" if len(percents) > 1 else ""
    return f"{mean(percents):.1f}{spread}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first row is its header."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
