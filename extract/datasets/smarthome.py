"""Toyota-Smarthome (Das et al., ICCV 2019), trimmed: daily living of older people, filmed by seven cameras.

The rules reproduce the split lists that HP-Net's release ships (tests/golden/test_protocols.py). The classes
are in alphabetical order, in each protocol too; scripts elsewhere number a few of them otherwise.
"""

import re
from pathlib import PurePath

from extract.datasets.base import Dataset, Split, one_clip_per_video, protocol_facts
from store.table import ClipEntry

# Cook.Cleandishes_p02_r00_v02_c03.mp4: activity, subject, repetition, video, camera
_NAME = re.compile(
    r"(?P<activity>[A-Za-z]+(\.[A-Za-z]+)?)_p(?P<subject>\d{2})_r(?P<repetition>\d{2})_v\d{2}_c(?P<camera>\d{2})",
    re.ASCII,
)
_EXAMPLE = "Cook.Cleandishes_p02_r00_v02_c03.mp4"

CLASSES = (
    "Cook.Cleandishes",
    "Cook.Cleanup",
    "Cook.Cut",
    "Cook.Stir",
    "Cook.Usestove",
    "Cutbread",
    "Drink.Frombottle",
    "Drink.Fromcan",
    "Drink.Fromcup",
    "Drink.Fromglass",
    "Eat.Attable",
    "Eat.Snack",
    "Enter",
    "Getup",
    "Laydown",
    "Leave",
    "Makecoffee.Pourgrains",
    "Makecoffee.Pourwater",
    "Maketea.Boilwater",
    "Maketea.Insertteabag",
    "Pour.Frombottle",
    "Pour.Fromcan",
    "Pour.Fromkettle",
    "Readbook",
    "Sitdown",
    "Takepills",
    "Uselaptop",
    "Usetablet",
    "Usetelephone",
    "Walk",
    "WatchTV",
)
# which the protocols across cameras leave out
_NOT_IN_CV = frozenset(
    {
        "Cook.Cleandishes",
        "Cook.Cleanup",
        "Cook.Cut",
        "Cook.Stir",
        "Cook.Usestove",
        "Laydown",
        "Makecoffee.Pourgrains",
        "Makecoffee.Pourwater",
        "Maketea.Boilwater",
        "Maketea.Insertteabag",
        "Pour.Fromkettle",
        "WatchTV",
    }
)
_CLASSES_CV = tuple(name for name in CLASSES if name not in _NOT_IN_CV)

# Of the eleven official training subjects the published lists keep 19 and 25 for validation.
_CS: dict[int, Split] = {
    **dict.fromkeys((3, 4, 6, 7, 9, 12, 13, 15, 17), "train"),
    **dict.fromkeys((19, 25), "val"),
    **dict.fromkeys((2, 10, 11, 14, 16, 18, 20), "test"),
}
# by camera; of cv1 the cameras that are not named here are in no split
_CV1: dict[int, Split] = {1: "train", 5: "val", 2: "test"}
_CV2: dict[int, Split] = {**dict.fromkeys((1, 3, 4, 6, 7), "train"), 5: "val", 2: "test"}


def parse_smarthome(path: PurePath) -> ClipEntry:
    """Read a clip's identity from its file name; ValueError if the name is not Toyota-Smarthome's."""
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(
            f"{path.name!r} is not named like a trimmed video of Toyota-Smarthome; expected {_EXAMPLE}"
        )
    label, subject, camera = match["activity"], int(match["subject"]), int(match["camera"])
    for name, found, expected in (
        ("activity", label, CLASSES),
        ("subject", subject, sorted(_CS)),
        ("camera", camera, sorted(_CV2)),
    ):
        if found not in expected:
            raise ValueError(
                f"{path.name!r} is not of Toyota-Smarthome: {name} {found}; "
                f"expected one of {', '.join(map(str, expected))}"
            )
    splits = {"cs": _CS[subject]}
    if label in _CLASSES_CV:
        splits |= {
            name: cameras[camera] for name, cameras in (("cv1", _CV1), ("cv2", _CV2)) if camera in cameras
        }
    return ClipEntry(
        id=path.stem,
        path=path.as_posix(),
        label=label,
        subject=str(subject),
        camera=str(camera),
        replication=str(int(match["repetition"])),
        splits=splits,
    )


SMARTHOME = Dataset(
    name="smarthome",
    title="Toyota-Smarthome",
    homepage="https://project.inria.fr/toyotasmarthome/",
    terms="To be had on request from its authors; ask them, too, before passing on what was made of the "
    "videos.",
    may_share=False,
    class_names=CLASSES,
    two_person_classes=(),
    num_expected=16_115,
    video_glob="*.mp4",
    layout=f"the trimmed RGB videos as published, named like {_EXAMPLE}, in any sub-folders",
    protocols={
        "cs": protocol_facts(
            metric="mean_class",
            rule="Cross-subject: subjects 3, 4, 6, 7, 9, 12, 13, 15 and 17 train, 19 and 25 validate "
            "(officially they train, too), 2, 10, 11, 14, 16, 18 and 20 test. "
            "Three classes have no clip in val.",
            expected={"train": 8_829, "val": 1_853, "test": 5_433},
        ),
        "cv1": protocol_facts(
            metric="mean_class",
            rule="Cross-view, 19 classes: camera 1 trains, 5 validates, 2 tests. "
            "Two classes have no clip in val.",
            expected={"train": 1_877, "val": 3_539, "test": 1_901},
            classes=_CLASSES_CV,
        ),
        "cv2": protocol_facts(
            metric="mean_class",
            rule="Cross-view, 19 classes: cameras 1, 3, 4, 6 and 7 train, 5 validates, 2 tests. "
            "Two classes have no clip in val.",
            expected={"train": 7_806, "val": 3_539, "test": 1_901},
            classes=_CLASSES_CV,
        ),
    },
    list_clips=one_clip_per_video(parse_smarthome),
)

DATASETS = (SMARTHOME,)
