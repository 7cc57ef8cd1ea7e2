"""A table of means over seeds per kind of class, and of how far seeds differ, in Markdown."""

from collections.abc import Mapping, Sequence

from scripts.demo_results.cells import markdown, mean_and_spread
from scripts.demo_results.kinds import counts_right, kinds_in_test
from scripts.demo_results.lines import Line


def render_over_seeds(
    dataset: str, header: Sequence[str], found: Mapping[tuple[str, ...], Sequence[Line]]
) -> str:
    """Return percent right per kind of class, of the seeds that are there.

    Args:
        dataset: its name, which says what kinds of classes there are.
        header: of the first columns.
        found: cells of these columns -> a line per seed.

    Raises:
        ValueError: nothing is there yet.
    """
    first = next((line for lines in found.values() for line in lines), None)
    if first is None:
        raise ValueError("no training is finished yet; leave --only-print out to train")
    kinds = kinds_in_test(dataset, first.metrics)
    num_clips = {kind: counts_right(first.metrics, names)[1] for kind, names in kinds.items()}
    rows = [[*header, "seeds", *(f"{kind} ({number} clips)" for kind, number in num_clips.items())]]
    for cells, lines in found.items():
        percents = [mean_and_spread([line.percent(names) for line in lines]) for names in kinds.values()]
        rows.append([*cells, str(len(lines)), *percents])
    return markdown(rows)
