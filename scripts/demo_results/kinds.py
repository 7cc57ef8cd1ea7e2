"""Kinds of classes, and how right scores are of each. Pure."""

from collections.abc import Mapping, Sequence

from extract.datasets.demo import DEMO, LOOK_ALIKE, TOLD_BY
from train.metrics import Metrics

Kinds = Mapping[str, Sequence[str]]  # kind -> its classes


def class_kinds(dataset: str, class_names: Sequence[str]) -> Kinds:
    """Return which classes are averaged together: all, and for the demo what tells them apart."""
    kinds: dict[str, Sequence[str]] = {"all": tuple(class_names)}
    if dataset.startswith(DEMO.name):
        for kind, names in TOLD_BY.items():
            kinds[f"by {kind}"] = tuple(name for name in class_names if name in names)
    return {kind: names for kind, names in kinds.items() if names}


def kinds_in_test(dataset: str, metrics: Metrics) -> Kinds:
    """Return the same of the classes of which there are test clips."""
    classes = zip(metrics.class_names, metrics.class_expected, strict=True)
    return class_kinds(dataset, [name for name, expected in classes if expected])


def counts_right(metrics: Metrics, class_names: Sequence[str]) -> tuple[int, int]:
    """Return how many expected clips of some classes are right, and how many there are."""
    places = [metrics.class_names.index(name) for name in class_names]
    return int(metrics.confusion[places, places].sum()), int(metrics.class_expected[places].sum())


def movement_only(class_names: Sequence[str]) -> float | None:
    """Return the share of clips that is right if the movement is known and the object guessed.

    Of as many clips of each class; None where the movement alone tells some of the classes.
    """
    size_of = {name: len(names) for names in LOOK_ALIKE for name in names}
    if not set(class_names) <= size_of.keys():
        return None
    return sum(1 / size_of[name] for name in class_names) / len(class_names)
