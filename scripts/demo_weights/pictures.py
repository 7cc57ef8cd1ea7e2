"""The pictures that the demo's networks learn from: drawn once, from seeds that no evaluation uses."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scripts.demo_videos.actions import ACTIONS
from scripts.demo_videos.body import Floats
from scripts.demo_videos.camera import look_at
from scripts.demo_videos.clips import (
    CONDITIONS,
    FIRST_TRAINING_SEED,
    GENERATOR,
    NUM_CAMERAS,
    NUM_SETUPS,
    WH,
    ClipPlan,
)
from scripts.demo_videos.light import draw_light
from scripts.demo_videos.objects import OBJECTS
from scripts.demo_videos.places import MARGIN, draw_place
from scripts.demo_videos.scene import Thing, build_scene
from scripts.processes import start_pool
from scripts.progress import counted
from store.durable import make_folder, write_file

logger = logging.getLogger(__name__)

Picture = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.uint8]

FRAMES_PER_CLIP = 4
_MADE_BY = {"generator": GENERATOR, "truth": 2}  # the second is the version of what is said of pictures
_KINDS = list(OBJECTS)
_EMPTY_EVERY = 30  # of so many clips, one is a place without anybody
_CONDITION_SHARES = (0.55, 0.2, 0.15, 0.1)  # of CONDITIONS
_JPEG_QUALITIES = (35, 96)  # stands for the compression of videos
_LEAST_BOX_PX = 4.0  # a person of whom less is seen is nobody to find


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a training picture.

    Args:
        picture: the file.
        box_xyxy: (4,) pixels, around what is seen.
        keypoints_xy: (17, 2) pixels.
        visibility: (17,) 0 outside the picture, 1 hidden, 2 seen.
        things: (K, 3) of the objects that are seen in the picture: place of the name in ``OBJECTS``, x, y.
    """

    picture: Path
    box_xyxy: npt.NDArray[np.float32]
    keypoints_xy: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.uint8]
    things: npt.NDArray[np.float32]


def draw_pictures(folder: Path, *, num_clips: int, processes: int) -> None:
    """Draw what is not in ``folder`` yet: ``images/``, ultralytics' ``labels/``, and ``truth/`` per clip.

    Args:
        folder: of the training data.
        num_clips: clips, each with people and a place of its own; ``FRAMES_PER_CLIP`` pictures of each.
        processes: that draw at once.

    Raises:
        ValueError: the folder's pictures were drawn by another version of the generator.
        OSError: the disk is full, or the folder cannot be written to.
    """
    made_by = folder / "made_by.json"
    if made_by.is_file() and json.loads(made_by.read_text()) != _MADE_BY:
        raise ValueError(
            f"{folder} holds pictures of {made_by.read_text()}, this is {json.dumps(_MADE_BY)}; "
            "remove it, or give another folder (--work)"
        )
    for name in ("images", "labels", "truth"):
        make_folder((folder / name).absolute())
    write_file(made_by, json.dumps(_MADE_BY).encode())
    missing = [number for number in range(num_clips) if not _truth_file(folder, number).is_file()]
    if not missing:
        return
    with start_pool(processes) as pool:
        drawn = [pool.submit(_draw_clip, folder, number) for number in missing]
        try:
            for future in counted(as_completed(drawn), total=len(drawn), unit="clip"):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def read_persons(folder: Path, *, num_clips: int) -> list[Person]:
    """Return the persons of the first ``num_clips`` clips that ``draw_pictures`` drew."""
    return [*_persons(folder, num_clips)]


def picture_files(folder: Path, *, num_clips: int) -> list[Path]:
    """Return the pictures of the first ``num_clips`` clips, those without anybody too."""
    return [
        folder / "images" / frame["picture"]
        for number in range(num_clips)
        for frame in json.loads(_truth_file(folder, number).read_text(encoding="utf-8"))
    ]


def plan_of(seed: int) -> ClipPlan:
    """Return a clip by lot; with a seed of its own it has people and a place of its own."""
    dice = np.random.default_rng((seed, 77))
    subject = int(dice.integers(1, 29))
    return ClipPlan(
        action=str(dice.choice(list(ACTIONS))),
        subject=subject,
        partner=subject + 2,
        camera=int(dice.integers(1, NUM_CAMERAS + 1)),
        setup=int(dice.integers(1, NUM_SETUPS + 1)),
        replication=int(dice.integers(1, 7)),
        seed=seed,
        condition=CONDITIONS[int(dice.choice(len(CONDITIONS), p=_CONDITION_SHARES))],
    )


def _draw_clip(folder: Path, number: int) -> None:
    """Write the pictures of a clip; its truth last, so that it is there only if all of them are."""
    cv2.setNumThreads(1)
    dice = np.random.default_rng((FIRST_TRAINING_SEED + number, 78))
    frames = []
    for index, (picture, boxes, keypoints, visibility, things) in enumerate(_moments(number, dice)):
        name = f"{number:05d}_{index}"
        quality = int(dice.integers(*_JPEG_QUALITIES))
        _, data = cv2.imencode(
            ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        write_file(folder / "images" / f"{name}.jpg", data.tobytes())
        write_file(folder / "labels" / f"{name}.txt", _label(boxes).encode())
        frames.append(
            {
                "picture": f"{name}.jpg",
                "boxes_xyxy": np.round(boxes, 2).tolist(),
                "keypoints_xy": np.round(keypoints, 2).tolist(),
                "visibility": visibility.tolist(),
                "things": [[thing.name, round(thing.x, 2), round(thing.y, 2)] for thing in things],
            }
        )
    write_file(_truth_file(folder, number), json.dumps(frames, separators=(",", ":")).encode())


def _moments(
    number: int, dice: np.random.Generator
) -> Iterator[tuple[Picture, Floats, Floats, Flags, tuple[Thing, ...]]]:
    if number % _EMPTY_EVERY == _EMPTY_EVERY - 1:
        for _ in range(FRAMES_PER_CLIP):
            yield _empty(dice), np.zeros((0, 4)), np.zeros((0, 17, 2)), np.zeros((0, 17), np.uint8), ()
        return
    scene = build_scene(plan_of(FIRST_TRAINING_SEED + number))
    count = min(FRAMES_PER_CLIP, scene.num_frames)
    for index in np.sort(dice.choice(scene.num_frames, count, replace=False)):
        moment = scene.render(int(index))
        boxes = moment.truth.boxes_xyxy
        seen = (boxes[:, 2:] - boxes[:, :2] >= _LEAST_BOX_PX).all(1)
        yield (
            moment.picture,
            boxes[seen],
            moment.truth.keypoints_xy[seen],
            moment.truth.visibility[seen],
            moment.things,
        )


def _empty(dice: np.random.Generator) -> Picture:
    """Return a place where nobody is."""
    camera = look_at(
        np.array([0.0, 0.0, 0.92]),
        azimuth=float(dice.uniform(0, 2 * np.pi)),
        elevation=float(dice.uniform(0, 1.05)),
        distance=float(dice.uniform(3.5, 7)),
        focal_px=440.0,
        wh=WH,
    )
    place = draw_place(camera, 0.9, dice)
    picture = place.background[MARGIN : MARGIN + WH[1], MARGIN : MARGIN + WH[0]]
    condition = CONDITIONS[int(dice.choice(len(CONDITIONS), p=_CONDITION_SHARES))]
    return draw_light(1, condition, dice).expose(picture.astype(np.float32), 0)


def _label(boxes_xyxy: Floats) -> str:
    """Return boxes as ultralytics reads them: class, centre and size in shares of the picture."""
    boxes = np.clip(boxes_xyxy, 0, (*WH, *WH)) / (*WH, *WH)
    rows = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    return "".join(f"0 {x:.5f} {y:.5f} {w:.5f} {h:.5f}\n" for x, y, w, h in rows)


def _truth_file(folder: Path, number: int) -> Path:
    return folder / "truth" / f"{number:05d}.json"


def _persons(folder: Path, num_clips: int) -> Iterator[Person]:
    for number in range(num_clips):
        for frame in json.loads(_truth_file(folder, number).read_text(encoding="utf-8")):
            things = [[_KINDS.index(name), x, y] for name, x, y in frame["things"]]
            rows = zip(frame["boxes_xyxy"], frame["keypoints_xy"], frame["visibility"], strict=True)
            for box, keypoints, visibility in rows:
                yield Person(
                    folder / "images" / frame["picture"],
                    np.array(box, np.float32),
                    np.array(keypoints, np.float32),
                    np.array(visibility, np.uint8),
                    np.array(things, np.float32).reshape(-1, 3),
                )
