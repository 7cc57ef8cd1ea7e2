"""The table of EPAM-Net and its parts, on a store of 24 clips."""

import json

import pytest

from scripts import epam_tables
from tests.doors import call
from tests.epam_stores import epam_store
from train.metrics import measure
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

EPAM = {
    "width": 8, "size": 8, "pose_steps": 4, "rgb_steps": 2, "batch_size": 16, "epochs": 1, "pose_epochs": 1,
    "rgb_epochs": 2,
}  # fmt: skip
STREAMS = ("xshift_pose", "xshift_rgb")
JOINT = ("epam", "epam, no attention")
GRAPH = {"width": 8, "epochs": 1, "batch_size": 16}


def test_each_stream_is_trained_once_for_all_that_begin_with_it(
    tmp_path, monkeypatch, capsys, in_this_process
):
    rows = [row for row in epam_tables.ROWS if set(row.members) <= {*STREAMS, *JOINT, "hpj"}]
    monkeypatch.setattr(epam_tables, "_POOLED", ("hpj",))
    monkeypatch.setattr(epam_tables, "ROWS", rows)
    epam_store(tmp_path / "store", failed=["e0"])
    for name, choices in (("epam", EPAM), ("graph", GRAPH)):
        (tmp_path / f"{name}.json").write_text(json.dumps(choices))
    out = tmp_path / "table"
    words = ["--store", tmp_path / "store", "--out", out, "--seeds", 1, "--processes", 1]
    words += ["--recipe", tmp_path / "epam.json", "--graph-recipe", tmp_path / "graph.json"]
    words += ["rgb_epochs=1"]

    assert call(epam_tables.main, *words, "--only-print") == 1
    assert "no training is finished yet" in capsys.readouterr().err
    assert call(epam_tables.main, *words) == 0

    assert in_this_process == [
        "xshift_pose-xshift", "xshift_rgb-xshift", "hpj-ctrgcn", "epam-xshift-nested", "epam-xshift-none"
    ]  # fmt: skip
    for name in ("epam-xshift-nested", "epam-xshift-none"):
        assert not (out / name / "stages").exists()
        assert (out / name / "xshift_rgb.pt").exists()
    lines = [line.split(" | ") for line in (out / "table.md").read_text().splitlines()]
    assert [line[0] for line in lines[2:]] == [f"| {row.name}" for row in rows]
    assert {line[1] for line in lines[2:]} == {"1"}
    assert json.loads((out / "xshift_rgb-xshift/recipe.json").read_text())["epochs"] == 1
    right = measure(load_scores(out / "epam-xshift-nested/scores.npz")).top1
    row = next(line for line in lines if line[0] == "| EPAM-Net")
    assert row[2].startswith(f"{100 * right:.1f}")
    capsys.readouterr()
    assert call(epam_tables.main, *words) == 0  # everything is there
    assert len(in_this_process) == 5


def test_the_table_is_that_of_the_issue():
    members = {row.name: row.members for row in epam_tables.ROWS}

    assert {*STREAMS, *JOINT} < {name for names in members.values() for name in names}
    assert members["EPAM-Net + hpj+hpb+hpjm+hpbm"] == ("epam", "hpj", "hpb", "hpjm", "hpbm")
