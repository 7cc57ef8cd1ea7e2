"""HP-Net's tables from the folders of their trainings: header and rows; what is not finished is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_results.cells import mean_and_spread
from scripts.demo_results.hpnet_lines import DETECTED, FUSIONS, HARD, STREAMS, Training
from train.ensemble import equal_weights, fuse
from train.metrics import measure
from train.run_folder import SCORES
from train.scores import Scores, load_scores

ON_HARD = "on-hard.npz"
WHOLE_FRAME = "-whole-frame"
Rows = list[list[str]]


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


def fusion_rows(runs: Runs) -> Rows:
    """Return Table XII's rows."""
    return [["network", "seeds", "top-1"], *(_row(one.title, runs.percents(one)) for one in FUSIONS)]


def detector_rows(runs: Runs) -> Rows:
    """Return Table XIII's rows."""
    rows = [["network", "seeds", "whole frame", "detector"]]
    for one in DETECTED:
        rows.append(_row(one.title, runs.percents(one, suffix=WHOLE_FRAME), runs.percents(one)))
    return rows


def hard_rows(runs: Runs) -> Rows:
    """Return Table XV's rows."""
    rows = [["network", "seeds", "normal", "hard to see"]]
    return rows + [_row(one.title, runs.percents(one), runs.percents(one, file=ON_HARD)) for one in HARD]


def stream_rows(runs: Runs) -> Rows:
    """Return Table XVII's rows: the streams, and which of them together."""
    scores = {one.name: runs.scores(one) for one in STREAMS}
    names = list(scores)
    hpnet = names[-1]
    pairs = [["hpj", hpnet], ["hpb", hpnet], ["hpj", "hpb"], ["hpj", "hpb", hpnet]]
    rows = [["streams", "seeds", "top-1"]]
    for line in [*([name] for name in names), *pairs, names]:
        seeds = set.intersection(*(set(scores[name]) for name in line))
        fused = [_fused({name: scores[name][seed] for name in line}) for seed in sorted(seeds)]
        rows.append(_row("+".join(line), [_percent(one) for one in fused]))
    return rows


def _row(title: str, *columns: Sequence[float]) -> list[str]:
    counts = sorted({len(percents) for percents in columns})
    return [title, " to ".join(map(str, counts)), *map(mean_and_spread, columns)]


def _fused(streams: Mapping[str, Scores]) -> Scores:
    return fuse(streams, equal_weights(list(streams)))


def _percent(scores: Scores) -> float:
    return 100 * measure(scores).top1
