"""Compare what a linear classifier tells from a store's pooled features and from its keypoints: `make probe`.

With a protocol it trains on its training clips and tests on its test clips; otherwise each subject is left
out in turn. Numbers are percent of the test clips that have data.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from scripts.demo_results.kinds import class_kinds
from scripts.probe.linear import probe
from scripts.probe.views import views
from store import StoreError, StoreReader, open_store
from store.table import ClipEntry


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.probe_features",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--store", required=True, help="folder or URL of the store")
    parser.add_argument("--protocol", help="of the store; without it each subject is left out in turn")
    parser.add_argument("--tap", help="which pooled features (the store's first tap)")
    parser.add_argument("--only", help="these classes, with commas between (all)")
    parser.add_argument("--leave-out", default="", help="not these classes, with commas between")
    options = parser.parse_args(argv)
    try:
        reader = open_store(options.store)
        names = reader.facts.dataset.class_names
        chosen = set(options.only.split(",") if options.only else names)
        left_out = set(options.leave_out.split(",")) - {""}
        if unknown := sorted((chosen | left_out) - set(names)):
            raise ValueError(f"{reader.address} has no class {', '.join(unknown)}; it has {', '.join(names)}")
        _compare(reader, options.protocol, options.tap, chosen - left_out)
    except (StoreError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _compare(reader: StoreReader, protocol: str | None, tap: str | None, chosen: set[str]) -> None:
    entries = [
        row.entry
        for row in reader.rows
        if row.outcome.start is not None and row.entry.label in chosen
        and (protocol is None or row.entry.splits.get(protocol) in ("train", "test"))
    ]  # fmt: skip
    names = [
        name for name in reader.facts.dataset.class_names if any(name == entry.label for entry in entries)
    ]
    if protocol is not None and protocol not in reader.facts.dataset.protocols:
        known = ", ".join(reader.facts.dataset.protocols) or "none"
        raise ValueError(f"{reader.address} has no protocol {protocol!r}; it has {known}")
    labels = np.array([names.index(str(entry.label)) for entry in entries])
    subjects = [entry.subject or "unknown" for entry in entries]
    folds = list(_folds(entries, subjects, protocol))
    groups = class_kinds(reader.facts.dataset.name, names)
    num_without = sum(row.outcome.start is None for row in reader.rows)
    numbers_of = f"{len(entries)} clips, {len(names)} classes, {len(set(subjects))} subjects"
    print(f"{numbers_of}; {num_without} more without data")
    tested = np.any(folds, axis=0)
    of_group = {group: tested & np.isin(labels, list(map(names.index, of))) for group, of in groups.items()}
    print(f"{'':38}" + "".join(f"{group:>14}" for group in groups))
    print(f"{'test clips':38}" + "".join(f"{of.sum():14}" for of in of_group.values()))
    print(f"{'chance':38}" + f"{100 / len(names):14.1f}" * len(groups))
    for name, view in views(tap).items():
        vectors = np.stack([view(reader, entry.id) for entry in entries])
        right = np.zeros(len(entries), bool)
        for is_test in folds:
            right[is_test] = probe(vectors, labels, subjects, is_test) == labels[is_test]
        print(f"{name:38}" + "".join(f"{100 * right[of].mean():14.1f}" for of in of_group.values()))


def _folds(
    entries: Sequence[ClipEntry], subjects: Sequence[str], protocol: str | None
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    if protocol is not None:
        yield np.array([entry.splits[protocol] == "test" for entry in entries])
        return
    if len(set(subjects)) < 2:
        raise ValueError("all clips are of one subject, so none can be left out; name a --protocol")
    for subject in sorted(set(subjects)):
        yield np.array([one == subject for one in subjects])


if __name__ == "__main__":
    sys.exit(main())
