"""Calling ``import_store`` and ``export_store``, and comparing what they made."""

from pathlib import Path

import numpy as np

from scripts import export_store, import_store
from store import open_store
from store.table import ClipOutcome
from tests.doors import call

ROOT = Path(__file__).resolve().parents[1]


NTU = "S001C00{}P001R001A00{}"


def run_import(kind: str, source: Path, store: Path, *more: str) -> int:
    return call(import_store.main, "--format", kind, "--from", source, "--store", store, *more)


def run_export(kind: str, store: Path, target: Path, *more: str) -> int:
    return call(export_store.main, "--format", kind, "--store", store, "--to", target, *more)


def contents(store: Path) -> dict[str, dict[str, np.ndarray]]:
    """Clip id -> array name -> values, of every clip with data."""
    reader = open_store(str(store))
    names = [name for name in reader._specs]
    return {clip_id: {name: reader.read(name, clip_id) for name in names} for clip_id in reader.clip_ids}


def assert_same_arrays(one: Path, other: Path) -> None:
    left, right = contents(one), contents(other)
    assert list(left) == list(right)
    for clip_id, arrays in left.items():
        assert arrays.keys() == right[clip_id].keys()
        for name, values in arrays.items():
            np.testing.assert_array_equal(values, right[clip_id][name], err_msg=f"{clip_id} {name}")


def outcomes(store: Path) -> dict[str, ClipOutcome]:
    return {row.entry.id: row.outcome for row in open_store(str(store)).rows}


def assert_same_annotations(have: list[dict], want: list[dict]) -> None:
    assert [each["frame_dir"] for each in have] == [each["frame_dir"] for each in want]
    for one, other in zip(have, want, strict=True):
        assert one.keys() == other.keys()
        for key, value in other.items():
            if isinstance(value, np.ndarray):
                assert one[key].dtype == value.dtype
                np.testing.assert_array_equal(one[key], value)
            else:
                assert one[key] == value
                assert type(one[key]) is type(value)


def missing_skeleton() -> str:
    return (ROOT / "extract/datasets/ntu60_missing_skeletons.txt").read_text().split()[0]
