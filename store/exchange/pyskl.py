"""A pyskl (or mmaction2) pickle as a source of clips."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError, ExchangeError
from store.exchange.pyskl_annotation import arrays_of, check_inside, frame_wh, keypoint_of, label_of
from store.exchange.pyskl_file import PysklFile, read_pyskl_file
from store.exchange.pyskl_splits import (
    EVERYTHING,
    own_protocols,
    protocol_facts,
    protocols_of,
    splits_by_clip,
)
from store.exchange.skeletons import assumption, choose_skeleton
from store.exchange.source import ImportedClip, Source, unknown_dataset
from store.facts import DatasetFacts
from store.schema import Facet, Layout
from store.skeleton import Skeleton
from store.table import ClipEntry, ClipOutcome

# entries have paths with a suffix, for names with a dot in them are cut at the last one where paths are read
_SUFFIX = ".pkl"
PIXELS = "x, y in pixels of the source"
_UNKNOWN_UNITS = "x, y, z as in the pickle, which does not say in which units"


class PysklPickle(Source):
    """Poses of a pyskl pickle: with splits, or a bare list of annotations; 2-D or 3-D (specs/posec3d.md 3).

    Every frame is kept. A person whose keypoints and scores are all zero in a frame is absent there.

    Args:
        path: the pickle. Only plain data in it is read.
        class_names: of its labels, in their order; None: the passport's, else the numbers.
        skeleton: the joints; None: the passport's, else by their number.

    Raises:
        ExchangeError: it is no such pickle, or contradicts itself.
    """

    def __init__(
        self, path: Path, *, class_names: Sequence[str] | None = None, skeleton: Skeleton | None = None
    ) -> None:
        file = read_pyskl_file(path)
        passport = file.passport
        self._annotations = file.annotations
        poses = [found for found in map(keypoint_of, file.annotations.values()) if found is not None]
        if not poses:
            raise ExchangeError(
                f"{path}: no annotation has a 'keypoint' of the shape (person, time, joint, 2 or 3). If its "
                "keypoints lie in files of their own (Kinetics), join them with pyskl's tools first"
            )
        self._joints, self._axes = poses[0].shape[2:]
        self._has_scores = any("keypoint_score" in annotation for annotation in file.annotations.values())
        given = skeleton or (passport.skeleton if passport else None)
        self.skeleton = choose_skeleton(self._joints, given, path, in_space=self._axes == 3)
        self.layout = Layout(
            "native",
            max(1, *(found.shape[0] for found in poses)),
            self._joints,
            taps={},
            crops=(),
            facets=self._facets(),
        )
        self.dataset, self.entries = self._name(path, file, class_names)
        settings = passport.settings if passport else {}
        self.meaning = {
            "import.format": "pyskl pickle, version 1",
            "import.pickle_sha256": file.sha256,
            "import.keypoint_dtype": str(poses[0].dtype),
            "import.scores": "as in the pickle" if self._has_scores else "none",
            "import.coordinates": settings.get("coordinates", PIXELS if self._axes == 2 else _UNKNOWN_UNITS),
        }
        self.notes = [*file.notes, *assumption(self.skeleton, given)]

    def read(self, path: str) -> ImportedClip:
        """Read one annotation."""
        annotation = self._annotations.get(path.removesuffix(_SUFFIX))
        if annotation is None:
            raise ClipImportError(
                "the pickle has no annotation of it, though a split or the dataset names it"
            )
        keypoints, scores = arrays_of(
            annotation,
            max_persons=self.layout.max_persons,
            tail=(self._joints, self._axes),
            has_scores=self._has_scores,
        )
        steps = len(keypoints)
        width, height = frame_wh(annotation)
        if width and height and self._axes == 2:
            check_inside(keypoints, width, height)
        valid = keypoints.any(axis=(2, 3)) | scores.any(axis=2)
        if not valid.any():
            reason = f"all keypoints are 0 in all of {steps} frames"
            return ImportedClip(ClipOutcome("no_person", reason, steps, width=width, height=height), {})
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "keypoints" if self._axes == 2 else "keypoints_3d": keypoints,
            "keypoint_scores": scores,
            "person_valid": valid,
            "frame_positions": np.arange(steps, dtype=np.float32),
        }
        if not self._has_scores:
            del arrays["keypoint_scores"]
        outcome = ClipOutcome(
            "ok",
            None,
            steps,
            width=width,
            height=height,
            num_persons=int(valid.any(0).sum()),
            num_steps=steps,
        )
        return ImportedClip(outcome, arrays)

    def _facets(self) -> tuple[Facet, ...]:
        pose: Facet = "keypoints" if self._axes == 2 else "keypoints_3d"
        return (pose, *(("keypoint_scores",) if self._has_scores else ()), "frame_positions")

    def _name(
        self, path: Path, file: PysklFile, class_names: Sequence[str] | None
    ) -> tuple[DatasetFacts, list[ClipEntry]]:
        """Return the dataset and the clips: the annotations in their order, then what only a split names."""
        passport = file.passport
        dataset = passport.dataset if passport else unknown_dataset(path.stem)
        labels = {clip_id: label_of(annotation) for clip_id, annotation in file.annotations.items()}
        highest = max((label for label in labels.values() if label is not None), default=-1)
        classes = tuple(class_names or dataset.class_names or map(str, range(highest + 1)))
        if highest >= len(classes):
            raise ExchangeError(
                f"{path}: has the label {highest}, counted from 0; only {len(classes)} classes are named"
            )
        protocols = own_protocols(dataset.protocols, file.lists) if passport else {}
        ours = {name for names in protocols.values() for name in names.values()} | {EVERYTHING}
        for name, names in protocols_of(
            name for name in file.lists if not (passport and name in ours)
        ).items():
            protocols[name] = names | protocols.get(name, {})
        facts = {name: protocol_facts(names, file.lists, path.name) for name, names in protocols.items()}
        splits = splits_by_clip(protocols, file.lists, str(path))
        entries = []
        for clip_id in dict.fromkeys([*file.annotations, *splits]):
            entry = ClipEntry(clip_id, clip_id + _SUFFIX)
            label = labels.get(clip_id)
            entries.append(
                dataclasses.replace(
                    passport.identify(entry) if passport else entry,
                    # the pickle's own: other programs may have changed them since the export
                    label=None if label is None else classes[label],
                    splits=splits.get(clip_id, {}),
                )
            )
        facts |= dataset.protocols  # a passport's say more
        return dataclasses.replace(dataset, class_names=classes, protocols=facts), entries
