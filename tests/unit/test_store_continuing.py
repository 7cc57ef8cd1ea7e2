"""Writing into a store that exists: whose clips they are, locks, leftovers, damage, full disks."""

import dataclasses
import errno
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from store import durable
from store.errors import (
    StoreBusyError,
    StoreDiskError,
    StoreError,
    StoreMismatchError,
)
from store.lock import is_being_written, work_folder
from store.spool import SpooledClip
from store.table import ClipEntry
from store.writer import StoreWriter
from tests.store_makers import (
    EXECUTION,
    files_of,
    make_clip,
    make_entries,
    make_facts,
    make_failure,
    make_layout,
    make_writer,
    shrink_units,
    write_store,
)


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    shrink_units(monkeypatch)


def test_another_meaning_or_layout_is_refused(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    with pytest.raises(StoreMismatchError, match="fps: the store has null, this run wants 5"):
        make_writer(tmp_path / "s", facts=make_facts(fps=5))
    with pytest.raises(StoreMismatchError, match="has the layout"):
        make_writer(tmp_path / "s", facts=make_facts(crops=()))


def from_file(clip_id, sha256):
    """Make a clip of the file with this digest."""
    clip = make_clip(clip_id, make_layout())
    return SpooledClip(clip_id, dataclasses.replace(clip.outcome, source_sha256=sha256), clip.arrays)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "x/a.avi"}, "a: the store has a.avi, the dataset says x/a.avi"),
        (
            {"sha256": "CD" * 32},
            "a: the store has the file with sha256 abababababab…, the dataset says CDCDCDCDCDCD…",
        ),
    ],
)
def test_another_clip_under_the_same_id_is_refused(tmp_path, change, message, is_packed):
    with make_writer(tmp_path / "s") as writer:
        writer.put(from_file("a", "ab" * 32))
        if is_packed:
            writer.pack("a", last=True)
    with make_writer(tmp_path / "s", "cd"):  # a run on other videos does not forget the path
        pass
    before = files_of(tmp_path)
    a, *others = make_entries("abcd")
    with pytest.raises(
        StoreMismatchError, match=rf"{message}\nGive another STORE, or give the clips other ids"
    ):
        StoreWriter(tmp_path / "s", make_facts(), [dataclasses.replace(a, **change), *others], EXECUTION)
    assert files_of(tmp_path) == before
    same = dataclasses.replace(a, label="stand", sha256="AB" * 32)
    with StoreWriter(tmp_path / "s", make_facts(), [same, *others], EXECUTION) as writer:
        assert writer.outcome("a").status == "ok"


def test_many_clips_under_the_same_ids_are_counted_and_the_first_named(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip(clip_id, make_layout()) for clip_id in "abcde"])
    moved = [dataclasses.replace(entry, path=f"x/{entry.path}") for entry in make_entries("abcde")]
    with pytest.raises(
        StoreMismatchError, match=r"under 5 of the dataset's ids:\n  a: .*\n.*\n.*\n  and 2 more"
    ):
        StoreWriter(tmp_path / "s", make_facts(), moved, EXECUTION)


def test_another_part_of_a_video_is_another_clip(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (entry,) = make_entries("a")
    part = dataclasses.replace(entry, first_frame=4)
    with pytest.raises(
        StoreMismatchError, match=r"store has a\.avi, the dataset says frames 4 to the end of a\.avi"
    ):
        StoreWriter(tmp_path / "s", make_facts(), [part], EXECUTION)


def test_a_clip_without_data_may_move(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_failure("a")])
    entry = ClipEntry("a", "x/a.avi", sha256="cd" * 32)
    with StoreWriter(tmp_path / "s", make_facts(), [entry], EXECUTION) as writer:
        assert writer.rows[0].entry == entry


@pytest.mark.parametrize("function", ["open", "write", "fsync", "replace"])
def test_a_full_disk_names_the_file_and_says_what_to_do(tmp_path, monkeypatch, function):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "f").write_bytes(b"old")
    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {function: no_space}))
    with pytest.raises(
        StoreDiskError, match=rf"No space .*: '{tmp_path}/f'; make room and run the same command"
    ) as error:
        durable.write_file(tmp_path / "f", b"new")
    assert error.value.__cause__.filename == str(tmp_path / "f")
    assert files_of(tmp_path) == {"f": b"old"}


def test_another_error_of_the_disk_stays_what_it_is_and_names_the_file(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {"replace": refuse}))
    with pytest.raises(PermissionError, match=f"'{tmp_path}/f'"):
        durable.write_file(tmp_path / "f", b"new")


def test_clips_that_wait_for_a_store_that_is_gone_are_not_mixed_into_another(tmp_path):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_clip("a", make_layout()))
    shutil.rmtree(tmp_path / "s")
    with pytest.raises(
        StoreMismatchError, match=r"s\.work/spool holds clips that were extracted with other settings"
    ):
        make_writer(tmp_path / "s", facts=make_facts(fps=5))
    with make_writer(tmp_path / "s") as writer:  # the same settings may go on
        assert writer.outcome("a").status == "ok"


def test_one_writer_at_a_time_also_through_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert not is_being_written(tmp_path / "s")
    with make_writer(tmp_path / "s"):
        assert is_being_written(tmp_path / "s")
        assert is_being_written(tmp_path / "link")
        with pytest.raises(StoreBusyError, match="another run is writing"):
            make_writer(tmp_path / "link")
    assert not is_being_written(tmp_path / "s")
    with make_writer(tmp_path / "link"):
        pass


def test_opening_removes_what_an_interrupted_write_left_and_nothing_else(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    before = files_of(tmp_path / "s")
    leftovers = ["features.zarr/boxes/c.7.0.0.0", "shards/000007.json.partial", "manifest.json.partial"]
    for name in [*leftovers, "film.mp4.partial", "notes.txt"]:
        (tmp_path / "s" / name).write_bytes(b"?")
    with make_writer(tmp_path / "s", "a"):
        pass
    assert files_of(tmp_path / "s") == before | {"film.mp4.partial": b"?", "notes.txt": b"?"}


def test_a_folder_with_other_things_is_no_store(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/film.mp4.partial").write_bytes(b"?")
    with pytest.raises(StoreError, match=r"is no store and not empty \(film.mp4.partial\)"):
        make_writer(tmp_path / "s")
    assert (tmp_path / "s/film.mp4.partial").exists()


def test_an_error_of_the_interpreter_costs_no_clip(tmp_path, monkeypatch):
    """Python before 3.11.8 raises it, once in a long while, where two threads use ast (gh-106905)."""
    write_store(tmp_path / "expected", make_facts(), [make_clip("a", make_layout())])
    real, calls = np.load, []

    def every_other_time(stream):
        calls.append(stream)
        if len(calls) % 2:
            raise SystemError("AST constructor recursion depth mismatch (before=48, after=101)")
        return real(stream)

    monkeypatch.setattr(np, "load", every_other_time)
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    assert calls
    assert files_of(tmp_path / "s") == files_of(tmp_path / "expected")


def test_damage_in_the_spool_costs_that_clip_only(tmp_path, caplog):
    with make_writer(tmp_path / "s") as writer:
        for clip_id in "ab":
            writer.put(make_clip(clip_id, make_layout()))
        path = writer.spool._path("a")
    for content in (b"", path.read_bytes()[:100], b"\0" * 100):
        path.write_bytes(content)
        with make_writer(tmp_path / "s") as writer:
            assert [writer.outcome(clip_id).status for clip_id in "ab"] == ["pending", "ok"]
    assert "is damaged" in caplog.text


def test_a_store_that_lost_its_facts_is_not_taken_for_a_new_one(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/store.json").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"store\.json"):
            make_writer(tmp_path / "s", facts=make_facts(fps=5))
        (tmp_path / "s/manifest.json").unlink(missing_ok=True)


def test_a_folder_that_cannot_be_written_is_an_error_with_advice(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("store.durable.make_folder", refuse)
    with pytest.raises(StoreError, match=r"cannot be written: .*Permission denied.*give another STORE"):
        make_writer(tmp_path / "s")


def test_work_lies_beside_the_store(tmp_path):
    assert work_folder(tmp_path / "a" / "s") == tmp_path / "a" / "s.work"
    assert work_folder(tmp_path / "a" / ".." / "s") == tmp_path / "s.work"
