"""Streams: views of a clip that are made on reading and never stored. Pure.

The models of persons see one row per person of a clip, (T, V, C); a stream is a view of rows, put into the
slots of its clips at the end. A person who is absent from a clip has no row, so costs nothing.

Who is absent only at times has a row, and ``valid`` says where it speaks (``train/persons.py`` says what it
holds elsewhere). Absence is never read as data: joint and bone look at one time only, and motion is a
difference only between two times at which the person is there, else 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from store.skeleton import Skeleton

Source = Literal["pooled", "pose", "simcc"]


@dataclass(frozen=True, slots=True)
class View:
    """What a stream shows.

    Args:
        source: pooled features of a tap; the pose (2-D keypoints in source pixels, or the 3-D ones that a
            store has instead); or the coordinate vectors of a SimCC head, a tap of their own.
        bone: child minus parent, instead of the joint.
        motion: the difference to the next time, instead of the value.
    """

    source: Source
    bone: bool = False
    motion: bool = False


# Source: specs/hpnet.md C.1; simcc is the row "SimCC coordinate vectors" of the paper's Table IV
STREAMS: Mapping[str, View] = {
    "hpj": View("pooled"),
    "hpb": View("pooled", bone=True),
    "hpjm": View("pooled", motion=True),
    "hpbm": View("pooled", bone=True, motion=True),
    "j": View("pose"),
    "b": View("pose", bone=True),
    "jm": View("pose", motion=True),
    "bm": View("pose", bone=True, motion=True),
    "simcc": View("simcc"),
}


def view_of(stream: str) -> View:
    """Return a stream's view.

    Raises:
        ValueError: there is no such stream.
    """
    if stream not in STREAMS:
        raise ValueError(f"there is no stream {stream!r}; expected one of {', '.join(STREAMS)}")
    return STREAMS[stream]


def bone_parents(skeleton: Skeleton) -> list[int]:
    """Return the parent of each joint; a joint without a bone is its own, so that its bone is 0.

    Raises:
        ValueError: a joint has two parents.
    """
    place = {name: index for index, name in enumerate(skeleton.joint_names)}
    parents = list(range(len(place)))
    children = [child for child, _ in skeleton.bones]
    if twice := {child for child in children if children.count(child) > 1}:
        raise ValueError(
            f"the skeleton's bones give {sorted(twice)} two parents; expected one for each joint"
        )
    for child, parent in skeleton.bones:
        parents[place[child]] = place[parent]
    return parents


def view_rows(rows: Tensor, valid: Tensor | None, view: View, parents: Sequence[int]) -> Tensor:
    """Make a stream's view of persons.

    Args:
        rows: (R, T, V, C) of any float type; R persons.
        valid: (R, T) bool, where each person is there; None: everywhere, also where it is not, so that zeros
            are read as data (as the release does).
        view: which view.
        parents: of each joint, see ``bone_parents``.

    Returns:
        (R, T, V, C) float32. Bone: v minus its parent. Motion: the next time minus this one, 0 at the last
        time and where the person is absent from one of the two. Motion of bones: the bone first.

    Source: specs/hpnet.md C.1.
    """
    rows = rows.float()
    if view.bone:
        rows = rows - rows[:, :, list(parents)]
    if view.motion:
        step = rows[:, 1:] - rows[:, :-1]
        if valid is not None:
            step = torch.where((valid[:, 1:] & valid[:, :-1])[:, :, None, None], step, 0)
        rows = torch.cat([step, torch.zeros_like(rows[:, :1])], dim=1)
    return rows


def to_slots(rows: Tensor, slots: Tensor, *, num_clips: int, num_persons: int) -> Tensor:
    """Put rows of persons into the slots of their clips.

    Args:
        rows: (R, T, V, C).
        slots: (R,) int64, ascending: clip * M + person.
        num_clips: B.
        num_persons: M.

    Returns:
        (B, C, T, V, M): a permuted view, 0 in slots without a row.
    """
    if len(rows) < num_clips * num_persons:
        filled = rows.new_zeros((num_clips * num_persons, *rows.shape[1:]))
        rows = filled.index_copy_(0, slots, rows)
    return rows.reshape(num_clips, num_persons, *rows.shape[1:]).permute(0, 4, 2, 3, 1)


def clip_stream(
    values: npt.NDArray[np.float16] | npt.NDArray[np.float32],
    person_valid: npt.NDArray[np.bool_] | None,
    stream: str,
    skeleton: Skeleton,
) -> Tensor:
    """Make a stream of one clip's arrays: the view of ``view_rows`` in the models' axes.

    Args:
        values: (T, M, V, C), as a store on a clock returns them.
        person_valid: (T, M); None: everybody is there all the time.
        stream: a name of ``STREAMS``.
        skeleton: whose bones count.

    Returns:
        (C, T, V, M) float32.
    """
    rows = torch.from_numpy(np.ascontiguousarray(values.swapaxes(0, 1)))
    valid = None if person_valid is None else torch.from_numpy(np.ascontiguousarray(person_valid.T))
    viewed = view_rows(rows, valid, view_of(stream), bone_parents(skeleton))
    return viewed.permute(3, 1, 2, 0)
