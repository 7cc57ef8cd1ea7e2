"""Which settings of a store touch what a network reads of it. Pure."""

from collections.abc import Collection, Mapping

from store.schema import Crop
from train.streams import Source

Part = Source | Crop  # of what a store holds of a clip

# Settings that touch some parts only; those that are not here touch all of them. That a store has the crops
# and the tap that are read is found out when they are looked for.
_TOUCHES: Mapping[str, frozenset[Part]] = {
    "dataset": frozenset(),
    "extract.two_person_classes": frozenset(),  # of whom and what a dataset shows
    "extract.crops": frozenset(),
    "extract.jpeg_quality": frozenset({"person", "clip"}),
    "extract.person_crop": frozenset({"person"}),
    "extract.clip_crop": frozenset({"clip"}),
    "extract.pooling": frozenset({"pooled"}),
    "extract.stored_as": frozenset({"pooled", "simcc"}),
    "pose.taps": frozenset(),
}


def settings_beside(reads: Collection[Part]) -> set[str]:
    """Return the settings that cannot touch these parts."""
    return {name for name, parts in _TOUCHES.items() if parts.isdisjoint(reads)}
