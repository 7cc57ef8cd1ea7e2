"""NTU RGB+D 60 (Shahroudy et al., CVPR 2016), actions seen by three cameras; ``ntu120.py`` builds on it.

The rules reproduce the split lists that HP-Net's release ships (tests/golden/test_protocols.py). Class names
are in its short wording.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePath

from extract.datasets.base import Dataset, Split, one_clip_per_video, protocol_facts
from store.table import ClipEntry

# S001C002P003R002A013_rgb.avi; every number counts from 1
_NAME = re.compile(
    r"(?P<id>S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<subject>\d{3})R(?P<replication>\d{3})A(?P<action>\d{3}))(_rgb)?",
    re.ASCII,
)

# A001 to A060
CLASSES_60 = (
    "drink water",
    "eat meal",
    "brush teeth",
    "brush hair",
    "drop",
    "pick up",
    "throw",
    "sit down",
    "stand up",
    "clapping",
    "reading",
    "writing",
    "tear up paper",
    "put on jacket",
    "take off jacket",
    "put on a shoe",
    "take off a shoe",
    "put on glasses",
    "take off glasses",
    "put on a hat/cap",
    "take off a hat/cap",
    "cheer up",
    "hand waving",
    "kicking something",
    "reach into pocket",
    "hopping",
    "jump up",
    "phone call",
    "play with phone/tablet",
    "type on a keyboard",
    "point to something",
    "taking a selfie",
    "check time (from watch)",
    "rub two hands",
    "nod head/bow",
    "shake head",
    "wipe face",
    "salute",
    "put palms together",
    "cross hands in front",
    "sneeze/cough",
    "staggering",
    "falling down",
    "headache",
    "chest pain",
    "back pain",
    "neck pain",
    "nausea/vomiting",
    "fan self",
    "punch/slap",
    "kicking",
    "pushing",
    "pat on back",
    "point finger",
    "hugging",
    "giving object",
    "touch pocket",
    "shaking hands",
    "walking towards",
    "walking apart",
)

TWO_PERSON_60 = CLASSES_60[49:]  # A050 to A060

_LAST_60 = {"setup": 17, "camera": 3, "subject": 40, "replication": 2, "action": len(CLASSES_60)}
XSUB_60_TRAIN = frozenset({1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38})
_XVIEW_60_TRAIN = frozenset({2, 3})
MISSING_60 = "ntu60_missing_skeletons.txt"  # the authors' list: clips without a skeleton


def parse_ntu60(path: PurePath) -> ClipEntry:
    """Read a clip's identity from its file name; ValueError if the name is not NTU RGB+D 60's."""
    clip_id, numbers = read_name(path, last=_LAST_60, title="NTU RGB+D 60")
    splits: dict[str, Split] = {}
    if clip_id not in names_in(MISSING_60):
        splits["xsub"] = "train" if numbers["subject"] in XSUB_60_TRAIN else "test"
        splits["xview"] = "train" if numbers["camera"] in _XVIEW_60_TRAIN else "test"
    return clip_entry(path, clip_id, numbers, label=CLASSES_60[numbers["action"] - 1], splits=splits)


def read_name(path: PurePath, *, last: Mapping[str, int], title: str) -> tuple[str, dict[str, int]]:
    """Return the clip's id and its numbers by name.

    Args:
        path: the video's.
        last: name of a number -> the largest that the dataset has.
        title: the dataset, for messages.

    Raises:
        ValueError: it is no name of the dataset's.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(
            f"{path.name!r} is not named like an RGB video of {title}; expected S001C002P003R002A013_rgb.avi"
        )
    numbers = {name: int(match[name]) for name in last}
    for name, number in numbers.items():
        if not 1 <= number <= last[name]:
            raise ValueError(f"{path.name!r} is not of {title}: {name} {number}; expected 1 to {last[name]}")
    return match["id"], numbers


def clip_entry(
    path: PurePath, clip_id: str, numbers: Mapping[str, int], *, label: str, splits: Mapping[str, str]
) -> ClipEntry:
    """Return the clip that a name tells of."""
    return ClipEntry(
        id=clip_id,
        path=path.as_posix(),
        label=label,
        subject=str(numbers["subject"]),
        camera=str(numbers["camera"]),
        setup=str(numbers["setup"]),
        replication=str(numbers["replication"]),
        splits=splits,
    )


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the clips that a file beside this one names."""
    return frozenset(Path(__file__).with_name(file).read_text().split())


HOMEPAGE = "https://rose1.ntu.edu.sg/dataset/actionRecognition/"
TERMS = (
    "To be had after an agreement with the ROSE Lab, NTU Singapore; without permission, "
    "redistribution, derivation or generation of a new dataset is not allowed."
)
LAYOUT = "the RGB videos as published, named like S001C002P003R002A013_rgb.avi, in any sub-folders"
_LEFT_OUT_60 = "The 302 clips whose skeletons are missing are in neither split, as published."

NTU60 = Dataset(
    name="ntu60",
    title="NTU RGB+D 60",
    homepage=HOMEPAGE,
    terms=TERMS,
    may_share=False,
    class_names=CLASSES_60,
    two_person_classes=TWO_PERSON_60,
    num_expected=56_880,
    video_glob="*.avi",
    layout=LAYOUT,
    protocols={
        "xsub": protocol_facts(
            metric="top1",
            rule="Cross-subject: performers "
            f"{', '.join(map(str, sorted(XSUB_60_TRAIN)))} train, the others test. {_LEFT_OUT_60}",
            expected={"train": 40_091, "test": 16_487},
        ),
        "xview": protocol_facts(
            metric="top1",
            rule=f"Cross-view: cameras 2 and 3 train, camera 1 tests. {_LEFT_OUT_60}",
            expected={"train": 37_646, "test": 18_932},
        ),
    },
    list_clips=one_clip_per_video(parse_ntu60),
)

DATASETS = (NTU60,)
