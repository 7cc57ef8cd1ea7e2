"""Detections -> the M persons of a clip, by a named policy; all but one never look at the label. Pure."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from extract.interfaces import Detections, Persons
from extract.tracking import Track, by_confidence, link_detections

PersonPolicy = Literal["tracked", "top1", "top2_by_score", "by_label"]

MAX_PERSONS: dict[PersonPolicy, int] = {"tracked": 2, "top1": 1, "top2_by_score": 2, "by_label": 2}

MAX_STEP_SECONDS = 0.2  # identities are followed at least so often (numerics contract, item 4)
# A second person needs this share of the first one's evidence. A partner who is there for half of the time
# has 0.5, one who is half as tall 0.25; people in the background of UT-Interaction have 0.15 at most.
MIN_EVIDENCE_SHARE = 0.2


def frames_to_detect(
    num_frames: int, pose_frames: Sequence[int], fps: float, policy: PersonPolicy
) -> list[int]:
    """Which frames the detector has to see.

    Without identities, the pose frames. For ``tracked`` also the first and the last frame of the clip, so
    that the persons are chosen on the whole of it, and between all of these as few evenly spread frames as
    make no step longer than 0.2 s (one frame, where frames are further apart).

    Args:
        num_frames: frames of the clip.
        pose_frames: frames that need pose, within the clip.
        fps: frames per second.
        policy: who is in a clip.

    Returns:
        Ascending frame numbers.

    Raises:
        ValueError: a pose frame is not in the clip, or ``fps`` is not positive.
    """
    wanted = sorted({int(frame) for frame in pose_frames})
    if wanted and not 0 <= wanted[0] <= wanted[-1] < num_frames:
        raise ValueError(f"pose frames {wanted[0]}..{wanted[-1]} in a clip of {num_frames} frames")
    if policy != "tracked" or num_frames == 0:
        return wanted
    max_step = max(1, math.floor(MAX_STEP_SECONDS * _checked(fps) + 1e-6))  # 0.2 x 15 is not quite 3
    anchors = sorted({0, *wanted, num_frames - 1})
    looked_at = {anchors[-1]}
    for start, stop in itertools.pairwise(anchors):
        num_steps = math.ceil((stop - start) / max_step)
        looked_at.update(start + (stop - start) * step // num_steps for step in range(num_steps))
    return sorted(looked_at)


def round_boxes(found: Detections) -> Detections:
    """Round boxes to whole pixels, half to even, as the release does; one that vanishes is dropped.

    Source: specs/hpnet.md A.1.
    """
    boxes = np.rint(found.boxes_xyxy)
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(1)
    return Detections(boxes[has_area], found.scores[has_area])


def select_persons(
    detections: Mapping[int, Detections],
    *,
    policy: PersonPolicy,
    pose_frames: Sequence[int],
    fps: float,
    is_two_person_class: bool = False,
) -> Persons:
    """Choose the persons of a clip.

    - ``top1``: the most confident box of each frame. No identity.
    - ``top2_by_score``: the two most confident boxes of each frame, slot 0 the more confident. No identity.
    - ``tracked``: the two tracks with the most evidence, in all frames. Evidence is the track's score summed
      over time, times the square of its body size relative to the biggest track's. Slot 0 has the most (ties:
      seen first, then leftmost); slot 1 stays empty below ``MIN_EVIDENCE_SHARE`` of it. Valid only where
      detected.
    - ``by_label``: what the release does on NTU, a leak: a model that predicts cannot know the class. In a
      class of two persons as ``top2_by_score``, and a frame with one box has that person in both slots (so
      does the release, and what is blended from such a frame could not be told later). In any other class
      as ``top1``, and slot 1 stays empty: there the release's copy is a view made on reading.

    Args:
        detections: frame -> persons found, at least for ``frames_to_detect``.
        policy: see above.
        pose_frames: the frames to tell of.
        fps: frames per second.
        is_two_person_class: what the label says; only ``by_label`` asks.

    Returns:
        One row per pose frame, ``MAX_PERSONS[policy]`` slots.

    Raises:
        ValueError: a pose frame was not looked at, ``fps`` is not positive, the policy is unknown.

    Source: all but ``tracked``: the authors' release (specs/hpnet.md A.1, A.2).
    """
    if policy not in MAX_PERSONS:
        raise ValueError(f"unknown policy {policy!r}; expected one of {', '.join(MAX_PERSONS)}")
    frames = np.array(sorted({int(frame) for frame in pose_frames}), np.int64)
    unseen = [int(frame) for frame in frames if int(frame) not in detections]
    if unseen:
        raise ValueError(
            f"no detections for {len(unseen)} pose frames, first {unseen[0]}; detect on frames_to_detect()"
        )
    boxes = np.zeros((len(frames), MAX_PERSONS[policy], 4), np.float32)
    valid = np.zeros(boxes.shape[:2], np.bool_)
    if policy == "tracked":
        for slot, track in enumerate(_main_tracks(detections, _checked(fps))):
            at_pose = np.isin(track.frames, frames)
            rows = np.searchsorted(frames, track.frames[at_pose])
            boxes[rows, slot], valid[rows, slot] = track.boxes_xyxy[at_pose], True
    else:
        num_wanted = 1 if policy == "by_label" and not is_two_person_class else MAX_PERSONS[policy]
        for row, frame in enumerate(frames):
            found = detections[int(frame)]
            chosen = [int(index) for index in by_confidence(found)[:num_wanted]]
            if policy == "by_label" and len(chosen) == 1:
                chosen *= num_wanted
            for slot, index in enumerate(chosen):
                boxes[row, slot], valid[row, slot] = found.boxes_xyxy[index], True
    return Persons(frames, boxes, valid)


def _main_tracks(detections: Mapping[int, Detections], fps: float) -> list[Track]:
    tracks = link_detections(detections, fps=fps)
    if not tracks:
        return []
    looked_at = np.array(sorted(detections), np.int64)
    # The time a looked-at frame stands for: half-way to its neighbours on both sides.
    seconds = np.gradient(looked_at / fps) if len(looked_at) > 1 else np.ones(1)
    score_seconds = [(t.scores * seconds[np.searchsorted(looked_at, t.frames)]).sum() for t in tracks]
    sizes = np.array([np.median((t.boxes_xyxy[:, 2:] - t.boxes_xyxy[:, :2]).max(axis=1)) for t in tracks])
    evidence = (score_seconds * (sizes / sizes.max()) ** 2).round(9)  # so that ties stay ties
    order = np.argsort(-evidence, kind="stable")[:2]  # tracks come by first sight, then left to right
    return [tracks[i] for i in order if evidence[i] >= MIN_EVIDENCE_SHARE * evidence[order[0]]]


def _checked(fps: float) -> float:
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps is {fps}; tracking needs a positive number of frames per second")
    return fps
