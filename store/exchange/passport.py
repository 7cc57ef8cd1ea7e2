"""What travels beside arrays in formats that have no place for it: joints, links, classes, terms, identities.

A pyskl pickle holds it under the key ``heatpool``, which its loaders pass over; a folder of ``.npy`` files in
``heatpool.json``. Plain containers only.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ExchangeError
from store.facts import DatasetFacts, parse_dataset, parse_skeleton
from store.reader import StoreReader
from store.skeleton import Skeleton
from store.table import ClipEntry

PASSPORT_KEY = "heatpool"
PASSPORT_FILE = "heatpool.json"
_IDENTITY = ("label", "subject", "camera", "setup", "replication", "splits")


@dataclass(frozen=True, slots=True)
class Passport:
    """What an exported store says of itself.

    Args:
        dataset: names, classes, protocols, terms.
        skeleton: joints, links and bones.
        meaning_sha256: of the store that was exported.
        clips: clip id -> label, subject, camera, setup, replication, splits.
        settings: how the format was written, such as the tap.
        person_valid: clip id -> (T, M) who is there, of clips whose file alone does not say it.
    """

    dataset: DatasetFacts
    skeleton: Skeleton
    meaning_sha256: str
    clips: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, str]
    person_valid: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def to_content(self) -> dict[str, object]:
        """Return it as plain containers, which JSON and the restricted unpickler can hold."""
        dataset = dataclasses.asdict(self.dataset)
        # per person, a digit for each time: "0110"
        persons = {
            clip_id: ["".join("01"[there] for there in person) for person in valid.T.tolist()]
            for clip_id, valid in self.person_valid.items()
        }
        content: dict[str, object] = {
            "dataset": dataset | {"class_names": list(self.dataset.class_names)},
            "skeleton": {
                "joint_names": list(self.skeleton.joint_names),
                "links": [list(pair) for pair in self.skeleton.links],
                "bones": [list(pair) for pair in self.skeleton.bones],
            },
            "meaning_sha256": self.meaning_sha256,
            "clips": {clip_id: dict(identity) for clip_id, identity in self.clips.items()},
            "settings": dict(self.settings),
        }
        return content | ({"person_valid": persons} if persons else {})

    def identify(self, entry: ClipEntry) -> ClipEntry:
        """Return the entry with what the passport says of its clip."""
        return dataclasses.replace(entry, **self.clips.get(entry.id, {}))


def passport_of(reader: StoreReader, **settings: str) -> Passport:
    """Return a store's passport."""
    clips = {
        row.entry.id: {name: getattr(row.entry, name) for name in _IDENTITY} for row in reader.rows
    }  # splits are a dict already: the table is read from JSON
    facts = reader.facts
    return Passport(facts.dataset, facts.skeleton, facts.meaning_sha256, clips, settings)


def parse_passport(content: Any, where: str) -> Passport:  # noqa: ANN401 - read from a file
    """Read a passport.

    Raises:
        ExchangeError: it is none.
    """
    try:
        clips = {
            str(clip_id): {name: identity[name] for name in _IDENTITY} | {"splits": dict(identity["splits"])}
            for clip_id, identity in content["clips"].items()
        }
        return Passport(
            parse_dataset(content["dataset"]),
            parse_skeleton(content["skeleton"]),
            str(content["meaning_sha256"]),
            clips,
            {str(name): str(value) for name, value in content["settings"].items()},
            {
                str(clip_id): np.array([[digit == "1" for digit in person] for person in persons], bool).T
                for clip_id, persons in content.get("person_valid", {}).items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExchangeError(
            f"{where}: not what an export of a store writes there ({error!r}); remove it to import without it"
        ) from error
