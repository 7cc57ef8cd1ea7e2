"""Stores for tests of the trainer: who is there is given, and the features say where they are from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from store import StoreReader, open_store
from store.facts import StoreFacts
from store.spool import SpooledClip
from store.table import ClipOutcome
from store.writer import StoreWriter
from tests.store_makers import EXECUTION, make_arrays, make_entries, make_facts, make_failure

TAP = "net.a"
POOLED = f"pooled/{TAP}"


def there(*persons: str) -> np.ndarray:
    """Return (T, M) bool from one word per person: ``there("xx-", "---")``."""
    return np.array([[mark == "x" for mark in person] for person in persons]).T


def stream_clip(clip_id: str, facts: StoreFacts, valid: np.ndarray, seed: int = 0) -> SpooledClip:
    """Make a clip whose arrays are 0 where a person is absent, and nowhere else."""
    steps = len(valid)
    arrays = make_arrays(facts.layout, steps, seed)
    for name, values in arrays.items():
        if values.ndim > 2 and values.shape[:2] == valid.shape:
            arrays[name] = ((values + 1) * valid.reshape(*valid.shape, *(1,) * (values.ndim - 2))).astype(
                values.dtype
            )
    arrays["person_valid"] = valid
    outcome = ClipOutcome(
        "ok",
        num_frames=9,
        fps=30.0,
        width=64,
        height=48,
        num_persons=int(valid.any(0).sum()),
        num_steps=steps,
    )
    return SpooledClip(clip_id, outcome, arrays)


def stream_store(
    root: Path,
    valids: Mapping[str, np.ndarray | None],
    *,
    facts: StoreFacts | None = None,
    order: Sequence[str] | None = None,
) -> StoreReader:
    """Write a store of clips with these persons; of None the extraction failed. Labels take turns.

    ``order``: in which clips are packed; as they are listed unless given.
    """
    facts = facts or make_facts(crops=())
    with StoreWriter(root, facts, make_entries(valids), EXECUTION) as writer:
        for seed, (clip_id, valid) in enumerate(valids.items()):
            failed = make_failure(clip_id)
            writer.put(failed if valid is None else stream_clip(clip_id, facts, valid, seed))
        writer.pack(list(order or valids), last=True)
    return open_store(str(root))
