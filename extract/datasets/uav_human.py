"""UAV-Human (Li et al., CVPR 2021), the action videos: 155 actions filmed from a drone.

The rules reproduce the split lists that HP-Net's release ships (tests/golden/test_protocols.py). Class names
are in the wording of the official repository.
"""

import re
from pathlib import PurePath

from extract.datasets.base import Dataset, Split, one_clip_per_video, protocol_facts
from store.table import ClipEntry

# P000S00G10B10H10UC022000LC021000A000R0_08241716.avi: main subject, setup, gender, backpack, hat, upper and
# lower clothing, action (from 0), replicate, month day hour minute
_NAME = re.compile(
    r"P(?P<subject>\d{3})S(?P<setup>\d{2})G\d{2}B\d{2}H\d{2}UC\d{6}LC\d{6}"
    r"A(?P<action>\d{3})R(?P<replicate>\d)_\d{8}",
    re.ASCII,
)
_EXAMPLE = "P000S00G10B10H10UC022000LC021000A000R0_08241716.avi"

# A000 to A154
CLASSES = (
    "drink",
    "eat snacks",
    "brush hair",
    "drop something",
    "pick up something",
    "throw away something",
    "sit down",
    "stand up",
    "applaud",
    "read",
    "write",
    "put on a coat",
    "take off a coat",
    "put on glasses",
    "take off glasses",
    "put on a hat",
    "take off a hat",
    "throw away a hat",
    "cheer",
    "wave hands",
    "kick something",
    "reach into pockets",
    "jump on single leg",
    "jump on two legs",
    "make a phone call",
    "play with cell phones",
    "point somewhere",
    "look at the watch",
    "rub hands",
    "bow",
    "shake head",
    "salute",
    "cross palms together",
    "cross arms in front to say no",
    "wear headphones",
    "take off headphones",
    "make a shh sign",
    "touch the hair",
    "thumb up",
    "thumb down",
    "make an OK sign",
    "make a victory sign",
    "punch with fists",
    "figure snap",
    "open the bottle",
    "smell",
    "squat",
    "apply cream to face",
    "apply cream to hands",
    "grasp a bag",
    "put down a bag",
    "put something into a bag",
    "take something out of a bag",
    "open a box",
    "move a box",
    "put up hands",
    "put hands on hips",
    "wrap arms around",
    "shake arms",
    "step on the spot walk",
    "kick aside",
    "kick backward",
    "cough",
    "sneeze",
    "yawn",
    "blow nose",
    "stagger",
    "headache",
    "chest discomfort",
    "backache",
    "neck-ache",
    "vomit",
    "use a fan",
    "stretch body",
    "punching someone",
    "kicking someone",
    "pushing someone",
    "slap someone on the back",
    "point someone",
    "hug",
    "give something to someone",
    "steal something from other's pocket",
    "rob something from someone",
    "shake hands",
    "walk toward someone",
    "walk away from someone",
    "hit someone with something",
    "threat some with a knife",
    "bump into someone",
    "walk side by side",
    "high five",
    "drink a toast",
    "move something with someone",
    "take a phone for someone",
    "stalk someone",
    "whisper in someone's ear",
    "exchange something with someone",
    "lend an arm to support someone",
    "rock-paper-scissors",
    "hover",
    "land",
    "land at designated locations",
    "move forward",
    "move backward",
    "move left",
    "move right",
    "ascend",
    "descend",
    "accelerate",
    "decelerate",
    "come over here",
    "stay where you are",
    "rear right turn",
    "rear left turn",
    "abandon landing",
    "all clear",
    "not clear",
    "have command",
    "follow me",
    "turn left",
    "turn right",
    "throw litter",
    "dig a hole",
    "mow",
    "set on fire",
    "smoke",
    "cut the tree",
    "fishing",
    "pick a lock",
    "pollute walls",
    "hold someone hostage",
    "threat someone with a gun",
    "wave a goodbye",
    "chase someone",
    "comfort someone",
    "drag someone",
    "sweep the floor",
    "mop the floor",
    "bounce the ball",
    "shoot at the basket",
    "swing the racket",
    "leg pressing",
    "escape (to survive)",
    "call for help",
    "wear a mask",
    "take off a mask",
    "bend arms around someone's shoulder",
    "run",
    "stab someone with a knife",
    "throw a frisbee",
    "carry a carrying pole",
    "use a lever to lift something",
    "walk",
    "open an umbrella",
    "close an umbrella",
)
# Nobody has published which they are: those in whose names the second digit of the gender, the auxiliary
# person's, is set in more than nine of ten clips. A074 to A098, A130 to A135, A146, A148.
_TWO_PERSON = (*CLASSES[74:99], *CLASSES[130:136], CLASSES[146], CLASSES[148])

_LAST_SUBJECT = 118
_TEST_SUBJECTS = {
    "csv1": frozenset({
        1, 3, 4, 9, 22, 23, 24, 31, 41, 54, 58, 60, 66, 72, 74, 75, 91, 92, 93, 94, 95, 96, 97, 99, 101,
        104, 107, 108, 109, 113,
    }),
    "csv2": frozenset({
        1, 2, 7, 9, 13, 15, 17, 23, 25, 27, 28, 33, 34, 41, 42, 48, 50, 51, 53, 55, 58, 65, 68, 76, 82, 85,
        90, 98, 105, 116,
    }),
}  # fmt: skip


def parse_uav_human(path: PurePath) -> ClipEntry:
    """Read a clip's identity from its file name; ValueError if the name is not UAV-Human's."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(f"{path.name!r} is not named like an action video of UAV-Human; expected {_EXAMPLE}")
    subject, action = int(match["subject"]), int(match["action"])
    for name, number, last in (("subject", subject, _LAST_SUBJECT), ("action", action, len(CLASSES) - 1)):
        if number > last:
            raise ValueError(f"{path.name!r} is not of UAV-Human: {name} {number}; expected 0 to {last}")
    splits: dict[str, Split] = {
        protocol: "test" if subject in subjects else "train" for protocol, subjects in _TEST_SUBJECTS.items()
    }
    return ClipEntry(
        id=path.stem,
        path=path.as_posix(),
        label=CLASSES[action],
        subject=str(subject),
        setup=str(int(match["setup"])),
        replication=match["replicate"],
        splits=splits,
    )


def _rule(protocol: str) -> str:
    subjects = ", ".join(map(str, sorted(_TEST_SUBJECTS[protocol])))
    return f"Cross-subject: subjects {subjects} test, the other 89 of 0 to {_LAST_SUBJECT} train."


UAV_HUMAN = Dataset(
    name="uav_human",
    title="UAV-Human",
    homepage="https://github.com/sutdcv/UAV-Human",
    terms="Unknown: ask the dataset's authors, also before passing on what was made of the videos.",
    may_share=False,
    class_names=CLASSES,
    two_person_classes=_TWO_PERSON,
    num_expected=22_366,
    video_glob="*.avi",
    layout=f"the RGB videos of action recognition as published, named like {_EXAMPLE}, in any sub-folders",
    protocols={
        "csv1": protocol_facts(metric="top1", rule=_rule("csv1"), expected={"train": 16_182, "test": 6_184}),
        "csv2": protocol_facts(metric="top1", rule=_rule("csv2"), expected={"train": 16_074, "test": 6_292}),
    },
    list_clips=one_clip_per_video(parse_uav_human),
)

DATASETS = (UAV_HUMAN,)
