"""What the page needs of a clip, read from its store."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from store import StoreReader
from store.schema import Facet
from store.table import ClipRow

_MAX_PANELS = 8
_PIXELS_PER_UNIT, _MARGIN = 200, 30  # of the canvas on which poses in space are seen from the front
_CLEAR_SHARE = 0.6  # of the clip's 95th percentile of scores: from there on a joint is drawn in full


@dataclass(frozen=True, slots=True)
class Clip:
    """What the page needs of a clip but its pictures and features; T sample times, M persons, V joints.

    An imported store may lack keypoints, scores or boxes: None.
    """

    row: ClipRow
    valid: npt.NDArray[np.bool_]  # (T, M)
    keypoints: npt.NDArray[np.float32] | None  # (T, M, V, 2) source pixels, or a front view
    scores: npt.NDArray[np.float32] | None  # (T, M, V)
    boxes: npt.NDArray[np.float32] | None  # (T, M, 4) source pixels
    times: npt.NDArray[np.float64]  # (T,) in ``unit``
    unit: str  # "s"; "frame" where nobody knows the frame rate, "step" where nobody knows the frames
    image_wh: tuple[float, float]
    links: Sequence[tuple[int, int]]

    @property
    def num_steps(self) -> int:
        return len(self.times)

    @property
    def num_persons(self) -> int:
        return self.valid.shape[1]

    @property
    def span(self) -> tuple[float, float]:
        """Where the time axis begins and ends: every sample time has the same room."""
        width = (self.times[-1] - self.times[0]) / (self.num_steps - 1) if self.num_steps > 1 else 0.0
        if width <= 0:
            width = 1.0
        return float(self.times[0] - width / 2), float(self.times[0] + width * (self.num_steps - 0.5))

    @property
    def time_label(self) -> str:
        """What stands below the time axis."""
        labels = {"s": "time (s)", "frame": "time (frames of the source)", "step": "sample time"}
        return labels[self.unit]

    @property
    def clear_score(self) -> float:
        """The score from which a joint is drawn in full; SimCC's peaks are lower than those of heatmaps."""
        scores = self.scores[self.valid] if self.scores is not None else np.ones(1, np.float32)
        return max(_CLEAR_SHARE * float(np.percentile(scores, 95)), 1e-6) if scores.size else 1.0


def read_clip(reader: StoreReader, clip_id: str) -> Clip:
    """Read what the page needs of a clip.

    Raises:
        ClipNotFoundError: there is no such clip, or it has no data.
        StoreDamagedError: a file of the store is missing or damaged.
    """
    valid = reader.person_valid(clip_id)
    row = reader.row(clip_id)
    facets = reader.facts.layout.facets

    def read(name: Facet) -> npt.NDArray[np.float32] | None:
        return np.asarray(reader.read(name, clip_id), np.float32) if name in facets else None

    in_space, boxes, positions = read("keypoints_3d"), read("boxes"), read("frame_positions")
    keypoints = read("keypoints") if in_space is None else _front_view(in_space, valid)
    fps = row.outcome.fps if positions is not None else None
    times = np.arange(len(valid)) if positions is None else positions
    if row.outcome.width and row.outcome.height:
        image_wh = (float(row.outcome.width), float(row.outcome.height))
    else:  # as much of the image as anybody was seen in
        seen = [found[valid].reshape(-1, 2) for found in (keypoints, boxes) if found is not None]
        corners = np.concatenate([*seen, [[1, 1]]]) + (0 if in_space is None else _MARGIN)
        image_wh = (float(corners[:, 0].max()), float(corners[:, 1].max()))
    return Clip(
        row=row,
        valid=valid,
        keypoints=keypoints,
        scores=read("keypoint_scores"),
        boxes=boxes,
        times=times.astype(np.float64) / (fps or 1),
        unit="s" if fps else "frame" if positions is not None else "step",
        image_wh=image_wh,
        links=reader.facts.skeleton.link_indices() or _bone_indices(reader),
    )


def _front_view(keypoints: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Look at poses in space, (T, M, V, 3) with y upwards, from the front: (T, M, V, 2) on a canvas."""
    flat = keypoints[..., :2] * np.array([1, -1], np.float32)
    corner = flat[valid].reshape(-1, 2).min(0) if valid.any() else np.zeros(2, np.float32)
    return np.asarray((flat - corner) * _PIXELS_PER_UNIT + _MARGIN, np.float32)


def _bone_indices(reader: StoreReader) -> list[tuple[int, int]]:
    skeleton = reader.facts.skeleton
    return [(skeleton.joint_names.index(a), skeleton.joint_names.index(b)) for a, b in skeleton.bones]


def panel_steps(num_steps: int) -> list[int]:
    """Return the steps whose pictures are shown: the middles of equal parts of the clip."""
    parts = min(_MAX_PANELS, num_steps)
    return [int((part + 0.5) * num_steps / parts) for part in range(parts)]
