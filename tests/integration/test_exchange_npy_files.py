"""The authors' files through the doors: round trips, who is there, broken files."""

import json

import numpy as np
import pytest

from scripts import verify_store
from store import open_store
from store.schema import array_specs
from store.spool import SpooledClip
from tests.exchange_doors import assert_same_arrays, outcomes, run_export, run_import
from tests.exchange_makers import annotation, write_pickle
from tests.store_makers import (
    files_of,
    make_clip,
    make_facts,
    make_layout,
    write_store,
)


def test_npy_files_come_back_to_the_byte(tmp_path, folder):
    assert run_import("npy", folder, tmp_path / "s") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "out") == 0

    after = files_of(tmp_path / "out")
    passport = json.loads(after.pop("heatpool.json"))
    assert after == files_of(folder)
    assert passport["settings"] == {"tap": "H2", "empty_slot": "copied"}
    assert outcomes(tmp_path / "s")["wave/nobody"].status == "no_person"
    reader = open_store(str(tmp_path / "s"))
    assert reader.person_valid("one").tolist() == [[True, False]] * 4
    assert reader.person_valid("wave/two").tolist() == [
        [True, True],
        [False, False],
        [True, True],
        [True, True],
    ]


def test_a_store_comes_back_from_its_npy_files(tmp_path, folder):
    (tmp_path / "t.csv").write_text(
        "path,label,subject,split_p\none.avi,sit,anna,train\nwave/two.avi,stand,ben,test\nwave/nobody.avi,sit,ben,val\n"
    )
    run_import("npy", folder, tmp_path / "one", "--dataset", str(tmp_path / "t.csv"), "--tap", "net.a[1]")
    run_export("npy", tmp_path / "one", tmp_path / "out")

    assert run_import("npy", tmp_path / "out", tmp_path / "two") == 0

    assert_same_arrays(tmp_path / "one", tmp_path / "two")
    one, two = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "two"))
    assert list(two.facts.layout.taps) == ["net.a[1]"]
    assert two.facts.dataset == one.facts.dataset
    assert two.facts.skeleton == one.facts.skeleton
    entries = {row.entry.id: row.entry for row in one.rows}
    assert entries["wave/two"].splits == {"p": "test"}
    assert entries["wave/two"].path == "wave/two.npy"
    assert {row.entry.id: row.entry for row in two.rows} == entries


@pytest.mark.parametrize("empty_slot", ["copied", "zeros"])
def test_every_pattern_of_presence_comes_back(tmp_path, empty_slot):
    layout = make_layout(4)
    clip = make_clip("a", layout, steps=4)
    valid = np.array([[False, True], [True, False], [True, True], [False, False]])
    there = {
        spec.name: np.where(valid.reshape(4, 2, *[1] * (len(spec.axes) - 3)), clip.arrays[spec.name] + 1, 0)
        .astype(spec.dtype)
        for spec in array_specs(layout) if spec.name.startswith("pooled/")
    }  # fmt: skip
    arrays = clip.arrays | there | {"person_valid": valid}
    write_store(tmp_path / "one", make_facts(4), [SpooledClip("a", clip.outcome, arrays)])
    run_export("npy", tmp_path / "one", tmp_path / "out", "--empty-slot", empty_slot)

    assert run_import("npy", tmp_path / "out", tmp_path / "two") == 0
    assert run_export("npy", tmp_path / "two", tmp_path / "again") == 0

    two = open_store(str(tmp_path / "two"))
    assert two.person_valid("a").tolist() == valid.tolist()
    np.testing.assert_array_equal(two.pooled("a"), there["pooled/net.a"])
    assert ("person_valid" in json.loads((tmp_path / "out/heatpool.json").read_text())) == (
        empty_slot == "copied"
    )
    np.testing.assert_array_equal(np.load(tmp_path / "again/a.npy"), np.load(tmp_path / "out/a.npy"))


def test_broken_npy_files_cost_themselves(tmp_path, folder):
    whole = (folder / "one.npy").read_bytes()
    for name, data in {
        "a_empty": b"", "a_text": b"version https://git-lfs", "cut": whole[:-5], "zip": b"PK\x03\x04nothing"
    }.items():  # fmt: skip
        (folder / f"{name}.npy").write_bytes(data)
    np.save(folder / "shape.npy", np.ones((5, 2, 17, 6), np.float32))
    np.save(folder / "objects.npy", np.array([{}], object))
    np.save(folder / "huge.npy", np.full((4, 2, 17, 6), 70_000, np.float32))
    half = np.ones((4, 2, 17, 6), np.float32)
    half[2, 1] = 0
    np.save(folder / "half.npy", half)
    (folder / "._one.npy").write_bytes(b"a note of another system")

    assert run_import("npy", folder, tmp_path / "s") == 3

    found = outcomes(tmp_path / "s")
    for clip_id, said in {
        "a_empty": "a_empty.npy is empty (0 bytes)",
        "a_text": "a_text.npy is no .npy file, or cut short: the magic string is not correct",
        "cut": "cut.npy is no .npy file, or cut short",
        "zip": "zip.npy is no .npy file, or cut short",
        "shape": "shape.npy holds float32 (5, 2, 17, 6); expected floats (4, 2, 17, 6)",
        "objects": "objects.npy is no .npy file",
        "huge": "NaN or infinite (float16 holds at most 65504)",
        "half": "--empty-slot zeros",
    }.items():
        assert found[clip_id].status == "error"
        assert said in found[clip_id].reason
    assert [found[clip_id].status for clip_id in ("one", "wave/two", "wave/nobody")] == [
        "ok",
        "ok",
        "no_person",
    ]
    assert len(found) == 11
    assert verify_store.main(["--store", str(tmp_path / "s")]) == 0
    # a file that was mended is tried again on demand
    (folder / "cut.npy").write_bytes(whole)
    run_import("npy", folder, tmp_path / "s", "--retry-failed")
    assert outcomes(tmp_path / "s")["cut"].status == "ok"


def test_empty_slots_of_zeros(tmp_path):
    (tmp_path / "npy").mkdir()
    values = np.ones((4, 2, 17, 6), np.float32)
    values[2, 1] = 0
    np.save(tmp_path / "npy/half.npy", values)

    assert run_import("npy", tmp_path / "npy", tmp_path / "s", "--empty-slot", "zeros") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "out") == 0
    assert run_export("npy", tmp_path / "s", tmp_path / "copied", "--empty-slot", "copied") == 0

    np.testing.assert_array_equal(np.load(tmp_path / "out/half.npy"), values)
    assert np.load(tmp_path / "copied/half.npy").all()


def test_settings_are_the_stores_meaning(tmp_path, folder, capsys):
    run_import("npy", folder, tmp_path / "s")

    assert run_import("npy", folder, tmp_path / "s", "--empty-slot", "zeros") == 1

    assert 'import.empty_slot: the store has "copied", this run wants "zeros"' in capsys.readouterr().err


def test_an_export_stays_in_its_folder(tmp_path, capsys):
    write_pickle(tmp_path / "a.pkl", [annotation("a")])
    root = tmp_path / "npy"
    root.mkdir()
    np.save(root / "one.npy", np.ones((4, 2, 17, 6), np.float32))
    (tmp_path / "t.csv").write_text("path,id\none.avi,../../one\n")
    (root / "heatpool.json").unlink(missing_ok=True)
    run_import("npy", root, tmp_path / "s")
    table = tmp_path / "s/clips.jsonl"
    table.write_text(table.read_text().replace('"id": "one"', '"id": "../../one"'))

    assert run_export("npy", tmp_path / "s", tmp_path / "x/out") == 1

    assert "its id would be a file outside" in capsys.readouterr().err
    assert not (tmp_path / "one.npy").exists()
