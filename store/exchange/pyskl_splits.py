"""Names of splits in pyskl pickles and protocols of a store. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store.exchange.errors import ExchangeError
from store.facts import Json

# xsub_train, train, test1 (of three splits of the same clips)
_NAME = re.compile(r"(?:(?P<protocol>.+)_)?(?P<split>train|val|test)(?P<number>\d*)")
_SPLITS = ("train", "val", "test")
_NAMES_KEY = "pyskl_splits"  # in a protocol's facts: split -> its name in the pickle
EVERYTHING = "all"  # the one list of a store without protocols: a loader needs some name


def protocols_of(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Sort the names of a pickle's splits into protocols.

    pyskl calls the held-out part ``val`` where the datasets say ``test``: where a protocol has no other part
    to test on, its ``val`` becomes ``test``. A name of no known form becomes a protocol with a train split.

    Args:
        names: such as "xsub_train", "xsub_val".

    Returns:
        Protocol -> split -> name in the pickle.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            found.setdefault(name, {})["train"] = name
            continue
        protocol = "_".join(filter(None, (match["protocol"] or "default", match["number"])))
        found.setdefault(protocol, {})[match["split"]] = name
    for splits in found.values():
        if "val" in splits and "test" not in splits:
            splits["test"] = splits.pop("val")
    return found


def splits_by_clip(
    protocols: Mapping[str, Mapping[str, str]], lists: Mapping[str, Sequence[str]], where: str
) -> dict[str, dict[str, str]]:
    """Return clip id -> protocol -> split.

    Raises:
        ExchangeError: a clip is in two splits of one protocol.
    """
    found: dict[str, dict[str, str]] = {}
    for protocol, names in protocols.items():
        for split, name in names.items():
            for clip_id in lists[name]:
                before = found.setdefault(str(clip_id), {}).setdefault(protocol, split)
                if before != split:
                    raise ExchangeError(
                        f"{where}: {clip_id} is in both {names[before]!r} and {name!r}: what was trained on "
                        "would be tested on; remove it from one of them"
                    )
    return found


def protocol_facts(names: Mapping[str, str], lists: Mapping[str, Sequence[str]], where: str) -> Json:
    """Return the facts of a protocol that a pickle has, with the names of its splits there."""
    expected = {split: len(set(lists[name])) for split, name in names.items()}
    return {
        "metric": "top1",
        "rule": f"As given in {where}.",
        "expected": expected,
        _NAMES_KEY: dict(names),
    }


def own_protocols(protocols: Mapping[str, Json], names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the same as ``protocols_of`` for a pickle whose passport has the protocols."""
    there = set(names)
    found = {
        protocol: {split: name for split, name in pickle_names(protocol, facts).items() if name in there}
        for protocol, facts in protocols.items()
    }
    return {protocol: splits for protocol, splits in found.items() if splits}


def pickle_names(protocol: str, facts: Json) -> dict[str, str]:
    """Return split -> its name in a pickle: as in the one that it came from, else ``protocol_split``."""
    remembered: Any = facts.get(_NAMES_KEY)
    return dict(remembered or {split: f"{protocol}_{split}" for split in _SPLITS})
