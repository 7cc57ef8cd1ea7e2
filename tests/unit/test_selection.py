"""Which clips a run is asked to do."""

import pytest

from extract.selection import select_clips
from store.table import ClipEntry

ENTRIES = [ClipEntry(name, f"{name}.avi") for name in ("a", "b", "c", "d")]


def ids_of(**options):
    return [entry.id for entry in select_clips(ENTRIES, **({"ids": None, "limit": None} | options))]


def test_all_by_default():
    assert ids_of() == ["a", "b", "c", "d"]


def test_ids_come_in_the_datasets_order():
    assert ids_of(ids="d, a,,d") == ["a", "d"]


def test_limit_counts_after_the_ids():
    assert ids_of(limit=2) == ["a", "b"]
    assert ids_of(ids="d,c,b", limit=2) == ["b", "c"]
    assert ids_of(limit=99) == ["a", "b", "c", "d"]


def test_ids_from_a_file(tmp_path):
    (tmp_path / "ids.txt").write_text("c\n\n b \n")

    assert ids_of(ids=f"@{tmp_path}/ids.txt") == ["b", "c"]


def test_unknown_ids_are_named():
    with pytest.raises(ValueError, match="no clip x, y; its first is a"):
        ids_of(ids="y,a,x")


@pytest.mark.parametrize("ids", ["", " , "])
def test_no_id_at_all_is_a_mistake(ids):
    with pytest.raises(ValueError, match="no id"):
        ids_of(ids=ids)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        ids_of(ids=f"@{tmp_path}/none.txt")
