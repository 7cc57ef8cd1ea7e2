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
    "rgb_epochs": 1,
}  # fmt: skip
GRAPH = {"width": 8, "epochs": 1, "batch_size": 16}


def test_each_stream_is_trained_once_for_all_that_begin_with_it(tmp_path, capsys, in_this_process):
    epam_store(tmp_path / "store", failed=["e0"])
    for name, choices in (("epam", EPAM), ("graph", GRAPH)):
        (tmp_path / f"{name}.json").write_text(json.dumps(choices))
    out = tmp_path / "table"
    words = ["--store", tmp_path / "store", "--out", out, "--seeds", 1, "--processes", 1]
    words += ["--recipe", tmp_path / "epam.json", "--graph-recipe", tmp_path / "graph.json"]

    assert call(epam_tables.main, *words, "--only-print") == 1
    assert "no training is finished yet" in capsys.readouterr().err
    assert call(epam_tables.main, *words) == 0

    pooled = [f"{stream}-ctrgcn" for stream in ("hpj", "hpb", "hpjm", "hpbm")]
    streams = ["xshift_pose-xshift", "xshift_rgb-xshift", *pooled]
    assert in_this_process == [*streams, "epam-xshift-nested", "epam-xshift-none"]
    for name in ("epam-xshift-nested", "epam-xshift-none"):
        assert not (out / name / "stages").exists()
        assert (out / name / "xshift_rgb.pt").exists()
    lines = [line.split(" | ") for line in (out / "table.md").read_text().splitlines()]
    assert [line[0] for line in lines[2:]] == [f"| {row.name}" for row in epam_tables.ROWS]
    assert {line[1] for line in lines[2:]} == {"1"}
    right = measure(load_scores(out / "epam-xshift-nested/scores.npz")).top1
    row = next(line for line in lines if line[0] == "| EPAM-Net")
    assert row[2].startswith(f"{100 * right:.1f}")
    capsys.readouterr()
    assert call(epam_tables.main, *words) == 0  # everything is there
    assert len(in_this_process) == 8
