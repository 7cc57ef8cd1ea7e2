"""HP-Net's tables in Markdown from the folders of their trainings; what is not finished is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_results.cells import markdown, mean_and_spread
from scripts.demo_results.hpnet_lines import DETECTED, FUSIONS, HARD, STREAMS, Training
from scripts.demo_results.lines import Line, compare
from scripts.demo_results.over_seeds import render_over_seeds
from train.metrics import measure
from train.run_folder import SCORES
from train.scores import Scores, ScoresError, load_scores

ON_HARD = "on-hard.npz"
WHOLE_FRAME = "-whole-frame"


@dataclass(frozen=True, slots=True)
class Runs:
    """The folders of all trainings.

    Args:
        out: where they are.
        seeds: of each training.
    """

    out: Path
    seeds: Sequence[int]

    def folder(self, training: Training, seed: int, suffix: str = "") -> Path:
        """Return where a training is kept; of another store with a suffix."""
        return self.out / f"{training.name}{suffix}-seed{seed}"

    def scores(self, training: Training, *, suffix: str = "", file: str = SCORES) -> dict[int, Scores]:
        """Return the scores of the seeds that are finished."""
        paths = {seed: self.folder(training, seed, suffix) / file for seed in self.seeds}
        return {seed: load_scores(path) for seed, path in paths.items() if path.exists()}

    def percents(self, training: Training, *, suffix: str = "", file: str = SCORES) -> list[float]:
        """Return how many percent of the test clips are right, by seed."""
        return [_percent(scores) for scores in self.scores(training, suffix=suffix, file=file).values()]


def fusion_table(dataset: str, runs: Runs) -> str:
    """Return Table XII, by kind of class."""
    lines = {one.title: [_line({one.name: part}) for part in runs.scores(one).values()] for one in FUSIONS}
    return _by_kind(dataset, "network", lines)


def detector_table(dataset: str, runs: Runs) -> str:
    """Return Table XIII."""
    rows = [["network", "seeds", "whole frame", "detector"]]
    for one in DETECTED:
        rows.append(_row(one.title, runs.percents(one, suffix=WHOLE_FRAME), runs.percents(one)))
    return markdown(rows)


def hard_table(dataset: str, runs: Runs) -> str:
    """Return Table XV, of the clips that are tested on both kinds of videos, by seeds that have both.

    Raises:
        ScoresError: there is no such clip.
    """
    rows, numbers = [], set[int]()
    for one in HARD:
        normal, hard = runs.scores(one), runs.scores(one, file=ON_HARD)
        pairs = [_of_the_same_clips(normal[seed], hard[seed]) for seed in sorted(normal.keys() & hard.keys())]
        numbers |= {len(scores.labels) for pair in pairs for scores in pair}
        rows.append(_row(one.title, *([_percent(pair[side]) for pair in pairs] for side in (0, 1))))
    clips = f" ({' to '.join(map(str, sorted(numbers)))} clips)" if numbers else ""
    return markdown([["network", "seeds", f"normal{clips}", f"hard to see{clips}"], *rows])


def stream_table(dataset: str, runs: Runs) -> str:
    """Return Table XVII, by kind of class: the streams, and which of them together."""
    scores = {one.name: runs.scores(one) for one in STREAMS}
    names = list(scores)
    hpnet = names[-1]
    together = [["hpj", hpnet], ["hpb", hpnet], ["hpj", "hpb"], ["hpj", "hpb", hpnet], names[:-1], names]
    lines = {}
    for line in [*([name] for name in names), *together]:
        seeds = set.intersection(*(set(scores[name]) for name in line))
        lines["+".join(line)] = [_line({name: scores[name][seed] for name in line}) for seed in sorted(seeds)]
    return _by_kind(dataset, "streams", lines)


def _by_kind(dataset: str, header: str, lines: Mapping[str, Sequence[Line]]) -> str:
    if not any(lines.values()):
        return "No training is finished yet."
    return render_over_seeds(dataset, (header,), {(title,): parts for title, parts in lines.items()})


def _line(streams: Mapping[str, Scores]) -> Line:
    return compare(streams)[-1]


def _row(title: str, *columns: Sequence[float]) -> list[str]:
    counts = sorted({len(percents) for percents in columns})
    return [title, " to ".join(map(str, counts)), *map(mean_and_spread, columns)]


def _of_the_same_clips(normal: Scores, hard: Scores) -> tuple[Scores, Scores]:
    both = normal.labels.keys() & hard.labels.keys()
    if not both:
        raise ScoresError(
            f"{hard.where}: none of its {len(hard.labels)} test clips is one of the {len(normal.labels)} of "
            f"{normal.where}; expected the same ones, hard to see. Give such a --hard-store"
        )
    return normal.of(both), hard.of(both)


def _percent(scores: Scores) -> float:
    return 100 * measure(scores).top1
