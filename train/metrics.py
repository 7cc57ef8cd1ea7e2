"""How right scores are. Pure; a clip without scores counts as wrong."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.scores import Scores, ScoresError


@dataclass(frozen=True, slots=True, eq=False)
class Metrics:
    """How right scores are, over all expected clips; shares are in [0, 1].

    Args:
        class_names: K classes.
        num_expected: clips that should have scores; num_scored: those that have.
        num_unexpected: rows of clips that nobody expected, which were left out.
        top1, top5: share of the expected clips whose class is the first, or among the first five.
        mean_class: mean over the classes with expected clips of their own top-1.
        class_expected: (K,) expected clips of each class.
        confusion: (K, K) clips with scores; rows are what they are, columns what the scores say.
    """

    class_names: tuple[str, ...]
    num_expected: int
    num_scored: int
    num_unexpected: int
    top1: float
    top5: float
    mean_class: float
    class_expected: npt.NDArray[np.int64]
    confusion: npt.NDArray[np.int64]

    @property
    def num_wrong(self) -> int:
        """Expected clips of which the first class is another, or which have no scores."""
        return self.num_expected - int(np.trace(self.confusion))

    @property
    def class_missing(self) -> npt.NDArray[np.int64]:
        """(K,) expected clips of each class without scores."""
        missing: npt.NDArray[np.int64] = self.class_expected - self.confusion.sum(1)
        return missing

    @property
    def class_top1(self) -> npt.NDArray[np.float64]:
        """(K,) share of each class's clips that are right; nan where none is expected."""
        with np.errstate(invalid="ignore"):
            shares: npt.NDArray[np.float64] = np.diag(self.confusion) / self.class_expected
        return shares


def measure(scores: Scores, *, missing_is_wrong: bool = True) -> Metrics:
    """Compare scores with the labels of the expected clips.

    Of equal scores the class that comes first wins. Otherwise than with ``missing_is_wrong``, clips without
    scores are not expected.

    Raises:
        ScoresError: none of the expected clips has scores, or none is expected.
    """
    place_of = {name: place for place, name in enumerate(scores.class_names)}
    rows = [row for row, clip_id in enumerate(scores.clip_ids) if clip_id in scores.labels]
    if not rows:
        example = next(iter(scores.labels), None)
        raise ScoresError(
            f"{scores.where}: none of its {len(scores.clip_ids)} clips is among the {len(scores.labels)} "
            f"expected ones, such as {example!r}; the scores are of another split or dataset"
        )
    truth = np.array([place_of[scores.labels[scores.clip_ids[row]]] for row in rows])
    values = scores.values[rows]
    num_classes = len(place_of)
    confusion = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(confusion, (truth, values.argmax(1)), 1)
    if missing_is_wrong:
        labels = np.array([place_of[label] for label in scores.labels.values()])
        expected = np.bincount(labels, minlength=num_classes).astype(np.int64)
    else:
        expected = confusion.sum(1)
    total = int(expected.sum())
    is_there = expected > 0
    return Metrics(
        class_names=scores.class_names,
        num_expected=total,
        num_scored=len(rows),
        num_unexpected=len(scores.clip_ids) - len(rows),
        top1=float(np.trace(confusion)) / total,
        top5=int((_ranks(values, truth) < 5).sum()) / total,
        mean_class=float((np.diag(confusion)[is_there] / expected[is_there]).mean()),
        class_expected=expected,
        confusion=confusion,
    )


def _ranks(values: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many classes come before the true one, (N,); of equal scores the first comes first."""
    own = np.take_along_axis(values, truth[:, None], 1)
    is_before = np.arange(values.shape[1]) < truth[:, None]
    ranks: npt.NDArray[np.int64] = ((values > own) | ((values == own) & is_before)).sum(1)
    return ranks
