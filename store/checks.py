"""What clips and datasets must look like to be kept. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from store import shards
from store.errors import ClipDataError, StoreMismatchError
from store.facts import StoreFacts
from store.schema import FRAME_BYTES, ArraySpec, Layout, array_specs
from store.spool import SpooledClip
from store.table import WITH_DATA, ClipEntry, ClipOutcome

_NUM_EXAMPLES = 3


def check_clip(clip: SpooledClip, layout: Layout) -> None:
    """Refuse a clip that does not fit the layout, before anything of it is written.

    Raises:
        ClipDataError: naming the clip and the array, with what was found and what was expected.
    """
    outcome = clip.outcome
    has_data = outcome.status in WITH_DATA
    specs = {spec.name: spec for spec in array_specs(layout)} if has_data else {}
    if outcome.start is not None or outcome.status == "pending":
        raise ClipDataError(f"{clip.id}: a finished clip has a status and no start yet, found {outcome}")
    if clip.arrays.keys() != specs.keys():
        missing = sorted(specs.keys() - clip.arrays.keys())
        unknown = sorted(clip.arrays.keys() - specs.keys())
        raise ClipDataError(
            f"{clip.id}: its arrays do not fit its status {outcome.status} and the store's layout; "
            f"missing: {missing}, unknown: {unknown}"
        )
    steps = outcome.num_steps
    if not has_data:
        if steps is not None:
            raise ClipDataError(
                f"{clip.id}: num_steps is {steps}, expected None for the status {outcome.status}"
            )
        return
    if steps is None or steps < 1 or (not layout.is_native and steps != layout.clock):
        expected = "1 or more" if layout.is_native else layout.clock
        raise ClipDataError(f"{clip.id}: num_steps is {steps}, expected {expected}")
    for name, spec in specs.items():
        _check_array(clip.id, spec, clip.arrays[name], _tail(spec, layout), steps)
    for crop in layout.crops:
        lengths, longest = clip.arrays[f"frames/{crop}_lengths"], clip.arrays[f"frames/{crop}"].shape[1]
        if lengths.min() < 0 or lengths.max() > longest:
            raise ClipDataError(
                f"{clip.id}: frames/{crop}_lengths are {lengths.min()} to {lengths.max()}, "
                f"expected 0 to {longest}, the width of frames/{crop}"
            )


def check_entries(entries: Sequence[ClipEntry], facts: StoreFacts) -> None:
    """Refuse a dataset that contradicts itself.

    Raises:
        ValueError: an id is there twice, or a label or protocol is not one of the dataset's.
    """
    seen: dict[str, ClipEntry] = {}
    for entry in entries:
        if entry.id in seen:
            raise ValueError(f"two clips have the id {entry.id!r}: {seen[entry.id].path} and {entry.path}")
        seen[entry.id] = entry
        if entry.label is not None and entry.label not in facts.dataset.class_names:
            raise ValueError(
                f"{entry.id}: label {entry.label!r} is none of the classes {facts.dataset.class_names}"
            )
        if unknown := set(entry.splits) - set(facts.dataset.protocols):
            raise ValueError(
                f"{entry.id}: the dataset has no protocol {sorted(unknown)[0]!r}; "
                f"it has {', '.join(facts.dataset.protocols) or 'none'}"
            )


def check_unnamed(entries: Iterable[ClipEntry], facts: StoreFacts, where: str) -> None:
    """Refuse a dataset that lacks the class or a protocol of a clip that only the store knows.

    Raises:
        StoreMismatchError: naming the first such clip; its label would be of no class.
    """
    classes, protocols = set(facts.dataset.class_names), set(facts.dataset.protocols)
    for entry in entries:
        if entry.label is not None and entry.label not in classes:
            lacking = f"class {entry.label!r}"
        elif unknown := sorted(set(entry.splits) - protocols):
            lacking = f"protocol {unknown[0]!r}"
        else:
            continue
        raise StoreMismatchError(
            f"{where} has the clip {entry.id}, which this DATASET does not name, and its {lacking} neither. "
            "Name all clips in one DATASET and choose with --ids or --limit, give another STORE, or let "
            "`make reindex` replace the store's labels first"
        )


def check_same_clips(
    entries: Mapping[str, ClipEntry],
    known: Mapping[str, ClipEntry],
    outcomes: Iterable[tuple[str, ClipOutcome]],
    where: str,
) -> None:
    """Refuse a dataset that gives other videos the ids of clips that were extracted already.

    Args:
        entries: what the dataset says, by id.
        known: what the store's table says, by id.
        outcomes: what was found in the clips, packed or waiting.
        where: the store, for the message.

    Raises:
        StoreMismatchError: naming the first such clips, with what the store has and what the dataset says.
    """
    differing: dict[str, str] = {}
    for clip_id, outcome in outcomes:
        entry = entries.get(clip_id)
        if entry is None or outcome.status not in WITH_DATA:
            continue
        before, found = known.get(clip_id, entry), outcome.source_sha256
        if (entry.path, entry.interval) != (before.path, before.interval):
            differing[clip_id] = f"the store has {_place(before)}, the dataset says {_place(entry)}"
        elif entry.sha256 and found and entry.sha256.lower() != found.lower():
            differing[clip_id] = (
                f"the store has the file with sha256 {found[:12]}…, the dataset says {entry.sha256[:12]}…"
            )
    if differing:
        lines = [f"  {clip_id}: {what}" for clip_id, what in list(differing.items())[:_NUM_EXAMPLES]]
        if len(differing) > _NUM_EXAMPLES:
            lines.append(f"  and {len(differing) - _NUM_EXAMPLES} more")
        lines.insert(0, f"{where} has other clips under {len(differing)} of the dataset's ids:")
        lines.append(
            "Give another STORE, or give the clips other ids. "
            "If they are the same videos, name their paths as before."
        )
        raise StoreMismatchError("\n".join(lines))


def _place(entry: ClipEntry) -> str:
    if entry.interval is None:
        return entry.path
    first, end = entry.interval
    return f"frames {first} to {'the end' if end is None else end} of {entry.path}"


def _tail(spec: ArraySpec, layout: Layout) -> tuple[int, ...]:
    """Return the shape of one sample time."""
    return spec.shape_tail if layout.is_native else spec.shape_tail[1:]


def _check_array(
    clip_id: str, spec: ArraySpec, values: npt.NDArray[np.generic], tail: tuple[int, ...], steps: int
) -> None:
    shape = (steps, *tail)
    if shards.is_picture(spec) and values.ndim == 2:
        if values.shape[1] > FRAME_BYTES:
            raise ClipDataError(
                f"{clip_id}: {spec.name} has a JPEG of {values.shape[1]} bytes, at most {FRAME_BYTES} fit; "
                "lower the JPEG quality"
            )
        shape = (steps, values.shape[1])  # as wide as the clip's longest JPEG
    if values.shape != shape or values.dtype != np.dtype(spec.dtype):
        raise ClipDataError(
            f"{clip_id}: {spec.name} is {values.dtype} {values.shape}, expected {spec.dtype} {shape}"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = int(np.count_nonzero(~np.isfinite(values)))
        raise ClipDataError(
            f"{clip_id}: {count} of {values.size} values of {spec.name} are NaN or infinite "
            f"({spec.dtype} holds at most {np.finfo(spec.dtype).max:g})"
        )
