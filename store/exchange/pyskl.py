"""A pyskl (or mmaction2) pickle as a source of clips."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from store.exchange.errors import ClipImportError, ExchangeError
from store.exchange.passport import PASSPORT_KEY, Passport, parse_passport
from store.exchange.pyskl_annotation import (
    Annotation,
    arrays_of,
    check_inside,
    frame_wh,
    keypoint_of,
    label_of,
)
from store.exchange.pyskl_splits import (
    EVERYTHING,
    own_protocols,
    protocol_facts,
    protocols_of,
    splits_by_clip,
)
from store.exchange.safe_pickle import load_plain_pickle
from store.exchange.skeletons import choose_skeleton
from store.exchange.source import ImportedClip, Source, unknown_dataset
from store.facts import DatasetFacts
from store.schema import Facet, Layout
from store.skeleton import Skeleton
from store.table import ClipEntry, ClipOutcome

# entries have paths with a suffix, for names with a dot in them are cut at the last one where paths are read
_SUFFIX = ".pkl"
PIXELS = "x, y in pixels of the source"
_UNKNOWN_UNITS = "x, y, z as in the pickle, which does not say in which units"
_KEPT = frozenset(
    {
        "frame_dir",
        "filename",
        "label",
        "img_shape",
        "original_shape",
        "total_frames",
        "keypoint",
        "keypoint_score",
    }
)


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
        if not path.is_file():
            raise ExchangeError(f"{path}: no such file; give the pickle")
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        annotations, lists, passport = _read(path)
        self._annotations = _by_id(annotations, path)
        first = next((found for found in map(keypoint_of, annotations) if found is not None), None)
        if first is None:
            raise ExchangeError(
                f"{path}: no annotation has a 'keypoint' of the shape (person, time, joint, 2 or 3). If its "
                "keypoints lie in files of their own (Kinetics), join them with pyskl's tools first"
            )
        self._joints, self._axes = first.shape[2], first.shape[3]
        self._has_scores = any("keypoint_score" in annotation for annotation in annotations)
        self.skeleton = choose_skeleton(
            self._joints, skeleton or (passport.skeleton if passport else None), path
        )
        self.layout = Layout(
            "native",
            max(found.shape[0] for found in map(keypoint_of, annotations) if found is not None) or 1,
            self._joints,
            taps={},
            crops=(),
            facets=self._facets(),
        )
        self.dataset, self.entries = self._name(path, lists, passport, class_names)
        settings = passport.settings if passport else {}
        self.meaning = {
            "import.format": "pyskl pickle, version 1",
            "import.pickle_sha256": sha256,
            "import.keypoint_dtype": str(first.dtype),
            "import.coordinates": settings.get("coordinates", PIXELS if self._axes == 2 else _UNKNOWN_UNITS),
        }
        self.notes = _notes(path, annotations)

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
        self,
        path: Path,
        lists: Mapping[str, Sequence[str]],
        passport: Passport | None,
        class_names: Sequence[str] | None,
    ) -> tuple[DatasetFacts, list[ClipEntry]]:
        """Return the dataset and the clips: the annotations in their order, then what only a split names."""
        dataset = passport.dataset if passport else unknown_dataset(path.stem)
        labels = {clip_id: label_of(annotation) for clip_id, annotation in self._annotations.items()}
        highest = max((label for label in labels.values() if label is not None), default=-1)
        classes = tuple(class_names or dataset.class_names or map(str, range(highest + 1)))
        if highest >= len(classes):
            raise ExchangeError(
                f"{path}: has the label {highest}, counted from 0; only {len(classes)} classes are named"
            )
        protocols = own_protocols(dataset.protocols, lists) if passport else {}
        ours = {name for names in protocols.values() for name in names.values()} | {EVERYTHING}
        added = protocols_of(name for name in lists if not (passport and name in ours))
        facts = {name: protocol_facts(names, lists, path.name) for name, names in added.items()}
        splits = splits_by_clip(protocols | added, lists, str(path))
        entries = []
        for clip_id in dict.fromkeys([*self._annotations, *splits]):
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
        protocol_table = {**dataset.protocols, **facts}
        return dataclasses.replace(dataset, class_names=classes, protocols=protocol_table), entries


def _read(path: Path) -> tuple[list[Annotation], dict[str, Sequence[str]], Passport | None]:
    """Return annotations, splits and passport of a pickle in either of its forms."""
    content = load_plain_pickle(path)
    passport = None
    lists: dict[str, Sequence[str]] = {}
    if isinstance(content, dict):
        given = content.get("split") or {}
        if isinstance(given, dict) and all(isinstance(ids, list | tuple) for ids in given.values()):
            lists = {str(name): [str(clip_id) for clip_id in ids] for name, ids in given.items()}
        if PASSPORT_KEY in content:
            passport = parse_passport(content[PASSPORT_KEY], f"{path}, key {PASSPORT_KEY!r}")
        content = content.get("annotations", content.get("annos"))
    if not isinstance(content, list) or not content or not all(isinstance(each, dict) for each in content):
        raise ExchangeError(
            f"{path}: no annotations; expected a dict with 'split' and 'annotations', or a list of dicts"
        )
    return content, lists, passport


def _by_id(annotations: Sequence[Annotation], path: Path) -> dict[str, Annotation]:
    # as the loaders choose: by the first annotation
    key = "filename" if "filename" in annotations[0] else "frame_dir"
    found: dict[str, Annotation] = {}
    for number, annotation in enumerate(annotations):
        if key not in annotation:
            raise ExchangeError(f"{path}: annotation {number} has no {key!r}, which names its clip")
        clip_id = str(annotation[key])
        if clip_id in found:
            raise ExchangeError(f"{path}: two annotations of {clip_id!r}; every clip needs a name of its own")
        found[clip_id] = annotation
    return found


def _notes(path: Path, annotations: Sequence[Annotation]) -> list[str]:
    unknown = sorted({key for annotation in annotations for key in annotation} - _KEPT)
    notes = [f"{path.name}: not kept: {', '.join(map(str, unknown))}"] if unknown else []
    other = sum(
        tuple(annotation["original_shape"]) != tuple(annotation.get("img_shape", ()))
        for annotation in annotations
        if "original_shape" in annotation
    )
    if other:
        notes.append(f"{path.name}: original_shape differs from img_shape in {other} clips and is not kept")
    return notes
