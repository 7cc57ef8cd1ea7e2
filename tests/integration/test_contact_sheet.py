"""``make sheet`` and ``make probe`` on made stores."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from extract.datasets.demo import CLASSES, DEMO
from scripts import draw_contact_sheet, probe_features
from scripts.pictures.contact_sheet import choose_one_per_class
from store import open_store
from store.facts import StoreFacts
from store.schema import Layout, pooled_array_name
from store.skeleton import make_skeleton
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from tests.walkers_store import make_scene

TAP = "tap"


@pytest.fixture(scope="module")
def walkers(tmp_path_factory):
    return make_scene(tmp_path_factory.mktemp("sheet") / "walkers", clock=64, crops=("clip",)).root


@pytest.fixture(scope="module")
def told_by_features(tmp_path_factory):
    """Twelve subjects wave or drink: the pooled features say which, the pose is the same."""
    root = tmp_path_factory.mktemp("probe") / "demo"
    skeleton = make_skeleton(("head", "hand"), [("head", "hand")])
    layout = Layout(4, 1, 2, {TAP: 3}, ())
    entries = [
        ClipEntry(f"{label}{subject}", f"{label}{subject}.mp4", label=label, subject=str(subject),
                  splits={"xsub": "train" if subject % 2 else "test"})
        for subject in range(12) for label in ("wave", "drink")
    ]  # fmt: skip
    dice = np.random.default_rng(0)
    outcome = ClipOutcome("ok", None, 4, 15.0, 40, 40, "0" * 64, num_persons=1, num_steps=4)
    with StoreWriter(root, StoreFacts(DEMO.facts, skeleton, layout, {}), entries, {}) as writer:
        for entry in entries:
            features = np.ones((4, 1, 2, 3))
            features[..., 0] = dice.normal(entry.label == "drink", 0.1, (4, 1, 2))
            arrays = {
                pooled_array_name(TAP): features.astype(np.float16),
                "keypoints": np.broadcast_to(np.float32([[5, 5], [5, 20]]), (4, 1, 2, 2)).copy(),
                "keypoint_scores": np.ones((4, 1, 2), np.float32),
                "boxes": np.broadcast_to(np.float32([0, 0, 10, 30]), (4, 1, 4)).copy(),
                "person_valid": np.ones((4, 1), bool),
                "frame_positions": np.arange(4, dtype=np.float32),
            }
            writer.put(SpooledClip(entry.id, outcome, arrays))
        writer.pack([entry.id for entry in entries], last=True)
    return root


def test_a_sheet_has_a_row_per_class(walkers, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert draw_contact_sheet.main(["--store", str(walkers), "--columns", "3"]) == 0

    printed = Path(capsys.readouterr().out.strip())
    assert printed == Path("data/pictures/walkers/classes.png")
    height, width, _ = matplotlib.image.imread(printed).shape
    num_rows = len(choose_one_per_class(open_store(str(walkers)), 20))
    assert num_rows == 2
    assert width == pytest.approx(3 * 1.5 * 110, abs=1)
    assert height == pytest.approx(num_rows * 1.72 * 110, abs=2)


def test_no_more_classes_than_wanted(walkers):
    assert len(choose_one_per_class(open_store(str(walkers)), 1)) == 1


def test_a_sheet_of_no_store_says_so(tmp_path, capsys):
    assert draw_contact_sheet.main(["--store", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def rows_of(printed):
    """Return the table's numbers by the name of their row."""
    return {
        line[:38].strip(): [float(cell) for cell in line[38:].split()] for line in printed.splitlines()[2:]
    }


@pytest.mark.parametrize("options", [["--protocol", "xsub"], []])
def test_the_probe_finds_what_only_features_say(told_by_features, capsys, options):
    assert probe_features.main(["--store", str(told_by_features), *options]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("24 clips, 2 classes, 12 subjects; 0 more without data")
    assert printed.splitlines()[1].split() == ["all", "by", "pose", "by", "object"]
    rows = rows_of(printed)
    num_tested = 12 if options else 24  # else each subject is tested in turn
    assert rows["test clips"] == [num_tested, num_tested / 2, num_tested / 2]
    assert rows["chance"] == [50.0, 50.0, 50.0]
    assert rows["pooled features, averaged over time"] == [100.0, 100.0, 100.0]
    assert rows["keypoints, averaged over time"][0] == 50.0  # all are taken for one class


def test_an_unknown_protocol_is_refused(told_by_features, capsys):
    assert probe_features.main(["--store", str(told_by_features), "--protocol", "xset"]) == 1
    assert "has no protocol 'xset'; it has xsub, xview" in capsys.readouterr().err


def test_classes_can_be_left_out(told_by_features, capsys):
    left = ",".join(name for name in CLASSES if name != "wave")

    assert probe_features.main(["--store", str(told_by_features), "--leave-out", left]) == 0
    assert capsys.readouterr().out.startswith("12 clips, 1 classes")


def test_classes_can_be_chosen(told_by_features, capsys):
    assert probe_features.main(["--store", str(told_by_features), "--only", "wave"]) == 0
    assert capsys.readouterr().out.startswith("12 clips, 1 classes")

    assert probe_features.main(["--store", str(told_by_features), "--only", "wave,dance"]) == 1
    assert "has no class dance; it has wave, clap" in capsys.readouterr().err
