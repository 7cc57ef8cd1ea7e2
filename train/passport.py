"""What a checkpoint says of itself, so that a network can be rebuilt and unfit stores refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from store import StoreReader
from store.skeleton import Skeleton
from train.config import Recipe
from train.trained_ids import digest_ids


@dataclass(frozen=True, slots=True)
class Source:
    """What is read of a store.

    Args:
        array: its name; tap: of pooled features.
        in_channels: C.
    """

    array: str
    tap: str | None
    in_channels: int


@dataclass(frozen=True, slots=True)
class Passport:
    """What a checkpoint says of itself; JSON values.

    Args:
        dataset, protocol, fold: what it was trained on.
        class_names: of the K scores.
        joint_names, links, bones: of the skeleton.
        array: of the store, that is read; tap: of pooled features.
        in_channels, num_frames, num_persons: C, T, M of the stream.
        meaning, meaning_sha256: the store's fingerprint.
        recipe: resolved.
        num_train: training clips that the fold names.
        epoch: how many epochs the weights have seen; 0: nobody knows, they are from elsewhere.
        chosen_by: why this epoch, in words.
        facts: what else the network is built from; the method's own.
        train_digests: the training clips, see ``digest_ids``; None: nobody knows them.
    """

    dataset: str
    protocol: str
    fold: str
    class_names: list[str]
    joint_names: list[str]
    links: list[list[str]]
    bones: list[list[str]]
    array: str
    tap: str | None
    in_channels: int
    num_frames: int
    num_persons: int
    meaning: dict[str, object]
    meaning_sha256: str
    recipe: dict[str, object]
    num_train: int
    epoch: int
    chosen_by: str
    facts: dict[str, object] = field(default_factory=dict)
    train_digests: str | None = None

    @property
    def skeleton(self) -> Skeleton:
        return Skeleton(
            tuple(self.joint_names),
            tuple((a, b) for a, b in self.links),
            tuple((a, b) for a, b in self.bones),
        )


def make_passport(
    reader: StoreReader,
    recipe: Recipe,
    source: Source,
    *,
    protocol: str,
    fold: str,
    class_names: Iterable[str],
    num_frames: int,
    num_persons: int,
    train_ids: Sequence[str] | None,
    facts: Mapping[str, object] | None = None,
    epoch: int = 0,
    chosen_by: str = "",
) -> Passport:
    """Say what a network is that a recipe makes from a store; see ``Passport``.

    ``train_ids``: clips that train it; None: nobody knows them.
    """
    of_store = reader.facts
    return Passport(
        dataset=of_store.dataset.name,
        protocol=protocol,
        fold=fold,
        class_names=list(class_names),
        joint_names=list(of_store.skeleton.joint_names),
        links=[list(pair) for pair in of_store.skeleton.links],
        bones=[list(pair) for pair in of_store.skeleton.bones],
        array=source.array,
        tap=source.tap,
        in_channels=source.in_channels,
        num_frames=num_frames,
        num_persons=num_persons,
        meaning=dict(of_store.meaning),
        meaning_sha256=of_store.meaning_sha256,
        recipe=recipe.to_json(),
        num_train=len(train_ids or ()),
        epoch=epoch,
        chosen_by=chosen_by,
        facts=dict(facts or {}),
        train_digests=None if train_ids is None else digest_ids(train_ids),
    )
