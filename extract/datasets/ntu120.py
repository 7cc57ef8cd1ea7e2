"""NTU RGB+D 120 (Liu et al., TPAMI 2020): NTU RGB+D 60 and as many actions again, by more performers.

The rules reproduce the split lists that HP-Net's release ships (tests/golden/test_protocols.py).
"""

from functools import cache
from pathlib import PurePath

from extract.datasets.base import Dataset, Split, one_clip_per_video, protocol_facts
from extract.datasets.ntu import (
    CLASSES_60,
    HOMEPAGE,
    LAYOUT,
    MISSING_60,
    TERMS,
    TWO_PERSON_60,
    XSUB_60_TRAIN,
    clip_entry,
    names_in,
    read_name,
)
from store.table import ClipEntry

# A001 to A120
CLASSES_120 = (
    *CLASSES_60,
    "put on headphone",
    "take off headphone",
    "shoot at basket",
    "bounce ball",
    "tennis bat swing",
    "juggle table tennis ball",
    "hush",
    "flick hair",
    "thumb up",
    "thumb down",
    "make OK sign",
    "make victory sign",
    "staple book",
    "counting money",
    "cutting nails",
    "cutting paper",
    "snap fingers",
    "open bottle",
    "sniff/smell",
    "squat down",
    "toss a coin",
    "fold paper",
    "ball up paper",
    "play magic cube",
    "apply cream on face",
    "apply cream on hand",
    "put on bag",
    "take off bag",
    "put object into bag",
    "take object out of bag",
    "open a box",
    "move heavy objects",
    "shake fist",
    "throw up cap/hat",
    "capitulate",
    "cross arms",
    "arm circles",
    "arm swings",
    "run on the spot",
    "butt kicks",
    "cross toe touch",
    "side kick",
    "yawn",
    "stretch oneself",
    "blow nose",
    "hit with object",
    "wield knife",
    "knock over",
    "grab stuff",
    "shoot with gun",
    "step on foot",
    "high-five",
    "cheers and drink",
    "carry object",
    "take a photo",
    "follow",
    "whisper",
    "exchange things",
    "support somebody",
    "rock-paper-scissors",
)
_TWO_PERSON = (*TWO_PERSON_60, *CLASSES_120[105:])  # A050 to A060, A106 to A120

_LAST = {"setup": 32, "camera": 3, "subject": 106, "replication": 2, "action": len(CLASSES_120)}
_LAST_SETUP_OF_60 = 17  # the setups up to it show A001 to A060, those after it the others
_XSUB_TRAIN = XSUB_60_TRAIN | {
    45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91,
    92, 93, 94, 95, 97, 98, 100, 103,
}  # fmt: skip
_MISSING_FURTHER = "ntu120_further_missing_skeletons.txt"  # beside those of NTU RGB+D 60


def parse_ntu120(path: PurePath) -> ClipEntry:
    """Read a clip's identity from its file name; ValueError if the name is not NTU RGB+D 120's."""
    clip_id, numbers = read_name(path, last=_LAST, title="NTU RGB+D 120")
    setup, action = numbers["setup"], numbers["action"]
    if (setup <= _LAST_SETUP_OF_60) != (action <= len(CLASSES_60)):
        raise ValueError(
            f"{path.name!r} is not of NTU RGB+D 120: action {action} in setup {setup}; "
            "expected actions 1 to 60 in setups 1 to 17, and 61 to 120 in setups 18 to 32"
        )
    splits: dict[str, Split] = {}
    if clip_id not in _missing_skeletons():
        splits["xsub"] = "train" if numbers["subject"] in _XSUB_TRAIN else "test"
        splits["xset"] = "train" if setup % 2 == 0 else "test"
    return clip_entry(path, clip_id, numbers, label=CLASSES_120[action - 1], splits=splits)


@cache
def _missing_skeletons() -> frozenset[str]:
    return names_in(MISSING_60) | names_in(_MISSING_FURTHER)


_LEFT_OUT = "The 535 clips whose skeletons are missing are in neither split, as published."

NTU120 = Dataset(
    name="ntu120",
    title="NTU RGB+D 120",
    homepage=HOMEPAGE,
    terms=TERMS,
    may_share=False,
    class_names=CLASSES_120,
    two_person_classes=_TWO_PERSON,
    num_expected=114_480,
    video_glob="*.avi",
    layout=LAYOUT,
    protocols={
        "xsub": protocol_facts(
            metric="top1",
            rule="Cross-subject: performers "
            f"{', '.join(map(str, sorted(_XSUB_TRAIN)))} train, the others test. {_LEFT_OUT}",
            expected={"train": 63_026, "test": 50_919},
        ),
        "xset": protocol_facts(
            metric="top1",
            rule=f"Cross-setup: setups with even numbers train, those with odd numbers test. {_LEFT_OUT}",
            expected={"train": 54_468, "test": 59_477},
        ),
    },
    list_clips=one_clip_per_video(parse_ntu120),
)

DATASETS = (NTU120,)
