"""``import_store`` and ``export_store`` whatever the format: names, terms, usage, interruption."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scripts import draw_clip, export_store, import_store, show_info, verify_store
from store import durable, open_store
from store.exchange.npy_folder import NpyFolder
from store.exchange.pyskl import PysklPickle
from tests.exchange_doors import (
    NTU,
    run_export,
    run_import,
)
from tests.exchange_makers import annotation, read_pickle, write_pickle
from tests.store_makers import (
    files_of,
    shrink_units,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("dataset", "clip_id", "label", "splits"),
    [
        ("ntu60", "S001C001P001R001A002", "eat meal", {"xsub": "train", "xview": "test"}),
        ("ntu120", "S018C001P008R001A061", None, None),
        ("smarthome", "Cook.Cleandishes_p02_r00_v01_c03", None, None),
        ("uav_human", "P000S00G10B10H10UC022000LC021000A000R0_08241838", None, None),
        ("pku_mmd", "0002-L-A13-N04", "hand waving", {"xview": "test", "xsub": "train"}),
    ],
)
def test_names_of_known_datasets_are_imported(tmp_path, dataset, clip_id, label, splits):
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / f"npy/{clip_id}.npy", np.ones((4, 2, 17, 6), np.float32))
    (tmp_path / "npy/cross-subject.txt").write_text("train\n0002-L\ntest\n0003-L\n")

    assert run_import("npy", tmp_path / "npy", tmp_path / "s", "--dataset", dataset) == 0

    (row,) = open_store(str(tmp_path / "s")).rows
    assert (row.entry.id, row.outcome.status) == (clip_id, "ok")
    assert row.entry.label is not None
    assert row.entry.splits
    assert label in (None, row.entry.label)
    assert splits in (None, row.entry.splits)


@pytest.mark.parametrize("kind", ["npy", "pyskl"])
def test_an_export_to_a_full_disk_leaves_nothing_behind(tmp_path, folder, flat, monkeypatch, capsys, kind):
    run_import(kind, {"npy": folder, "pyskl": flat}[kind], tmp_path / "s")

    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {"fsync": no_space}))
    assert run_export(kind, tmp_path / "s", tmp_path / "there") == 1

    assert "No space left on device" in capsys.readouterr().err
    assert not [path for path in tmp_path.glob("there*") if path.is_file()]
    assert not list(tmp_path.glob("there/**/*.np*"))


def test_classes_of_two_persons_are_told(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s", "--dataset", "ntu60")
    capsys.readouterr()

    show_info.main(["--store", str(tmp_path / "s")])

    assert "of two persons punch" in " ".join(capsys.readouterr().out.split())
    assert "Of two persons: punch" in (tmp_path / "s/README.md").read_text()


@pytest.mark.parametrize("kind", ["npy", "pyskl", "ntu-skeleton"])
def test_info_verify_and_show_work(tmp_path, capsys, kind, folder, flat, recordings):
    source = {"npy": folder, "pyskl": flat, "ntu-skeleton": recordings}[kind]
    run_import(kind, source, tmp_path / "s")
    clip = {"npy": "wave/two"}.get(kind, NTU.format(2, 2))
    capsys.readouterr()

    assert show_info.main(["--store", str(tmp_path / "s")]) == 0
    assert verify_store.main(["--store", str(tmp_path / "s")]) == 0
    assert (
        draw_clip.main(["--store", str(tmp_path / "s"), "--clip", clip, "--out", str(tmp_path / "p.png")])
        == 0
    )

    page = capsys.readouterr().out
    lacking = {"npy": "features only; without keypoints, keypoint_scores, boxes, frame_positions"}
    lacking["pyskl"] = "keypoints, keypoint_scores, frame_positions; without boxes"
    lacking["ntu-skeleton"] = "keypoints_3d, keypoint_scores, frame_positions; without keypoints, boxes"
    assert lacking[kind] in " ".join(page.split())
    assert "the store is whole" in page
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_an_export_says_what_may_not_be_passed_on(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s", "--dataset", "ntu60")
    capsys.readouterr()

    run_export("pyskl", tmp_path / "s", tmp_path / "out.pkl")

    message = capsys.readouterr().err
    assert "may not be passed on without permission. Terms: To be had after an agreement" in message
    dataset = read_pickle(tmp_path / "out.pkl")["heatpool"]["dataset"]
    assert dataset["may_share"] is False
    assert dataset["terms"] in message


def test_nobody_knows_the_terms_of_what_has_no_dataset(tmp_path, flat, capsys):
    run_import("pyskl", flat, tmp_path / "s")

    assert (
        "look like those of NTU RGB+D 60: --dataset ntu60 gives labels, splits, terms"
        in capsys.readouterr().err
    )
    assert not open_store(str(tmp_path / "s")).facts.dataset.may_share


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (import_store, ["--format", "pyskl", "--from", "a", "--store", "b", "--tap", "H1"]),
        (import_store, ["--format", "csv", "--from", "a", "--store", "b"]),
        (export_store, ["--format", "npy", "--to", "a", "--store", "b", "--dtype", "float16"]),
        (export_store, ["--format", "npy", "--store", "b"]),
    ],
)
def test_usage(door, words, capsys):
    with pytest.raises(SystemExit) as exit_:
        door.main(words)
    assert exit_.value.code == 2
    assert "usage: python -m scripts." in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["npy", "ntu-skeleton", "pyskl"])
def test_nothing_to_import_says_where_it_looked(tmp_path, kind, capsys):
    assert run_import(kind, tmp_path / "gone", tmp_path / "s") == 1
    assert f"{tmp_path / 'gone'}: no such f" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_what_a_store_lacks_cannot_be_exported(tmp_path, folder, flat, capsys):
    run_import("npy", folder, tmp_path / "features")
    run_import("pyskl", flat, tmp_path / "poses")

    assert run_export("pyskl", tmp_path / "features", tmp_path / "out.pkl") == 1
    assert run_export("npy", tmp_path / "poses", tmp_path / "out") == 1

    message = capsys.readouterr().err
    assert "has no keypoints, and a pyskl pickle holds nothing else" in message
    assert "has no tap at all; it has poses only" in message


def test_an_import_that_is_stopped_says_so_and_goes_on(tmp_path, folder, monkeypatch, capsys):
    run_import("npy", folder, tmp_path / "whole")
    read = NpyFolder.read

    def stopped(self, path):
        if path == "wave/two.npy":
            raise KeyboardInterrupt
        return read(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(NpyFolder, "read", stopped)
        assert run_import("npy", folder, tmp_path / "s") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert run_import("npy", folder, tmp_path / "s") == 0
    assert "3 clips: 2 ok, 1 no_person; 1 new" in capsys.readouterr().out

    assert files_of(tmp_path / "s") == files_of(tmp_path / "whole")


def test_every_frame_is_packed_the_same_however_often_it_was_stopped(tmp_path, monkeypatch):
    shrink_units(monkeypatch)  # units of 8 frames
    annotations = [annotation(f"clip{n}", steps=steps) for n, steps in enumerate((3, 5, 17, 2, 4, 4, 1))]
    annotations[3]["total_frames"] = 99  # broken
    path = write_pickle(tmp_path / "a.pkl", annotations)
    run_import("pyskl", path, tmp_path / "whole")
    read, seen = PysklPickle.read, set()

    def stopped_once(self, path):
        if path not in seen:
            seen.add(path)
            raise KeyboardInterrupt
        return read(self, path)

    monkeypatch.setattr(PysklPickle, "read", stopped_once)
    statuses, packed = [], []
    for _ in range(8):
        statuses.append(run_import("pyskl", path, tmp_path / "s"))
        packed.append(len(list((tmp_path / "s/shards").iterdir())))

    assert statuses == [130] * 7 + [3]
    assert packed == [0, 0, 2, 3, 3, 3, 4, 5]  # as soon as they are full
    assert files_of(tmp_path / "s") == files_of(tmp_path / "whole")
    # of 3; 5, which is 8 in whole chunks of 4; 17, longer than a unit; the broken one with 4 + 4; and 1
    assert len(list((tmp_path / "s/shards").iterdir())) == 5


def test_an_import_that_is_killed_goes_on_to_the_same_bytes(tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "npy").mkdir()
    for number in range(135):  # more than a unit of 128 clips
        np.save(tmp_path / f"npy/{number:03d}.npy", rng.uniform(0, 9, (4, 2, 17, 6)).astype(np.float32))
    (tmp_path / "npy/100.npy").write_bytes(b"broken")
    words = ["-m", "scripts.import_store", "--format", "npy", "--from", str(tmp_path / "npy")]
    assert run_import("npy", tmp_path / "npy", tmp_path / "whole") == 3

    killed = tmp_path / "killed"
    for enough in (20, 130):  # clips: in the first unit, and after one was packed
        run = subprocess.Popen(
            [sys.executable, *words, "--store", str(killed)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        waiting = killed.with_name("killed.work") / "spool"
        while run.poll() is None and num_done(killed, waiting) < enough:
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    assert run_import("npy", tmp_path / "npy", killed) == 3

    assert files_of(killed) == files_of(tmp_path / "whole")


def num_done(store: Path, spool: Path) -> int:
    return len(list(spool.glob("*.npz"))) + 128 * len(list((store / "shards").glob("*.json")))
