"""A folder of NTU RGB+D's ``.skeleton`` files as a source of clips: the 3-D baseline."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError
from store.exchange.kinect_bodies import MAX_BODIES, choose_bodies
from store.exchange.kinect_file import NUM_JOINTS, parse_kinect_file
from store.exchange.skeletons import ntu_25
from store.exchange.source import ImportedClip, Source, file_entries, files_below, read_bytes, unknown_dataset
from store.schema import Layout
from store.table import ClipOutcome

_SUFFIX = ".skeleton"


class KinectFolder(Source):
    """NTU's skeleton files, in any sub-folders: every frame of up to two people, in metres.

    A frame without anybody stays, and nobody is there. A recording without anybody has the status
    ``no_person``; which clips no split may use says the dataset (its list of missing skeletons).

    Args:
        root: the folder.

    Raises:
        ExchangeError: there are no such files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.skeleton = ntu_25()
        self.layout = Layout(
            "native",
            MAX_BODIES,
            NUM_JOINTS,
            taps={},
            crops=(),
            facets=("keypoints_3d", "keypoint_scores", "frame_positions"),
        )
        self.entries = file_entries(files_below(root, _SUFFIX), _SUFFIX, passport=None)
        self.dataset = unknown_dataset(root.resolve().name)
        self.meaning = {
            "import.format": ".skeleton of NTU RGB+D, version 1",
            "import.coordinates": "x, y, z in metres, camera coordinates of the Kinect",
            "import.scores": "tracked 1, inferred 0.5, not tracked 0",
            "import.bodies": "denoised by length, spread and motion, up to two by motion, version 1",
        }
        self.notes = ()

    def read(self, path: str) -> ImportedClip:
        """Read one file."""
        data, sha256 = read_bytes(self._root / path)
        try:
            num_frames, bodies = parse_kinect_file(data.decode("ascii"))
        except UnicodeDecodeError as error:
            raise ClipImportError(f"{path} is not text; expected a .skeleton file of NTU RGB+D") from error
        people = choose_bodies(bodies)
        if not people:
            reason = f"no body in any of {num_frames} frames"
            return ImportedClip(
                ClipOutcome("no_person", reason, num_frames, source_sha256=sha256, num_persons=0), {}
            )
        shape = (num_frames, MAX_BODIES, NUM_JOINTS)
        keypoints, scores = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
        valid = np.zeros(shape[:2], np.bool_)
        for person, body in enumerate(people):
            keypoints[body.frames, person] = body.joints
            scores[body.frames, person] = body.scores
            valid[body.frames, person] = True
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "keypoints_3d": keypoints,
            "keypoint_scores": scores,
            "person_valid": valid,
            "frame_positions": np.arange(num_frames, dtype=np.float32),
        }
        outcome = ClipOutcome(
            "ok", None, num_frames, source_sha256=sha256, num_persons=len(people), num_steps=num_frames
        )
        return ImportedClip(outcome, arrays)
