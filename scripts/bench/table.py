"""How benchmarks print, and how they time: medians of sides that take turns."""

import statistics
import time
from collections.abc import Callable, Sequence


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]], *notes: str) -> None:
    """Print a Markdown table with a title above and notes below."""
    print(f"\n### {title}\n")
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")
    for note in notes:
        print(f"\n{note}")


def alternate(repeats: int, *sides: Callable[[], object]) -> list[float]:
    """Time sides in turn, A B A B …; return each one's median seconds. A slow spell hits all sides."""
    seconds: list[list[float]] = [[] for _ in sides]
    for _ in range(repeats):
        for side, times in zip(sides, seconds, strict=True):
            begin = time.perf_counter()
            side()
            times.append(time.perf_counter() - begin)
    return [statistics.median(times) for times in seconds]
