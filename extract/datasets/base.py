"""What a known dataset is: facts that do not change, and how a file name is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from store.facts import DatasetFacts, Json
from store.table import ClipEntry

Split = Literal["train", "test", "val"]
Metric = Literal["top1", "mean_class"]  # accuracy over clips; mean of the classes' accuracies


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that ``DATASET=`` knows by name.

    Args:
        name: what ``DATASET=`` takes.
        title: the name that people use.
        homepage: where the videos come from, None if unknown.
        terms: under which terms they may be had and shared, in words.
        may_share: False where the terms forbid passing derived data on.
        class_names: the classes in the dataset's order.
        num_expected: clips that the dataset has in all.
        video_glob: pattern of the videos' file names, whatever folder they lie in, e.g. "*.avi".
        layout: the same in words, for somebody who has none of the videos yet.
        protocols: protocol -> facts, made by ``protocol_facts``; the first one is the default.
        parse: a video's path, relative to the folder of videos -> the clip, with its label by name and its
            splits by protocol; ValueError, naming the file and what was expected, if it is of no clip.
    """

    name: str
    title: str
    homepage: str | None
    terms: str
    may_share: bool
    class_names: tuple[str, ...]
    num_expected: int
    video_glob: str
    layout: str
    protocols: Mapping[str, Json]
    parse: Callable[[PurePath], ClipEntry]

    @property
    def facts(self) -> DatasetFacts:
        """What a store keeps of it."""
        return DatasetFacts(
            name=self.name,
            title=self.title,
            class_names=self.class_names,
            protocols=self.protocols,
            num_expected=self.num_expected,
            terms=self.terms,
            may_share=self.may_share,
            homepage=self.homepage,
        )


def protocol_facts(*, metric: Metric, rule: str, expected: Mapping[Split, int]) -> Json:
    """Return a protocol's facts: metric, rule in words, and the clips of each split when complete."""
    return {"metric": metric, "rule": rule, "expected": dict(expected)}
