"""What a known dataset is: facts that do not change, and how its clips are found among files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from store.facts import DatasetFacts, Json
from store.table import ClipEntry

Split = Literal["train", "test", "val"]
Metric = Literal["top1", "mean_class"]  # accuracy over clips; mean of the classes' accuracies


@dataclass(frozen=True, slots=True)
class Listing:
    """The clips that a dataset has in a folder.

    Args:
        entries: in any order.
        notes: what was left out, and why; for the user.
    """

    entries: Sequence[ClipEntry]
    notes: Sequence[str] = ()


# The folder of videos, and the videos' paths relative to it -> the clips. Only a dataset whose clips are
# described in files of their own looks into the folder; the videos need not be there.
ListClips = Callable[[Path, Sequence[PurePath]], Listing]


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
        two_person_classes: those in which two persons act on each other.
        num_expected: clips that the dataset has in all.
        video_glob: pattern of the videos' file names, whatever folder they lie in, e.g. "*.avi".
        layout: the same in words, for somebody who has none of the videos yet.
        protocols: protocol -> facts, made by ``protocol_facts``; the first one is the default.
        list_clips: videos -> clips, with their labels by name and their splits by protocol;
            ``one_clip_per_video`` where the names say everything.
    """

    name: str
    title: str
    homepage: str | None
    terms: str
    may_share: bool
    class_names: tuple[str, ...]
    two_person_classes: tuple[str, ...]
    num_expected: int
    video_glob: str
    layout: str
    protocols: Mapping[str, Json]
    list_clips: ListClips

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
            two_person_classes=self.two_person_classes,
        )


def one_clip_per_video(parse: Callable[[PurePath], ClipEntry]) -> ListClips:
    """Return the ``list_clips`` of a dataset whose file names say everything.

    Args:
        parse: a video's path -> the clip; ValueError, naming the file and what was expected,
            if it is of none.
    """

    def list_clips(root: Path, paths: Sequence[PurePath]) -> Listing:
        entries, strangers = [], []
        for path in paths:
            try:
                entries.append(parse(path))
            except ValueError as error:
                strangers.append(str(error))
        notes = [f"left out {len(strangers)} files, the first because {strangers[0]}"] if strangers else []
        return Listing(entries, notes)

    return list_clips


def protocol_facts(
    *, metric: Metric, rule: str, expected: Mapping[Split, int], classes: Sequence[str] = ()
) -> Json:
    """Return a protocol's facts.

    Args:
        metric: what its results are compared by.
        rule: who is in which split, in words.
        expected: split -> clips, when complete; in the order in which they are told of.
        classes: its classes in its order, where they are not all of the dataset's.
    """
    facts = {"metric": metric, "rule": rule, "expected": dict(expected)}
    return facts | {"classes": list(classes)} if classes else facts
