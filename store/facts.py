"""``store.json``: the facts about a store as a whole, and the two levels of its fingerprint."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.errors import StoreFormatError, StoreMismatchError
from store.schema import CROPS, EXTRACTED, FACETS, FORMAT_NAME, FORMAT_VERSION, Layout
from store.skeleton import Skeleton

# A JSON value; ``object`` because JSON nests.
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What a store knows of its dataset; remade by ``make reindex`` without the videos.

    Args:
        name: the name that ``DATASET=`` takes, or the name of a user's own folder or table.
        title: the name that people use.
        class_names: the classes in the dataset's order; a label's index is its place here.
        protocols: protocol name -> facts (metric, rule in words, expected counts, and "classes" where it has
            only some of the dataset's, in its own order). The splits themselves are in the clip table, per
            clip.
        num_expected: clips that the dataset has in all, None where nobody can say (a user's own videos).
        terms: under which terms the videos may be had and shared, in words.
        may_share: False where the terms forbid passing derived data on.
        homepage: where the videos come from, None if unknown.
        two_person_classes: classes in which two persons act on each other, None if nobody has said which.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    protocols: Mapping[str, Json]
    num_expected: int | None
    terms: str
    may_share: bool
    homepage: str | None
    two_person_classes: tuple[str, ...] | None = None

    def to_json(self) -> Json:
        """Return every fact by name; an optional one that nobody has said is left out."""
        values = dataclasses.asdict(self)
        if self.two_person_classes is None:
            del values["two_person_classes"]
        return values


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """Everything that is true of a whole store.

    Args:
        dataset: names, classes, protocols, terms.
        skeleton: joints, links and bones of the pose network.
        layout: what decides the shapes.
        meaning: every setting that changes the numbers, as flat names ("pose.checkpoint_sha256") -> JSON
            values. Two stores with equal meaning can be mixed.
    """

    dataset: DatasetFacts
    skeleton: Skeleton
    layout: Layout
    meaning: Mapping[str, object]

    @property
    def meaning_sha256(self) -> str:
        return digest_of({name: value for name, value in self.meaning.items() if value is not None})

    def to_json(self) -> bytes:
        """Return the content of ``store.json``."""
        layout = dataclasses.asdict(self.layout) | {"taps": dict(self.layout.taps)}
        if self.layout.facets == EXTRACTED:
            del layout["facets"]  # as stores had it before anything was imported: their bytes stay the same
        content = {
            "format": FORMAT_NAME,
            "format_version": FORMAT_VERSION,
            "dataset": self.dataset.to_json(),
            "skeleton": dataclasses.asdict(self.skeleton),
            "layout": layout,
            "meaning": dict(sorted(self.meaning.items())),
            "meaning_sha256": self.meaning_sha256,
        }
        return pretty(content)


def parse_store_json(text: str, where: str) -> StoreFacts:
    """Read ``store.json``.

    Raises:
        StoreFormatError: it is not a store's, or of a version that this code does not read.
    """
    try:
        content = json.loads(text)
        name, version = content["format"], str(content["format_version"])
        major = FORMAT_VERSION.split(".")[0]
        if name == FORMAT_NAME and version.split(".")[0] == major:
            return _parse(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreFormatError(
            f"{where}: not the facts of a {FORMAT_NAME} ({error!r}); run `make verify`"
        ) from error
    raise StoreFormatError(
        f"{where}: format {name} {version}, this code reads {FORMAT_NAME} {major}.x. "
        "Use the code that made it, or extract again"
    )


def check_may_continue(text: str, where: str) -> None:
    """Refuse to write into a store of a later minor version: this code would drop what it does not know.

    Raises:
        StoreFormatError: it is of a later version.
    """
    version = str(json.loads(text)["format_version"])
    if [int(part) for part in version.split(".")] > [int(part) for part in FORMAT_VERSION.split(".")]:
        raise StoreFormatError(
            f"{where}: format version {version}, this code writes {FORMAT_VERSION}; "
            "update the code to continue it"
        )


def check_same_meaning(have: Mapping[str, object], want: Mapping[str, object], where: str) -> None:
    """Refuse to mix values of two meanings.

    Raises:
        StoreMismatchError: naming every setting that differs, with both values.
    """
    lines = [
        f"  {name}: the store has {json.dumps(have.get(name))}, this run wants {json.dumps(want.get(name))}"
        for name in differences(have, want)
    ]
    if lines:
        raise StoreMismatchError(
            f"{where} was made with other settings:\n" + "\n".join(lines) + "\n"
            "Give this run another STORE, or the settings that the store was made with."
        )


def differences(have: Mapping[str, object], want: Mapping[str, object]) -> list[str]:
    """Return the names whose values differ."""
    return [
        name for name in sorted({*have, *want}) if _canonical(have.get(name)) != _canonical(want.get(name))
    ]


def digest_of(value: object) -> str:
    """Return the sha256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def pretty(content: object) -> bytes:
    """Render JSON as every file of a store has it."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _parse(content: dict[str, Any]) -> StoreFacts:
    layout = _known(Layout, content["layout"])
    # those of later minor versions are passed over
    crops = tuple(crop for crop in CROPS if crop in layout["crops"])
    facets = tuple(facet for facet in FACETS if facet in layout.get("facets", EXTRACTED))
    return StoreFacts(
        dataset=parse_dataset(content["dataset"]),
        skeleton=parse_skeleton(content["skeleton"]),
        layout=Layout(**layout | {"crops": crops, "facets": facets}),
        meaning=dict(content["meaning"]),
    )


def parse_dataset(content: Mapping[str, Any]) -> DatasetFacts:
    """Read the dataset's part of a ``store.json``; KeyError, TypeError or ValueError if it is none."""
    dataset = _known(DatasetFacts, content)
    for name in ("class_names", "two_person_classes"):
        if dataset.get(name) is not None:
            dataset[name] = tuple(dataset[name])
    return DatasetFacts(**dataset)


def parse_skeleton(content: Mapping[str, Any]) -> Skeleton:
    """Read the skeleton's part of a ``store.json``; KeyError, TypeError or ValueError if it is none."""
    return Skeleton(tuple(content["joint_names"]), _pairs(content["links"]), _pairs(content["bones"]))


def _known(kind: type[DatasetFacts] | type[Layout], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in kind.__slots__}


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _pairs(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((a, b) for a, b in rows)
