"""``show_info``, ``verify_store`` and ``reindex`` on small stores."""

import dataclasses
import json

import pytest

from scripts import show_info, verify_store
from store import open_store
from store.errors import StoreBusyError, StoreMismatchError, StoreNotFoundError
from store.manifest import verify_store as problems_of
from store.reindex import reindex
from store.summary import size
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
    write_store,
)


@pytest.fixture
def store(tmp_path):
    failures = [make_failure(f"f{n:02d}", f"reason {n}") for n in range(12)]
    write_store(
        tmp_path / "s",
        make_facts(),
        [make_clip("a", make_layout()), make_clip("b", make_layout()), *failures],
    )
    return tmp_path / "s"


def test_info_shows_what_matters(store, capsys):
    assert show_info.main(["--store", str(store)]) == 0
    page = capsys.readouterr().out
    for text in (
        "Toy (", "14 of 8 in the dataset; 2 with data", "12 decode_error, 2 ok", "2: sit 7, stand 7",
        "7 test, 7 train", "net.a (3 channels), net.b[1] (1 channels)", "3 sample times", "pooled/net.a",
        "2.14",
        "12 clips failed",
        "decode_error: reason 9", "and 2 more: --failures lists all",
    ):  # fmt: skip
        assert text in page
    assert "reason 10" not in page
    assert max(map(len, page.splitlines())) <= 120


def test_info_lists_every_failure_on_demand(store, capsys):
    show_info.main(["--store", str(store), "--failures"])
    page = capsys.readouterr().out
    assert "reason 11" in page
    assert "more:" not in page


def test_info_as_json_counts_every_byte(store, capsys):
    assert show_info.main(["--store", f"file://{store}", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    content = files_of(store)
    assert summary["num_bytes"] == sum(map(len, content.values())) - len(content["manifest.json"])
    assert summary["num_bytes_per_array"]["frames/person"] == sum(
        len(data) for name, data in content.items() if name.startswith("features.zarr/frames/person/")
    )
    assert summary["num_waiting_in_spool"] is None


def test_info_shows_waiting_clips_and_executions_that_differ(store, capsys):
    with StoreWriter(store, make_facts(), make_entries("ab"), EXECUTION | {"device": "cuda"}) as writer:
        writer.forget_failures(["f00"])
        writer.put(make_clip("f00", make_layout()))
        writer.pack(["f00"], last=True)
        writer.forget_failures(["f01"])
        writer.put(make_clip("f01", make_layout()))
    show_info.main(["--store", str(store)])
    page = capsys.readouterr().out
    assert "1 finished clips wait in the spool" in page
    assert "2 kinds, they differ in device" in page
    assert "cpu | cuda" in page


def test_info_of_an_empty_store(tmp_path, capsys):
    write_store(tmp_path / "s", make_facts(crops=()), [])
    assert show_info.main(["--store", str(tmp_path / "s")]) == 0
    assert "nothing is packed yet" in capsys.readouterr().out


def test_info_without_a_store_is_an_error_without_a_traceback(tmp_path, capsys):
    assert show_info.main(["--store", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (999, "999 B"), (174_000, "174 kB"), (2.5e9, "2.5 GB")]
)
def test_size(value, text):
    assert size(value) == text


def test_verify_of_a_whole_store(store, capsys):
    assert verify_store.main(["--store", str(store)]) == 0
    assert capsys.readouterr().out == f"{len(files_of(store)) - 1} files checked: the store is whole\n"


def test_verify_prints_each_problem(store, capsys):
    (store / "README.md").write_text("!")
    (store / "notes.txt").write_text("!")
    assert verify_store.main(["--store", str(store)]) == 4
    out = capsys.readouterr().out
    assert "README.md: has 1 bytes, expected " in out
    assert "notes.txt: does not belong to the store" in out
    assert "2 problems" in out


def test_verify_says_that_a_run_is_writing(store, capsys):
    with StoreWriter(store, make_facts(), make_entries("ab"), EXECUTION):
        verify_store.main(["--store", str(store)])
    assert "a run is writing" in capsys.readouterr().err


def test_verify_without_a_store_is_an_error(tmp_path, capsys):
    assert verify_store.main(["--store", str(tmp_path / "none")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_reindex_takes_new_labels_splits_and_classes_and_leaves_the_data(store):
    before = files_of(store)
    dataset = dataclasses.replace(make_facts().dataset, class_names=("stand", "run"), protocols={"p2": {}})
    named = [ClipEntry("b", "b.avi", "run", splits={"p2": "test"}), ClipEntry("new", "new.avi", "stand")]

    report = reindex(store, dataset, named)

    reader = open_store(str(store))
    assert [row.entry.id for row in reader.rows[:3]] == ["b", "new", "a"]
    assert reader.row("b").entry == named[0]
    assert reader.row("new").outcome.status == "pending"
    assert reader.row("a").entry.label is None  # "sit" is no class any more
    assert reader.row("a").entry.splits == {}
    assert reader.clip_ids == ["b", "a"]
    assert reader.facts.dataset == dataset
    assert (report.added, report.removed, report.num_clips) == (("new",), (), 15)
    assert report.unnamed == ("a", *(f"f{n:02d}" for n in range(12)))
    assert "b" in report.changed
    after = files_of(store)
    kept = {name for name in before if name.startswith(("shards/", "features.zarr/"))}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert list(problems_of(store)) == []


def test_reindex_with_the_same_dataset_changes_nothing(store):
    before = files_of(store)
    report = reindex(store, make_facts().dataset, [row.entry for row in open_store(str(store)).rows])
    assert (report.changed, report.added, report.removed, report.unnamed) == ((), (), (), ())
    assert files_of(store) == before


def test_reindex_refuses_other_videos_under_the_same_ids(store):
    before = files_of(store)
    with pytest.raises(StoreMismatchError, match=r"a: the store has a\.avi, the dataset says x/a\.avi"):
        reindex(store, make_facts().dataset, [ClipEntry("a", "x/a.avi", "stand")])
    assert files_of(store) == before


def test_reindex_refuses_another_dataset_a_missing_store_and_a_busy_one(store, tmp_path):
    dataset = make_facts().dataset
    with pytest.raises(StoreMismatchError, match="holds the dataset 'toy', not 'ntu60'"):
        reindex(store, dataclasses.replace(dataset, name="ntu60"), [])
    with pytest.raises(StoreNotFoundError):
        reindex(tmp_path / "none", dataset, [])
    with StoreWriter(store, make_facts(), [], EXECUTION), pytest.raises(StoreBusyError):
        reindex(store, dataset, [])
