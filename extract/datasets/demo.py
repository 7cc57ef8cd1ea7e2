"""The demo: people who are drawn (scripts/demo_videos), to try everything without any download."""

import re
from collections.abc import Mapping
from pathlib import PurePath

from extract.datasets.base import Dataset, Split, one_clip_per_video, protocol_facts
from store.table import ClipEntry

# drink_p03_c2_s1_r1.mp4; numbers count from 1
_NAME = re.compile(
    r"(?P<action>[a-z_]+)_p(?P<subject>\d{2})_c(?P<camera>\d)_s(?P<setup>\d)_r(?P<replication>\d)", re.ASCII
)
# classes of one movement, with another object each
LOOK_ALIKE = (
    ("drink", "phone call", "brush hair"), ("read book", "use tablet"), ("put on hat", "scratch head")
)  # fmt: skip
# what tells a class from all others
TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "pose": ("wave", "clap", "squat", "jump", "kick"),
    "object": tuple(name for names in LOOK_ALIKE for name in names),
    "pair": ("handshake", "push", "hand over"),
}
CLASSES = tuple(name for names in TOLD_BY.values() for name in names)
_CAMERAS: dict[int, Split] = {1: "train", 2: "train", 3: "test"}


def parse_demo(path: PurePath) -> ClipEntry:
    """Read a clip from its video's name.

    Raises:
        ValueError: the name is none of the demo's.
    """
    match = _NAME.fullmatch(path.stem)
    label = match["action"].replace("_", " ") if match else ""
    if match is None or label not in CLASSES or int(match["camera"]) not in _CAMERAS:
        raise ValueError(f"{path.name!r} is not of the demo; expected a name like drink_p03_c2_s1_r1.mp4")
    subject, camera = int(match["subject"]), int(match["camera"])
    return ClipEntry(
        id=path.stem,
        path=path.as_posix(),
        label=label,
        subject=str(subject),
        camera=str(camera),
        setup=str(int(match["setup"])),
        replication=str(int(match["replication"])),
        splits={"xsub": "train" if subject % 2 else "test", "xview": _CAMERAS[camera]},
    )


def _demo(name: str, title: str, *, num_clips: int) -> Dataset:
    return Dataset(
        name=name,
        title=title,
        homepage=None,
        terms="Drawn by this project: nobody is shown, and everything made of it may be passed on.",
        may_share=True,
        class_names=CLASSES,
        two_person_classes=TOLD_BY["pair"],
        num_expected=num_clips,
        video_glob="*.mp4",
        layout=f"the videos that `make videos DATASET={name}` draws, named like drink_p03_c2_s1_r1.mp4",
        protocols={
            "xsub": protocol_facts(
                metric="top1",
                rule="Cross-subject: odd subjects train, even ones test; pairs are of one kind.",
                expected={"train": num_clips // 2, "test": num_clips // 2},
            ),
            "xview": protocol_facts(
                metric="top1",
                rule="Cross-view: cameras 1 (in front) and 2 (from the side) train, 3 (from above) tests.",
                expected={"train": num_clips * 2 // 3, "test": num_clips // 3},
            ),
        },
        list_clips=one_clip_per_video(parse_demo),
    )


DEMO = _demo("demo", "Heatpool's demo", num_clips=300)
DEMO_FULL = _demo("demo_full", "Heatpool's demo, all of it", num_clips=2700)
DATASETS = (DEMO, DEMO_FULL)
