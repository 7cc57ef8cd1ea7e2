"""Weights of an ensemble from clips whose results are not reported."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from train.ensemble import Weight, Weights, align
from train.scores import Scores, ScoresError, softmax

_PULL = 1e-4  # towards 0, per squared weight: a finite answer where the streams are never wrong
_MAX_STEPS = 100


def fit_clips(scores: Scores, wish: str) -> tuple[frozenset[str], str]:
    """Choose the clips that weights are fitted on; the others are reported.

    Args:
        scores: their expected clips are divided.
        wish: "half" or "half:SEED" (half of the clips of each class, drawn), "subjects:2,10", or a file with
            one clip id per line.

    Returns:
        The clips, and how they were chosen, in words.

    Raises:
        ScoresError: no clip is left on one side, or the wish is none.
    """
    known = scores.labels
    how, _, rest = wish.partition(":")
    if how == "half" and (not rest or rest.isdecimal()):
        seed = int(rest or 0)
        chosen, words = _half(known, seed), f"half of each class, seed {seed}"
    elif how == "subjects":
        wanted = set(rest.split(","))
        strange = sorted(wanted - set(scores.subjects.values()))
        if strange:
            there = ", ".join(sorted(set(scores.subjects.values()))) or "none"
            raise ScoresError(f"{scores.where}: no clips of subject {strange[0]!r}; its subjects are {there}")
        chosen = {clip_id for clip_id in known if scores.subjects.get(clip_id) in wanted}
        words = f"subjects {rest}"
    elif Path(wish).is_file():
        listed = set(filter(None, map(str.strip, Path(wish).read_text(encoding="utf-8").splitlines())))
        strange = sorted(listed - known.keys())
        if strange:
            raise ScoresError(
                f"{wish} names {len(strange)} clips that are not expected, such as {strange[0]!r}; "
                f"expected ids such as {next(iter(known))!r}"
            )
        chosen, words = listed, f"those in {wish}"
    else:
        raise ScoresError(f"{wish!r}: no such file; expected half, half:SEED, subjects:2,10 or a file of ids")
    if not chosen or len(chosen) == len(known):
        raise ScoresError(
            f"{wish!r} chooses {len(chosen)} of {len(known)} clips; weights need clips to be fitted on, and "
            "others to be reported"
        )
    return frozenset(chosen), words


def check_apart(for_fit: Mapping[str, Scores], reported: Mapping[str, Scores]) -> str:
    """Check that scores to fit on are of every reported stream, and of none of the reported clips.

    Returns:
        How many clips they are, and of which files, in words.

    Raises:
        ScoresError: a stream lacks, or a clip is on both sides.
    """
    missing = [name for name in reported if name not in for_fit]
    if missing:
        raise ScoresError(
            f"no scores to fit on for {', '.join(missing)}; there are those of {', '.join(for_fit)}. Name "
            "files alike: name=file"
        )
    expected = {clip_id for scores in reported.values() for clip_id in scores.labels}
    for scores in for_fit.values():
        if both := sorted(expected & scores.labels.keys()):
            raise ScoresError(
                f"{scores.where}: {len(both)} of its {len(scores.labels)} clips are reported too, such as "
                f"{both[0]!r}; expected scores of other clips, as `make evaluate` writes with --split val"
            )
    used = [for_fit[name] for name in reported]
    return f"{len(used[0].labels)} clips of {', '.join(scores.where for scores in used)}"


def fit_weights(parts: Mapping[str, Scores], *, by_class: bool) -> Weights:
    """Return the weights under which the clips' own classes are most likely.

    The sum of the streams' logits, with weights from 0 on, is taken as the logits of the fusion; its mean
    cross-entropy has one minimum, which is found to the last digits. Nothing is drawn.

    Args:
        parts: stream -> scores of the clips to fit on.
        by_class: each class counts the same, however many clips it has.

    Raises:
        ScoresError: the streams do not fit each other, or have no expected clip in common.
    """
    clip_ids, aligned = align(parts)
    first = next(iter(aligned.values()))
    rows = [row for row, clip_id in enumerate(clip_ids) if clip_id in first.labels]
    if not rows:
        raise ScoresError(f"no clip to fit weights on has scores of all of {', '.join(parts)}")
    truth = np.array([first.class_names.index(first.labels[clip_ids[row]]) for row in rows])
    counts = np.bincount(truth, minlength=len(first.class_names))
    shares = 1 / counts[truth] if by_class else np.ones(len(rows))
    logits = np.stack([part.as_kind("logits")[rows] for part in aligned.values()])
    values = _minimum(logits, truth, shares / shares.sum())
    return {stream: Weight(float(value), "logits") for stream, value in zip(aligned, values, strict=True)}


def _half(labels: Mapping[str, str], seed: int) -> set[str]:
    random = np.random.default_rng(seed)
    chosen: set[str] = set()
    for name in sorted(set(labels.values())):
        members = sorted(clip_id for clip_id, label in labels.items() if label == name)
        chosen.update(members[place] for place in random.permutation(len(members))[: len(members) // 2])
    return chosen


def _minimum(
    logits: npt.NDArray[np.float64], truth: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Minimise the cross-entropy by Newton's method within weights >= 0.

    Args:
        logits: (S, N, K) of S streams.
        truth: (N,) columns.
        shares: (N,) what each clip counts, 1 in sum.
    """
    own = logits[:, np.arange(len(truth)), truth]  # (S, N)

    def loss(weights: npt.NDArray[np.float64]) -> float:
        total = np.tensordot(weights, logits, 1)
        top = total.max(1)
        spread = np.log(np.exp(total - top[:, None]).sum(1)) + top
        return float(shares @ (spread - weights @ own) + _PULL * weights @ weights)

    weights = np.full(len(logits), 1 / len(logits))
    for _ in range(_MAX_STEPS):
        chances = softmax(np.tensordot(weights, logits, 1))  # (N, K)
        means = (logits * chances).sum(2)  # (S, N)
        slope = (means - own) @ shares + 2 * _PULL * weights
        spread = np.einsum("snk,tnk,nk,n->st", logits, logits, chances, shares, optimize=True)
        bend = spread - (means * shares) @ means.T + 2 * _PULL * np.eye(len(weights))
        step = _best_within(weights, slope, bend) - weights
        if np.abs(step).max() < 1e-9:
            break
        before, length = loss(weights), 1.0
        while loss(weights + length * step) > before + 1e-4 * length * (slope @ step) and length > 1e-9:
            length /= 2
        weights = np.maximum(weights + length * step, 0.0)
    return weights


def _best_within(
    weights: npt.NDArray[np.float64], slope: npt.NDArray[np.float64], bend: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return where the parabola through ``weights`` is least, with no weight below 0; one after the other."""
    best = weights.copy()
    for _ in range(1000):
        before = best.copy()
        for place in range(len(best)):
            downhill = slope[place] + bend[place] @ (best - weights)
            best[place] = max(0.0, best[place] - downhill / bend[place, place])
        if np.abs(best - before).max() < 1e-12:
            break
    return best
