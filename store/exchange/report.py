"""What an export did, and what it owes to the dataset's terms."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.facts import DatasetFacts
from store.table import ClipRow


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many clips were written, and how many were not, by their status."""

    num_written: int
    left_out: Mapping[str, int]

    def line(self) -> str:
        """Return the report in one line."""
        without = ", ".join(f"{count} {status}" for status, count in self.left_out.items())
        return f"{self.num_written} clips written" + (f"; left out: {without}" if without else "")


def left_out(rows: Sequence[ClipRow], written: Sequence[ClipRow]) -> dict[str, int]:
    """Count the clips that were not written by status."""
    kept = {row.entry.id for row in written}
    return dict(Counter(row.outcome.status for row in rows if row.entry.id not in kept).most_common())


def warning_of_terms(dataset: DatasetFacts) -> str | None:
    """Return what must be said before data of this dataset leave the store; None where they may be shared."""
    if dataset.may_share:
        return None
    return (
        f"{dataset.title}: what is exported here may not be passed on without permission. "
        f"Terms: {dataset.terms}"
    )
