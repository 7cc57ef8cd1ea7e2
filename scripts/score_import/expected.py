"""The clips that score files should hold: of a store, a known dataset or a user's table."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import cast

from extract.clips import load_clips
from extract.datasets import DATASETS, Dataset
from store import open_store
from store.facts import DatasetFacts
from store.table import ClipEntry
from train.exchange.found import ExpectedClips, FoundScores, bare_name, class_of
from train.scores import ScoresError

logger = logging.getLogger(__name__)


def expected_of_store(address: str, protocol: str | None, split: str) -> ExpectedClips:
    """Return the clips of a store's split."""
    reader = open_store(address)
    return _expected(reader.facts.dataset, (row.entry for row in reader.rows), protocol, split)


def expected_of_table(table: str, protocol: str | None, split: str) -> ExpectedClips:
    """Return the clips of a split of a CSV or JSONL table."""
    clips = load_clips(table)
    return _expected(clips.facts, clips.entries, protocol, split)


def expected_of_dataset(
    dataset: Dataset, names: Iterable[str], protocol: str | None, split: str, *, is_list: bool
) -> ExpectedClips:
    """Return a known dataset's clips among ``names``, which must be all of the split.

    Args:
        dataset: reads labels and splits from names.
        names: of clips, with or without an ending.
        protocol: of the dataset; None: its first.
        split: "test", "train" or "val".
        is_list: the names are a list of what is expected, which may be another than ours.

    Raises:
        ScoresError: a name is of another dataset or split, or clips are missing that no list names.
    """
    ending = PurePath(dataset.video_glob).suffix
    paths = sorted({PurePath(bare_name(name) + ending) for name in names})
    listing = dataset.list_clips(Path(), paths)
    if len(listing.entries) < len(paths):
        raise ScoresError(
            f"not clips of {dataset.title}: {'; '.join(listing.notes) or paths[0].stem}. Give their "
            "dataset, or a STORE, which knows its clips"
        )
    protocol = _protocol(dataset.facts, protocol)
    odd = [entry for entry in listing.entries if entry.splits.get(protocol) != split]
    if odd:
        raise ScoresError(
            f"{len(odd)} of {len(paths)} clips are not in {split} of {dataset.name} {protocol}, such as "
            f"{odd[0].id} (there: {odd[0].splits.get(protocol, 'in no split')}); give another PROTOCOL"
        )
    counts = cast(Mapping[str, int], dataset.protocols[protocol]["expected"])
    should_be = counts.get(split, 0)
    if len(paths) != should_be:
        message = f"{len(paths)} of the {should_be} {split} clips of {dataset.name} {protocol} are named"
        if not is_list:
            raise ScoresError(
                f"{message}, so nobody can say which others count as wrong; give the list of all with --list"
            )
        logger.warning("%s by the list; figures are of those", message)
    return _expected(dataset.facts, listing.entries, protocol, split)


def expected_of_labels(found: FoundScores, class_names: Sequence[str]) -> ExpectedClips:
    """Return the clips of a file that has labels itself; there are no others that could be missing."""
    if found.labels is None:
        raise ScoresError(
            f"{found.where}: has no labels; give DATASET (a known one, or a table) or STORE, and the PROTOCOL"
        )
    labels = {
        bare_name(name): class_of(label, class_names, found.where)
        for name, label in zip(found.names, found.labels, strict=True)
    }
    return ExpectedClips(tuple(class_names), labels, {name: name for name in labels}, {}, {})


def known_dataset(name: str) -> Dataset | None:
    """Return a known dataset; None for a table; ScoresError if it is neither."""
    if name not in DATASETS and not Path(name).is_file():
        raise ScoresError(f"DATASET {name!r}: no such file; expected a table or one of {', '.join(DATASETS)}")
    return DATASETS.get(name)


def _expected(
    facts: DatasetFacts, entries: Iterable[ClipEntry], protocol: str | None, split: str
) -> ExpectedClips:
    protocol = _protocol(facts, protocol)
    chosen = [entry for entry in entries if entry.splits.get(protocol) == split and entry.label is not None]
    if not chosen:
        raise ScoresError(f"{facts.name}: no clip with a label is in {split} of {protocol}")
    its_facts = facts.protocols[protocol]
    class_names = cast(Sequence[str], its_facts.get("classes", facts.class_names))
    id_of = {bare_name(entry.path): entry.id for entry in chosen} | {entry.id: entry.id for entry in chosen}
    return ExpectedClips(
        class_names=tuple(class_names),
        labels={entry.id: str(entry.label) for entry in chosen},
        id_of=id_of,
        subjects={entry.id: entry.subject for entry in chosen if entry.subject is not None},
        source={
            "dataset": facts.name,
            "protocol": protocol,
            "split": split,
            "metric": str(its_facts.get("metric", "top1")),
        },
    )


def _protocol(facts: DatasetFacts, protocol: str | None) -> str:
    if not facts.protocols:
        raise ScoresError(f"{facts.name} has no protocol, so nobody can say which clips are tested")
    if protocol is not None and protocol not in facts.protocols:
        known = ", ".join(facts.protocols)
        raise ScoresError(f"{facts.name} has no protocol {protocol!r}; it has {known}")
    return protocol or next(iter(facts.protocols))
