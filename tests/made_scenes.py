"""Clips without pixels: who is where, what a detector would find of it, and how well that is followed.

Persons are 100 pixels tall (one body size) unless said otherwise, walk along x and stand on y = 200. Who is
nearer hides who is behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from extract.interfaces import Detections, Persons
from extract.persons import frames_to_detect, select_persons
from store.clock import sample_times

SEEN_SHARE = 0.4  # of a body that a detector needs; of two boxes that overlap by IoU 0.45 it drops one anyway


@dataclass(frozen=True)
class Walker:
    """A person who goes straight from place to place.

    Args:
        path: (second, x) of the places; before the first and after the last one it is not there.
        height: pixels.
        depth: who has less is nearer to the camera.
        away: (from, to) seconds out of the picture, or behind a wall.
    """

    path: Sequence[tuple[float, float]]
    height: float = 100
    depth: float = 1
    away: Sequence[tuple[float, float]] = ()

    def box(self, second: float) -> np.ndarray | None:
        times, places = zip(*self.path, strict=True)
        if not times[0] <= second <= times[-1] or any(a <= second < b for a, b in self.away):
            return None
        x = np.interp(second, times, places)
        return np.array([x - 0.2 * self.height, 200 - self.height, x + 0.2 * self.height, 200])


@dataclass(frozen=True)
class Pillar:
    """An obstacle from floor to ceiling."""

    x: float
    width: float
    depth: float = 0

    def box(self, second: float) -> np.ndarray:
        return np.array([self.x - self.width / 2, 0, self.x + self.width / 2, 200])


@dataclass(frozen=True)
class Flaws:
    """What a detector gets wrong.

    Args:
        missed: share of visible persons that are not found.
        jitter: standard deviation of each side of a box, in body heights.
        doubled: share of persons with a second, weaker box around head and chest, which suppression leaves.
        cut: boxes end where somebody nearer begins.
    """

    missed: float = 0
    jitter: float = 0
    doubled: float = 0
    cut: bool = False


@dataclass
class Scene:
    """One clip: what is found in each frame looked at, and whose box each one is."""

    fps: float
    pose_frames: list[int]
    detections: dict[int, Detections] = field(default_factory=dict)
    owners: dict[tuple[int, tuple[float, ...]], str] = field(default_factory=dict)  # frame, box -> name


def make_scene(
    people: dict[str, Walker],
    *,
    seconds: float,
    fps: float = 30,
    flaws: Flaws = Flaws(),
    pillars: Sequence[Pillar] = (),
    seed: int = 0,
) -> Scene:
    """Look at a clip as extraction does on a 64-clock."""
    rng = np.random.default_rng(seed)
    num_frames = round(seconds * fps)
    pose_frames = sample_times(num_frames, 64).frames.tolist()
    scene = Scene(fps, pose_frames)
    for frame in frames_to_detect(num_frames, pose_frames, fps, "tracked"):
        found: list[tuple[float, np.ndarray]] = []
        there = {name: box for name, who in people.items() if (box := who.box(frame / fps)) is not None}
        for name, box in there.items():
            depth = people[name].depth
            nearer = [other for who, other in there.items() if people[who].depth < depth]
            nearer += [pillar.box(frame / fps) for pillar in pillars if pillar.depth < depth]
            left = _visible(box, nearer)
            is_seen = left[2] - left[0] >= SEEN_SHARE * (box[2] - box[0])
            if not is_seen or rng.random() < flaws.missed:
                continue
            shown = left if flaws.cut else box
            for score in [0.9, 0.5] if rng.random() < flaws.doubled else [0.9]:
                height = people[name].height
                wrong = shown + rng.normal(0, flaws.jitter * height, 4)
                if score < 0.9:
                    wrong[3] -= 0.6 * height
                wrong = wrong.astype(np.float32)
                found.append((score - 0.1 * rng.random(), wrong))
                scene.owners[frame, tuple(wrong.tolist())] = name
        found.sort(key=lambda item: -item[0])
        scene.detections[frame] = Detections(
            np.array([box for _, box in found], np.float32).reshape(-1, 4),
            np.array([score for score, _ in found], np.float32),
        )
    return scene


def _visible(box: np.ndarray, nearer: Sequence[np.ndarray]) -> np.ndarray:
    """What is left of a box between those in front of it; who is less tall than half of it hides nothing."""
    left, right = box[0], box[2]
    for other in nearer:
        if 200 - other[1] < 0.5 * (200 - box[1]) or other[2] <= left or other[0] >= right:
            continue
        if other[0] - left > right - other[2]:
            right = other[0]
        else:
            left = min(other[2], right)
    return np.array([left, box[1], right, box[3]])


@dataclass(frozen=True)
class Outcome:
    """How well persons were followed.

    Args:
        switches: how often a person's slot changes between consecutive looks that show it in a slot (as
            in MOT; a person in no slot, or not seen, keeps its last one).
        strangers: looks in which a slot shows another person than most of the time.
        shown: share of a person's boxes at pose frames that are in a slot, by name.
    """

    switches: int
    strangers: int
    shown: dict[str, float]


def follow(scene: Scene) -> Outcome:
    """Choose the persons of a scene at all looks and compare with who they are."""
    persons = select_persons(
        scene.detections, policy="tracked", pose_frames=sorted(scene.detections), fps=scene.fps
    )
    return compare(scene, persons)


def compare(scene: Scene, persons: Persons) -> Outcome:
    slots: dict[str, list[int]] = {name: [] for name in scene.owners.values()}
    names: dict[int, list[str]] = {}
    for frame, boxes, valid in zip(persons.frames, persons.boxes_xyxy, persons.valid, strict=True):
        for slot in np.flatnonzero(valid):
            name = scene.owners[int(frame), tuple(boxes[slot].tolist())]
            slots[name].append(int(slot))
            names.setdefault(int(slot), []).append(name)
    looks = {name: len({f for (f, _), owner in scene.owners.items() if owner == name}) for name in slots}
    return Outcome(
        switches=sum(int(np.count_nonzero(np.diff(history))) for history in slots.values()),
        strangers=sum(len(shown) - max(map(shown.count, shown)) for shown in names.values()),
        shown={name: len(history) / looks[name] for name, history in slots.items()},
    )
