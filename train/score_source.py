"""Which clips scores are of, as their files say it, and whether a store's are others."""

from collections.abc import Iterable, Mapping, Sequence

from store import StoreReader
from store.facts import differences, digest_of
from train.scores import Scores
from train.splits import folds

_OF_A_FOLD = ("fold", "videos_sha256")


def source_of(reader: StoreReader, protocol: str, fold: str, clip_ids: Iterable[str]) -> dict[str, object]:
    """Return what scores of a fold say of their clips.

    Args:
        reader: the store.
        protocol: whose fold it is.
        fold: its name.
        clip_ids: that are tested, those without data among them.
    """
    return {
        "dataset": reader.facts.dataset.name,
        "protocol": protocol,
        "meaning_sha256": reader.facts.meaning_sha256,
        # the same clips can be filmed anew, and mean the same: a demo that is hard to see
        "videos_sha256": digest_of({one: reader.row(one).outcome.source_sha256 for one in clip_ids}),
        "fold": fold,
    }


def join_sources(sources: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return what the scores of all folds together say; what a fold has of its own becomes a list."""
    if len(sources) == 1:
        return dict(sources[0])
    of_all = {name: value for name, value in sources[0].items() if name not in _OF_A_FOLD}
    for name in _OF_A_FOLD:
        if all(name in source for source in sources):  # a fold may have been scored before it was noted
            of_all[name] = [source[name] for source in sources]
    return of_all


def source_of_all(reader: StoreReader, protocol: str) -> dict[str, object]:
    """Return what the scores of all folds of a protocol say of their clips.

    Raises:
        SplitError: the store has no such protocol.
    """
    return join_sources(
        [source_of(reader, protocol, fold.name, fold.expected) for fold in folds(reader, protocol)]
    )


def unlike_source(scores: Scores, source: Mapping[str, object]) -> list[str]:
    """Return in words where scores are of other clips; what an older file does not say is passed over."""
    known = {name: value for name, value in source.items() if name in scores.source}
    return [
        f"{name}: {scores.source[name]!r} there, {known[name]!r} in the store"
        for name in differences({name: scores.source[name] for name in known}, known)
    ]
