"""Small files of other formats: pyskl annotations and NTU skeleton files."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Place = tuple[float, float, float]


def annotation(
    clip_id: str, label: int | None = 0, *, persons: int = 1, steps: int = 3, axes: int = 2, **more
):
    """One clip with 17 joints (2-D) or 25 (3-D), every value another multiple of 1/4, exact in float16."""
    joints = 17 if axes == 2 else 25
    count = persons * steps * joints * axes
    fields = {
        "frame_dir": clip_id,
        "total_frames": steps,
        "keypoint": (1 + np.arange(count) / 4).reshape(persons, steps, joints, axes).astype(np.float16),
    }
    if label is not None:
        fields["label"] = label
    if axes == 2:
        scores = (1 + np.arange(persons * steps * joints) % 8) / 8
        fields |= {
            "img_shape": (1080, 1920),
            "original_shape": (1080, 1920),
            "keypoint_score": scores.reshape(persons, steps, joints).astype(np.float16),
        }
    return fields | more


def write_pickle(path: Path, content: object, protocol: int = 2) -> Path:
    """pyskl's own files are of protocol 2."""
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def read_pickle(path: Path):
    return pickle.loads(path.read_bytes())


def kinect_body(place: Place = (0, 0, 3), *, height: float = 1.6, width: float = 0.4, states: int = 2) -> str:
    """A body of 25 joints on a diagonal line from ``place``, in the words of a .skeleton file."""
    joints = []
    for joint in range(25):
        x, y = place[0] + width * joint / 24, place[1] + height * joint / 24
        rest = "251.5 202.25 980.125 540.5 0.1 0.2 0.3 0.4"
        joints.append(f"{x:.7f} {y:.7f} {place[2]:.7f} {rest} {states}")
    return "25\r\n" + "\r\n".join(joints)


def kinect_text(frames: Sequence[Mapping[str, str]]) -> str:
    """A .skeleton file; per frame, body id -> ``kinect_body``."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body_id, joints in bodies.items():
            lines += [f"{body_id} 0 1 1 1 1 0 0.0276 0.0574 2", joints]
    return "\r\n".join(lines) + "\r\n"
