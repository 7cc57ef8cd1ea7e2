"""NTU RGB+D's ``.skeleton`` files: text, one Kinect recording each. Pure.

The file is a stream of numbers: how many frames; per frame, how many bodies; per body an id, nine numbers
that nothing here needs and how many joints; per joint x, y, z in metres (camera coordinates), eight numbers
(places in the depth and colour pictures, orientation) and the tracking state: 0 not tracked, 1 inferred,
2 tracked.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError

NUM_JOINTS = 25
_BODY_FIELDS = 10
_JOINT_FIELDS = 12
_STATE = 11  # of a joint's fields
_TRACKED = 2  # the highest state, which becomes the score 1


@dataclass(frozen=True, slots=True)
class Body:
    """One body that the Kinect followed.

    Args:
        frames: (F,) the frames in which it was seen, increasing.
        joints: (F, 25, 3) x, y, z in metres.
        scores: (F, 25) 1 tracked, 0.5 inferred, 0 not tracked.
    """

    frames: npt.NDArray[np.int64]
    joints: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


def parse_kinect_file(text: str) -> tuple[int, list[Body]]:
    """Return the number of frames, and the bodies in the order in which they appear.

    Raises:
        ClipImportError: the text is no such file, or cut short.
    """
    tokens = _Tokens(text)
    num_frames = tokens.count("frames")
    seen: dict[str, list[tuple[int, npt.NDArray[np.float32]]]] = {}
    for frame in range(num_frames):
        where = f"frame {frame} of {num_frames}"
        for _ in range(tokens.count(f"bodies of {where}")):
            body_id = tokens.take(_BODY_FIELDS, where)[0]
            num_joints = tokens.count(f"joints of {where}")
            if num_joints != NUM_JOINTS:
                raise ClipImportError(f"a body of {where} has {num_joints} joints; expected {NUM_JOINTS}")
            values = tokens.numbers(NUM_JOINTS * _JOINT_FIELDS, where).reshape(NUM_JOINTS, _JOINT_FIELDS)
            looks = seen.setdefault(body_id, [])
            if looks and looks[-1][0] == frame:
                raise ClipImportError(f"{where} has the body {body_id} twice")
            looks.append((frame, values))
    return num_frames, [_body(looks) for looks in seen.values()]


def _body(looks: list[tuple[int, npt.NDArray[np.float32]]]) -> Body:
    values = np.stack([found for _, found in looks])
    frames = np.array([frame for frame, _ in looks], np.int64)
    return Body(frames, values[..., :3], values[..., _STATE] / np.float32(_TRACKED))


class _Tokens:
    """The numbers of a file, taken from the front."""

    def __init__(self, text: str) -> None:
        self._words = text.split()
        self._at = 0

    def take(self, number: int, where: str) -> list[str]:
        words = self._words[self._at : self._at + number]
        if len(words) < number:
            raise ClipImportError(f"ends in {where}; the file is cut short, get it again")
        self._at += number
        return words

    def count(self, what: str) -> int:
        (word,) = self.take(1, f"the number of {what}")
        if not word.isdecimal():
            raise ClipImportError(f"the number of {what} is {word[:40]!r}; not a .skeleton file of NTU RGB+D")
        return int(word)

    def numbers(self, number: int, where: str) -> npt.NDArray[np.float32]:
        try:
            return np.array(self.take(number, where), np.float64).astype(np.float32)
        except ValueError as error:
            raise ClipImportError(f"{where}: {error}; not a .skeleton file of NTU RGB+D") from error
