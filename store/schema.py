"""The arrays of a store: names, axes, types, chunks and shards; with README "The store", the format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FORMAT_NAME = "heatpool-store"
# a major step refuses older readers; a minor one only adds arrays, fields or encodings
FORMAT_VERSION = "1.0"

Crop = Literal["person", "clip"]
CROPS: tuple[Crop, ...] = ("person", "clip")
CROP_WH = (224, 224)  # pixels; what HP-Net and EPAM-Net read (specs/hpnet.md B.1, specs/epam.md A.2)

# Clips per unit of work. One unit is one shard of every array and has one writer: about 20 MB of pooled
# features, 10 000 files for NTU-120, and a store that readers see grow every 128 clips.
UNIT_CLIPS = 128
# On the native clock a unit is a stretch of time instead, and clips begin at multiples of a chunk.
CHUNK_STEPS = 64
UNIT_STEPS = UNIT_CLIPS * CHUNK_STEPS

# The longest JPEG a frame may have. Noise at quality 100 and 224x224 needs 116 kB, so nothing real is
# refused. All-zero chunks are not stored, so the empty rest of a frame's row costs nothing.
FRAME_BYTES = 1 << 17
FRAME_CHUNK_BYTES = 1 << 15

# What is known of a clip besides features, crops and who is there. An extraction knows all of EXTRACTED; what
# was imported holds what its files hold. A pose in space has an array of its own, so that no reader can take
# metres for pixels.
Facet = Literal["keypoints", "keypoints_3d", "keypoint_scores", "boxes", "frame_positions"]
FACETS: tuple[Facet, ...] = ("keypoints", "keypoints_3d", "keypoint_scores", "boxes", "frame_positions")
EXTRACTED: tuple[Facet, ...] = ("keypoints", "keypoint_scores", "boxes", "frame_positions")


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides the shapes of a store's arrays.

    Args:
        clock: number of sample times per clip, or ``"native"``: every frame.
        max_persons: M.
        num_joints: V.
        taps: tap name -> C, its number of channels; the first tap is the streams' default.
        crops: which JPEG crops are kept.
        facets: which of ``FACETS`` are kept; an array that is not named is not there.
    """

    clock: int | Literal["native"]
    max_persons: int
    num_joints: int
    taps: Mapping[str, int]
    crops: tuple[Crop, ...]
    facets: tuple[Facet, ...] = EXTRACTED

    def __post_init__(self) -> None:
        if self.clock != "native" and (isinstance(self.clock, str) or self.clock < 1):
            raise ValueError(f"clock is {self.clock!r}; expected a number of sample times or 'native'")
        if min(self.max_persons, self.num_joints, *self.taps.values(), 1) < 1:
            raise ValueError(f"persons, joints and channels must be 1 or more, found {self}")
        if unknown := set(self.crops) - set(CROPS):
            raise ValueError(f"crops are {sorted(unknown)}; expected some of {', '.join(CROPS)}")
        if strange := set(self.facets) - set(FACETS):
            raise ValueError(f"facets are {sorted(strange)}; expected some of {', '.join(FACETS)}")
        # one order, so that the same choice is always the same layout
        object.__setattr__(self, "crops", tuple(crop for crop in CROPS if crop in self.crops))
        object.__setattr__(self, "facets", tuple(facet for facet in FACETS if facet in self.facets))

    @property
    def is_native(self) -> bool:
        return self.clock == "native"

    @property
    def unit_size(self) -> int:
        """Extent of a unit along the first axis: clips, or steps of time on the native clock."""
        return UNIT_STEPS if self.is_native else UNIT_CLIPS


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array of a store.

    ``axes``, ``chunk`` and ``shard`` speak of all axes; the length of the first one grows with the store, and
    ``shape_tail`` holds the other lengths.
    """

    name: str
    axes: tuple[str, ...]
    shape_tail: tuple[int, ...]
    dtype: str
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    meaning: str  # unit and range; copied into the array's attributes
    attributes: tuple[tuple[str, str], ...] = ()


def split_tap(tap: str) -> tuple[str, int | None]:
    """Return a tap's module path, and which item of what the module returns; None: it returns one tensor.

    Raises:
        ValueError: the tap is not ``module.path`` or ``module.path[i]``.
    """
    match = re.fullmatch(r"([A-Za-z_]\w*(?:\.\w+)*)(?:\[(\d+)\])?", tap)
    if match is None:
        raise ValueError(f"tap {tap!r} is not of the form module.path or module.path[i]")
    path, item = match.groups()
    return path, None if item is None else int(item)


def pooled_array_name(tap: str) -> str:
    """Return the array that holds ``tap``; brackets are wildcards in addresses, so ``a[1]`` becomes ``a@1``.

    Raises:
        ValueError: the tap is not ``module.path`` or ``module.path[i]``.
    """
    path, item = split_tap(tap)
    return f"pooled/{path}" if item is None else f"pooled/{path}@{item}"


def array_specs(layout: Layout) -> tuple[ArraySpec, ...]:
    """Return the arrays of a store with this layout, in the order in which they are written."""
    persons, joints = layout.max_persons, layout.num_joints

    def per_person(
        name: str, tail: Mapping[str, int], dtype: str, meaning: str, **attributes: str
    ) -> ArraySpec:
        # one person of one clip is read together: a stream with one person never touches the other's bytes
        return _spec(
            layout,
            name,
            {"person": persons, **tail},
            dtype,
            meaning,
            chunk_tail=(1, *tail.values()),
            attributes=attributes,
        )

    def whole_unit(name: str, tail: Mapping[str, int], dtype: str, meaning: str) -> ArraySpec:
        # small tables that a reader takes whole: one chunk per shard
        spec = _spec(layout, name, tail, dtype, meaning, chunk_tail=tuple(tail.values()))
        return ArraySpec(spec.name, spec.axes, spec.shape_tail, dtype, spec.shard, spec.shard, meaning)

    specs = [
        per_person(
            pooled_array_name(tap),
            {"joint": joints, "channel": channels},
            "float16",
            "pose-network feature pooled at each joint; 0 where the person is absent",
            tap=tap,
            encoding="float16",
        )
        for tap, channels in layout.taps.items()
    ]
    basic = [
        per_person(
            "keypoints", {"joint": joints, "xy": 2}, "float32", "x, y in source pixels, origin top left"
        ),
        per_person(
            "keypoints_3d",
            {"joint": joints, "xyz": 3},
            "float32",
            "x, y, z in the units and axes that the store's meaning names",
        ),
        per_person("keypoint_scores", {"joint": joints}, "float32", "confidence in [0, 1]"),
        per_person("boxes", {"xyxy": 4}, "float32", "x1, y1, x2, y2 in source pixels"),
        whole_unit(
            "person_valid",
            {"person": persons},
            "bool",
            "False: the person is absent, the other arrays are 0 there",
        ),
        whole_unit("frame_positions", {}, "float32", "sample time in frames of the source, 0 = first frame"),
    ]
    specs += [spec for spec in basic if spec.name in (*layout.facets, "person_valid")]
    for crop in layout.crops:
        specs += [
            _spec(
                layout,
                f"frames/{crop}",
                {"bytes": FRAME_BYTES},
                "uint8",
                f"{CROP_WH[0]}x{CROP_WH[1]} crop as JPEG; its first frames/{crop}_lengths bytes count",
                chunk_tail=(FRAME_CHUNK_BYTES,),
            ),
            whole_unit(f"frames/{crop}_lengths", {}, "int32", "bytes of the JPEG; 0: no crop at this time"),
            whole_unit(
                f"frames/{crop}_boxes", {"xyxy": 4}, "int32", "the crop's x1, y1, x2, y2 in source pixels"
            ),
            whole_unit(
                f"frames/{crop}_indices", {}, "int32", "frame of the source that was cropped; -1: none"
            ),
        ]
    return tuple(specs)


def _spec(
    layout: Layout,
    name: str,
    tail: Mapping[str, int],
    dtype: str,
    meaning: str,
    *,
    chunk_tail: tuple[int, ...],
    attributes: Mapping[str, str] | None = None,
) -> ArraySpec:
    shape_tail = tuple(tail.values())
    if layout.is_native:
        axes: tuple[str, ...] = ("time", *tail)
        chunk = (CHUNK_STEPS, *chunk_tail)
        shard = (UNIT_STEPS, *shape_tail)
    else:
        steps = int(layout.clock)
        axes = ("clip", "time", *tail)
        shape_tail = (steps, *shape_tail)
        chunk = (1, steps, *chunk_tail)
        shard = (UNIT_CLIPS, *shape_tail)
    return ArraySpec(name, axes, shape_tail, dtype, chunk, shard, meaning, tuple((attributes or {}).items()))
