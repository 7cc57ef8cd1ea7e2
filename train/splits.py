"""Who trains and who tests: the protocols of a store, and folds by subject. Pure."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from store import StoreReader
from store.table import ClipEntry

logger = logging.getLogger(__name__)

LEAVE_ONE_OUT = "leave_one_subject_out"
ALL = "all"
_KFOLD = re.compile(r"kfold:(\d+)")


class SplitError(ValueError):
    """A protocol that a store cannot serve; says what it has and what to do."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One training and its test.

    Args:
        name: of the protocol, or of what is left out.
        train_ids, val_ids, test_ids: clips with a label, in the dataset's order.
        expected: clip id -> class name of ``test_ids``: all that should have scores, failed clips included.
    """

    name: str
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    expected: Mapping[str, str]
    val_ids: tuple[str, ...] = ()


def first_protocol(reader: StoreReader) -> str:
    """Return the store's first protocol.

    Raises:
        SplitError: it has none.
    """
    for protocol in reader.facts.dataset.protocols:
        return protocol
    raise SplitError(
        f"{reader.address} has no protocol; choose PROTOCOL={LEAVE_ONE_OUT} or kfold:5, or give the table of "
        "clips a column split and run `make reindex`"
    )


def class_names_of(reader: StoreReader, protocol: str) -> tuple[str, ...]:
    """Return the classes of a protocol: all of the dataset's, or its own."""
    facts = reader.facts.dataset.protocols.get(protocol, {})
    return tuple(cast(Sequence[str], facts.get("classes", reader.facts.dataset.class_names)))


def folds(reader: StoreReader, protocol: str) -> list[Fold]:
    """Return the folds of a protocol.

    Args:
        reader: the store.
        protocol: one of the store's; "leave_one_subject_out"; "kfold:N", N groups of subjects, as equal in
            clips as can be; "all": every clip tests and none trains, for models from elsewhere.

    Raises:
        SplitError: the store has no such protocol, no subjects for it, or no clips in a part.
    """
    entries = _with_label(reader, protocol)
    if protocol in reader.facts.dataset.protocols:
        parts = {part: _of(entries, protocol, part) for part in ("train", "val", "test")}
        found = [_fold(protocol, parts["train"], parts["test"], parts["val"])]
    elif protocol == ALL:
        return [_fold(ALL, (), entries)]
    else:
        groups = _groups(reader, entries, protocol)
        found = [
            _fold(
                name,
                [one for one in entries if one.subject not in subjects],
                [one for one in entries if one.subject in subjects],
            )
            for name, subjects in groups.items()
        ]
    for fold in found:
        if not fold.train_ids or not fold.test_ids:
            raise SplitError(
                f"{reader.address}, {protocol}, fold {fold.name}: {len(fold.train_ids)} clips train and "
                f"{len(fold.test_ids)} test; expected some of each. `make info` lists the splits"
            )
    return found


def hold_out(fold: Fold, entries: Iterable[ClipEntry], *, share: float, seed: int) -> Fold:
    """Move a share of the training subjects to validation.

    Args:
        fold: without validation clips.
        entries: at least the training clips.
        share: of the subjects, in (0, 1); at least one is held out, and one trains.
        seed: which.

    Raises:
        SplitError: training clips have no subject, or all the same one.
    """
    subject_of = {entry.id: entry.subject for entry in entries}
    subjects = sorted({subject_of[clip_id] or "" for clip_id in fold.train_ids})
    if "" in subjects or len(subjects) < 2:
        raise SplitError(
            f"fold {fold.name}: training clips are of {len(subjects)} subject(s), or of unknown ones, so "
            "none can be held out for validation; give the table of clips a column subject, or val splits"
        )
    number = min(max(1, round(share * len(subjects))), len(subjects) - 1)
    out = set(np.random.default_rng(seed).permutation(subjects)[:number].tolist())
    return replace(
        fold,
        train_ids=tuple(one for one in fold.train_ids if subject_of[one] not in out),
        val_ids=tuple(one for one in fold.train_ids if subject_of[one] in out),
    )


def _with_label(reader: StoreReader, protocol: str) -> list[ClipEntry]:
    """Return the clips with a class of the protocol; say how many of it have none."""
    known = set(class_names_of(reader, protocol))
    is_stored = protocol in reader.facts.dataset.protocols
    entries = [row.entry for row in reader.rows if not is_stored or protocol in row.entry.splits]
    strange = [entry for entry in entries if entry.label not in known]
    if strange:
        logger.warning(
            "%s: %d clips have no class of %s, such as %s (%s), and are left out",
            reader.address, len(strange), protocol, strange[0].id, strange[0].label,
        )  # fmt: skip
    return [entry for entry in entries if entry.label in known]


def _of(entries: Iterable[ClipEntry], protocol: str, part: str) -> list[ClipEntry]:
    return [entry for entry in entries if entry.splits[protocol] == part]


def _fold(
    name: str, train: Iterable[ClipEntry], test: Sequence[ClipEntry], val: Iterable[ClipEntry] = ()
) -> Fold:
    return Fold(
        name,
        tuple(entry.id for entry in train),
        tuple(entry.id for entry in test),
        {entry.id: str(entry.label) for entry in test},
        tuple(entry.id for entry in val),
    )


def _groups(reader: StoreReader, entries: Sequence[ClipEntry], protocol: str) -> dict[str, set[str]]:
    """Return fold -> subjects that test in it."""
    kfold = _KFOLD.fullmatch(protocol)
    if protocol != LEAVE_ONE_OUT and kfold is None:
        known = ", ".join(reader.facts.dataset.protocols) or "none"
        raise SplitError(
            f"{reader.address} has no protocol {protocol!r}; it has {known}. {LEAVE_ONE_OUT}, kfold:N and, "
            f"to evaluate, {ALL} work with every store"
        )
    nobody = [entry.id for entry in entries if entry.subject is None]
    if nobody:
        raise SplitError(
            f"{reader.address}: {len(nobody)} clips have no subject, such as {nobody[0]}; {protocol} needs "
            "them. Give the table of clips a column subject and run `make reindex`"
        )
    counts = Counter(str(entry.subject) for entry in entries)
    number = int(kfold[1]) if kfold else len(counts)
    if not 2 <= number <= len(counts):
        raise SplitError(
            f"{reader.address}: {protocol} with {len(counts)} subjects; expected 2 folds or more, and a "
            "subject for each"
        )
    if kfold is None:
        return {subject: {subject} for subject in sorted(counts, key=_natural)}
    groups: list[list[str]] = [[] for _ in range(number)]
    for subject in sorted(counts, key=lambda name: (-counts[name], _natural(name))):
        min(groups, key=lambda group: (sum(counts[name] for name in group), len(group))).append(subject)
    return {f"{place} of {number}": set(group) for place, group in enumerate(groups, start=1)}


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
