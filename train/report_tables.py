"""Metrics as text for people and as CSV for programs; shares are printed in percent."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from train.metrics import Metrics

_LONGEST_NAME = 34  # of a class in a text table


def render_rows(rows: Mapping[str, Metrics]) -> str:
    """Return one line per name: top-1, top-5, mean of the classes, wrong clips."""
    width = max(map(len, rows))
    lines = [f"{'':{width}}   top-1   top-5  mean class  wrong  scored"]
    for name, metrics in rows.items():
        lines.append(
            f"{name:{width}}  {100 * metrics.top1:6.2f}  {100 * metrics.top5:6.2f}  "
            f"{100 * metrics.mean_class:10.2f}  {metrics.num_wrong:5}  "
            f"{metrics.num_scored} of {metrics.num_expected}"
        )
    return "\n".join(lines)


def render_classes(metrics: Metrics) -> str:
    """Return one line per class: how many are right, and what the others are most often taken for."""
    names = [_shortened(name) for name in metrics.class_names]
    width = max(map(len, names))
    lines = [f"{'':{width}}   clips   right    top-1  missing  most often taken for"]
    for place, name in enumerate(names):
        expected, right = metrics.class_expected[place], metrics.confusion[place, place]
        share = f"{100 * right / expected:8.2f}" if expected else "       -"
        others = metrics.confusion[place].copy()
        others[place] = 0
        worst = int(others.argmax())
        taken_for = f"{names[worst]} ({others[worst]})" if others[worst] else "-"
        missing = metrics.class_missing[place]
        lines.append(f"{name:{width}}  {expected:6}  {right:6} {share}  {missing:7}  {taken_for}")
    return "\n".join(lines)


def rows_csv(rows: Mapping[str, Metrics], weights: Mapping[str, str]) -> str:
    """Return the same as ``render_rows`` as CSV, with each row's weights in words."""
    header = [
        "name", "top1_percent", "top5_percent", "mean_class_percent", "wrong", "scored", "expected", "weights"
    ]  # fmt: skip
    return _csv(
        header,
        [
            [
                name,
                *(f"{100 * share:.4f}" for share in (metrics.top1, metrics.top5, metrics.mean_class)),
                metrics.num_wrong,
                metrics.num_scored,
                metrics.num_expected,
                weights.get(name, ""),
            ]
            for name, metrics in rows.items()
        ],
    )


def classes_csv(metrics: Metrics) -> str:
    """Return a line per class: expected, missing, right, top-1 in percent (empty without clips)."""
    shares = ["" if np.isnan(share) else f"{100 * share:.4f}" for share in metrics.class_top1]
    columns = zip(
        metrics.class_names,
        metrics.class_expected,
        metrics.class_missing,
        np.diag(metrics.confusion),
        shares,
        strict=True,
    )
    return _csv(["class", "expected", "missing", "right", "top1_percent"], columns)


def confusion_csv(metrics: Metrics) -> str:
    """Return the clips of each class (lines) by the class that the scores say (columns), and the missing."""
    lines = zip(metrics.class_names, metrics.confusion, metrics.class_missing, strict=True)
    return _csv(
        ["class", *metrics.class_names, "(no scores)"],
        [[name, *counts, missing] for name, counts, missing in lines],
    )


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
