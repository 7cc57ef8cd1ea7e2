"""PKU-MMD (Liu et al., 2017), phase 1: long videos of 51 actions, cut into clips by their label files.

A label file has a line ``label,start,end,confidence`` for each action of its video. No list of this dataset
was at hand: the numbers of clips are the literature's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from extract.datasets.base import Dataset, Listing, Split, protocol_facts
from extract.errors import DatasetError
from extract.folders import files_below
from store.table import ClipEntry

# 0002-L: video, and camera (left, middle, right); the subject is not in the name
_VIDEO = re.compile(r"\d{4}-(?P<view>[LMR])", re.ASCII)
# 0002-L-A13-N04: a clip of it that was cut before, as our stores and their exports name it
_CLIP = re.compile(r"(?P<video>\d{4}-[LMR])-A(?P<label>\d{2})-N\d{2,}", re.ASCII)
_EXAMPLE = "0002-L.avi"
_LABEL_SUFFIXES = frozenset({".txt", ".label"})
_XSUB_FILE = "cross-subject.txt"

# Written nowhere that we know of: start and end are taken as frame numbers, the first frame of a video has
# this one, and the end is not part of the action.
FIRST_FRAME = 0

_MOST_TOLD = 5  # of the same kind, in notes
# per line of a skeleton file, which may be named like a label file: two persons, 25 joints, x y z
_SKELETON_NUMBERS = 150

# labels 1 to 51
CLASSES = (
    "bow",
    "brushing hair",
    "brushing teeth",
    "check time (from watch)",
    "cheer up",
    "clapping",
    "cross hands in front (say stop)",
    "drink water",
    "drop",
    "eat meal/snack",
    "falling",
    "giving something to other person",
    "hand waving",
    "handshaking",
    "hopping (one foot jumping)",
    "hugging other person",
    "jump up",
    "kicking other person",
    "kicking something",
    "make a phone call/answer phone",
    "pat on back of other person",
    "pickup",
    "playing with phone/tablet",
    "point finger at the other person",
    "pointing to something with finger",
    "punching/slapping other person",
    "pushing other person",
    "put on a hat/cap",
    "put something inside pocket",
    "reading",
    "rub two hands together",
    "salute",
    "sitting down",
    "standing up",
    "take off a hat/cap",
    "take off glasses",
    "take off jacket",
    "take out something from pocket",
    "taking a selfie",
    "tear up paper",
    "throw",
    "touch back (backache)",
    "touch chest (stomachache/heart pain)",
    "touch head (headache)",
    "touch neck (neckache)",
    "typing on a keyboard",
    "use a fan (with hand or paper)/feeling warm",
    "wear jacket",
    "wear on glasses",
    "wipe face",
    "writing",
)
# labels 12, 14, 16, 18, 21, 24, 26, 27: those that name another person. The dataset's page speaks of ten.
_TWO_PERSON = tuple(CLASSES[label - 1] for label in (12, 14, 16, 18, 21, 24, 26, 27))


@dataclass(frozen=True, slots=True, order=True)
class _Action:
    """One action of a video; in the order in which clips are numbered.

    Args:
        start, end: frames of the video.
        label: 0 if it cannot be read.
        problem: why it becomes no clip. It keeps its number, so that mending its line renumbers no other.
    """

    start: int
    end: int
    label: int
    problem: str = field(default="", compare=False)


def list_clips(root: Path, paths: Sequence[PurePath]) -> Listing:
    """Cut the videos by the label files that lie anywhere below ``root``.

    A clip is called ``0002-L-A13-N04``: action 13 is the video's fourth by start, then by end, then by label.
    Files with such names are clips already, and need no label file (an import's).
    A line that cannot be read loses its action, a video without a label file its clips; both are noted. A
    lost action keeps its number if its start and end can be read; otherwise nobody knows which it had, and
    mending the line renumbers the actions behind it.

    Raises:
        DatasetError: two label files of one video, two split files, or one that is not as expected.
    """
    videos = [path for path in paths if _VIDEO.fullmatch(path.stem)]
    clips = [path for path in paths if _number_of(path) is not None]
    known = {*videos, *clips}
    strangers = [path.name for path in paths if path not in known]
    # a folder without one of its videos may be anything, and large
    below = files_below(root, lambda name: PurePath(name).suffix in _LABEL_SUFFIXES) if known else []
    texts = [root / path for path in below]
    label_files = _label_files(texts)
    xsub = _read_xsub([path for path in texts if path.name == _XSUB_FILE])
    entries = [_whole(path, xsub) for path in clips]
    unlabelled: list[str] = []
    unlisted: list[str] = []
    lost: list[str] = []
    shortened: list[str] = []
    for video in videos:
        if video.stem not in label_files:
            unlabelled.append(video.name)
            continue
        if xsub and video.stem not in xsub:
            unlisted.append(video.name)
        entries += _cut(video, _read_labels(label_files[video.stem], lost, shortened), xsub)
    notes = _told("lines of label files are left out", lost)
    notes += _told("actions begin before their video and are cut to its beginning", shortened)
    notes += _told(f"files are left out, which are not named like a video of PKU-MMD ({_EXAMPLE})", strangers)
    notes += _told(f"videos are left out, for {root} holds no label file of them (0002-L.txt)", unlabelled)
    if not xsub:
        notes.append(f"{root} holds no {_XSUB_FILE}: no clip is in a split of xsub")
    notes += _told(f"videos are in no split of xsub, for {_XSUB_FILE} does not name them", unlisted)
    return Listing(entries, notes)


def _label_files(texts: Iterable[Path]) -> dict[str, Path]:
    """Return video -> its label file."""
    found: dict[str, Path] = {}
    for path in texts:
        if not _VIDEO.fullmatch(path.stem) or _is_skeleton(path):
            continue
        if path.stem in found:
            raise DatasetError(
                f"{path}: a second label file of {path.stem}; the first is {found[path.stem]}. "
                "Keep one of them there"
            )
        found[path.stem] = path
    return found


def _is_skeleton(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return len(file.readline().replace(",", " ").split()) >= _SKELETON_NUMBERS


def _read_labels(path: Path, lost: list[str], shortened: list[str]) -> list[_Action]:
    """Read a label file; say which lines are lost, and which actions do not begin in the video."""
    actions = []
    for number, line in enumerate(
        path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1
    ):
        if not line.strip():
            continue
        try:
            action = _parse_label(line)
        except ValueError as error:
            lost.append(f"{path}:{number}: {error}")
            continue
        if action.problem:
            lost.append(f"{path}:{number}: {action.problem}")
        elif action.start < 0:
            shortened.append(f"{path}:{number}")
        actions.append(replace(action, start=max(0, action.start)))
    return actions


def _parse_label(line: str) -> _Action:
    """Read a line; start and end are sometimes swapped.

    Raises:
        ValueError: not even start and end can be read; what was found and what was expected.
    """
    cells = [cell.strip() for cell in line.split(",")]
    are_numbers = [re.fullmatch(r"-?\d{1,9}", cell, re.ASCII) is not None for cell in cells]
    malformed = f"found {line.strip()[:60]!r}; expected label,start,end,confidence as whole numbers"
    if are_numbers[1:3] != [True, True]:
        raise ValueError(malformed)
    label = int(cells[0]) if are_numbers[0] else 0
    # where the video ends only its reader knows
    start, end = (frame - FIRST_FRAME for frame in sorted(map(int, cells[1:3])))
    problem = ""
    if are_numbers != [True] * 4:
        problem = malformed
    elif not 1 <= label <= len(CLASSES):
        problem = f"found the label {label}; expected 1 to {len(CLASSES)}"
    elif end <= max(0, start):
        problem = f"found frames {cells[1]} to {cells[2]}; expected some that are in the video"
    return _Action(start, end, label, problem)


def _cut(video: PurePath, actions: Iterable[_Action], xsub: Mapping[str, Split]) -> Iterator[ClipEntry]:
    """Yield a video's clips; they may overlap."""
    splits = _splits(video.stem, xsub)
    for place, action in enumerate(sorted(actions), start=1):
        if action.problem:
            continue
        yield ClipEntry(
            id=f"{video.stem}-A{action.label:02d}-N{place:02d}",
            path=video.as_posix(),
            label=CLASSES[action.label - 1],
            camera=video.stem[-1],
            splits=splits,
            first_frame=action.start,
            end_frame=action.end,
        )


def _number_of(path: PurePath) -> int | None:
    """Return the label of a clip that was cut before, None if it is none."""
    found = _CLIP.fullmatch(path.stem)
    return int(found["label"]) if found and 1 <= int(found["label"]) <= len(CLASSES) else None


def _whole(path: PurePath, xsub: Mapping[str, Split]) -> ClipEntry:
    """Return a clip that was cut before."""
    video, label = path.stem[:6], _number_of(path)
    assert label is not None
    return ClipEntry(
        path.stem, path.as_posix(), CLASSES[label - 1], camera=video[-1], splits=_splits(video, xsub)
    )


def _splits(video: str, xsub: Mapping[str, Split]) -> dict[str, Split]:
    splits: dict[str, Split] = {"xview": "test" if video.endswith("L") else "train"}
    return {"xsub": xsub[video], **splits} if video in xsub else splits


def _read_xsub(files: Sequence[Path]) -> dict[str, Split]:
    """Read which videos train (line 2) and which test (line 4), with commas between; empty without a file."""
    if not files:
        return {}
    if len(files) > 1:
        raise DatasetError(
            f"{files[1]}: a second {_XSUB_FILE}; the first is {files[0]}. Keep one of them there"
        )
    (path,) = files
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    found: dict[str, Split] = {}
    splits: tuple[tuple[int, Split], ...] = ((2, "train"), (4, "test"))
    for number, split in splits:
        names = lines[number - 1].replace(",", " ").split() if number <= len(lines) else []
        wrong = next(
            (name for name in names if not _VIDEO.fullmatch(name) or found.get(name, split) != split), None
        )
        if not names or wrong:
            raise DatasetError(
                f"{path}:{number}: found {wrong or 'nothing'}; expected the videos that {split}, such as "
                "0002-L, with commas between, and none of them in both lists; copy the file again"
            )
        found |= dict.fromkeys(names, split)
    return found


def _told(what: str, items: Sequence[str]) -> list[str]:
    """Return one note of how many there are, and the first of them."""
    if not items:
        return []
    more = f"; and {len(items) - _MOST_TOLD} more" if len(items) > _MOST_TOLD else ""
    return [f"{len(items)} {what}: {'; '.join(items[:_MOST_TOLD])}{more}"]


PKU_MMD = Dataset(
    name="pku_mmd",
    title="PKU-MMD phase 1",
    homepage=None,
    terms="Unknown: ask the dataset's authors, also before passing on what was made of the videos.",
    may_share=False,
    class_names=CLASSES,
    two_person_classes=_TWO_PERSON,
    num_expected=21_545,
    video_glob="*.avi",
    layout=f"the RGB videos, named like {_EXAMPLE}, their label files, named like 0002-L.txt, and "
    f"{_XSUB_FILE}, as published, in any sub-folders",
    protocols={
        "xsub": protocol_facts(
            metric="top1",
            rule=f"Cross-subject: 57 subjects train, 9 test, by the dataset's own list of videos, "
            f"{_XSUB_FILE}; names do not tell the subject. The expected numbers are the literature's.",
            expected={"train": 18_841, "test": 2_704},
        ),
        "xview": protocol_facts(
            metric="top1",
            rule="Cross-view: the middle and the right camera train, the left one tests. "
            "The expected numbers are the literature's.",
            expected={"train": 14_357, "test": 7_188},
        ),
    },
    list_clips=list_clips,
)

DATASETS = (PKU_MMD,)
