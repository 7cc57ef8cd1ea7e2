"""Which clips are shown as examples. Pure; by lot and by rule, so that nobody picks what flatters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.demo_results.kinds import Kinds
from scripts.demo_results.lines import Line

_SEED = 0  # of the lot
# is the first line right, is the second
_CASES = ((True, False), (False, True), (True, True), (False, False))


@dataclass(frozen=True, slots=True)
class Case:
    """Clips of which the two lines are equally right or wrong.

    Args:
        title: in words.
        num_clips: how many test clips there are of it.
        clip_ids: those that are shown, one of each kind of class that has any.
    """

    title: str
    num_clips: int
    clip_ids: tuple[str, ...]


def choose_examples(first: Line, second: Line, kinds: Kinds) -> list[Case]:
    """Return the cases that occur, each with one clip, drawn by lot, of each kind of class."""
    right = [_right(line) for line in (first, second)]
    common = sorted(right[0].keys() & right[1].keys())
    lot = [common[place] for place in np.random.default_rng(_SEED).permutation(len(common))]
    labels = first.scores.labels
    # of "all" there is one clip where there are no other kinds
    groups = [names for kind, names in kinds.items() if kind != "all"] or list(kinds.values())
    cases = []
    for wanted in _CASES:
        clips = [clip_id for clip_id in lot if (right[0][clip_id], right[1][clip_id]) == wanted]
        chosen = [next((one for one in clips if labels[one] in names), None) for names in groups]
        if clips:
            shown = tuple(clip_id for clip_id in chosen if clip_id is not None)
            cases.append(Case(_title(first.name, second.name, wanted), len(clips), shown))
    return cases


def top_classes(line: Line, clip_id: str, number: int) -> list[tuple[str, float]]:
    """Return the most probable classes of a clip and their probabilities, best first."""
    row = line.scores.as_kind("softmax")[line.scores.clip_ids.index(clip_id)]
    places = np.argsort(-row, kind="stable")[:number]
    return [(line.scores.class_names[place], float(row[place])) for place in places]


def _right(line: Line) -> dict[str, bool]:
    """Return of every test clip with scores whether they are right."""
    said = line.scores.values.argmax(1)
    return {
        clip_id: line.scores.class_names[place] == line.scores.labels[clip_id]
        for clip_id, place in zip(line.scores.clip_ids, said, strict=True)
        if clip_id in line.scores.labels
    }


def _title(first: str, second: str, is_right: Sequence[bool]) -> str:
    if is_right[0] == is_right[1]:
        return f"{first} and {second} are both {'right' if is_right[0] else 'wrong'}"
    return f"only {first if is_right[0] else second} is right"
