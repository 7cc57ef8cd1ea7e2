"""``python -m scripts.extract_features``: a real pose network with random weights, good and bad files."""

import logging
import shutil
from contextlib import contextmanager

import pytest
import torch

# after `make setup WITH=train` there is nothing to extract with
pytest.importorskip("extract.pose_mmpose")

from extract import build
from extract.pose_mmpose import MmposeEstimator
from scripts import extract_features
from store.manifest import verify_store
from store.table import parse_table
from tests.golden.test_hrnet_simcc import CONFIG
from tests.made_videos import walking_persons, write_video

GOOD = ("walk/a", "walk/b")
BAD = {
    "wave/corrupt": "no video that FFmpeg knows",
    "wave/empty": "the file is empty",
    "wave/text": "no video that FFmpeg knows",
}
TAP = "backbone.stage4.1[1]"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("door") / "made"
    for name in ("walk", "wave"):
        (folder / name).mkdir(parents=True)
    write_video(folder / "walk" / "a", walking_persons(12), kind="mjpeg")
    write_video(folder / "walk" / "b", walking_persons(9), kind="mpeg4")
    (folder / "wave" / "corrupt.avi").write_bytes((folder / "walk" / "a.avi").read_bytes()[:100])
    (folder / "wave" / "empty.avi").write_bytes(b"")
    (folder / "wave" / "text.avi").write_text("not a video\n" * 20)
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A config and its weights; the estimators made of them are shared, for a load takes seconds."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "small.py").write_text(CONFIG)
    torch.manual_seed(0)
    estimator = MmposeEstimator(folder / "small.py", None, taps=[TAP], device="cpu", batch_size=2)
    torch.save({"state_dict": estimator.network.state_dict()}, folder / "small.pth")
    loaded = {}

    def load(config, checkpoint, **options):
        key = str((config, checkpoint, options))
        if key not in loaded:
            loaded[key] = MmposeEstimator(config, checkpoint, **options)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "MmposeEstimator", load)
        yield folder


@contextmanager
def logging_and_threads_as_before():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in before:
                handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def extract(network):
    """The command, with what does not matter here set; an option that is given twice counts as given last."""

    def run(videos, store, *more):
        options = [
            f"--dataset={videos}", f"--store={store}", "--detector=none", f"--pose={network / 'small.py'}",
            f"--pose-checkpoint={network / 'small.pth'}", f"--taps={TAP}", "--clock=4", "--persons=top1",
            "--crops=person", "--device=cpu", "--threads=1", "--pose-batch=2", *more,
        ]  # fmt: skip
        with logging_and_threads_as_before():
            return extract_features.main(options)

    return run


@pytest.fixture(scope="module")
def done(videos, extract, tmp_path_factory):
    """A store of the clips, and the command's exit code; not to be written to."""
    store = tmp_path_factory.mktemp("stores") / "done"
    return store, extract(videos, store)


@pytest.fixture
def store(done, tmp_path):
    for name in ("done", "done.work"):
        shutil.copytree(done[0].with_name(name), tmp_path / name)
    return tmp_path / "done"


def content(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def outcomes(store):
    return {row.entry.id: row.outcome for row in parse_table((store / "clips.jsonl").read_text())}


def test_bad_files_are_recorded_and_the_others_extracted(done):
    store, code = done
    found = outcomes(store)

    assert code == 3
    assert {name: outcome.status for name, outcome in found.items()} == {
        **dict.fromkeys(GOOD, "ok"),
        **dict.fromkeys(BAD, "decode_error"),
    }
    for name, reason in BAD.items():
        assert f"{name}.avi" in found[name].reason
        assert reason in found[name].reason
    assert [found[name].num_frames for name in GOOD] == [12, 9]
    assert list(verify_store(store)) == []


def test_summary_is_the_only_line_on_stdout(videos, extract, tmp_path, capsys):
    assert extract(videos, tmp_path / "store", "--limit=3") == 3

    out = capsys.readouterr().out
    assert out.startswith(f"{tmp_path / 'store'}: 3 clips: 2 ok, 1 decode_error; 3 new with 21 frames in ")
    assert out.count("\n") == 1


def test_again_after_repair(videos, extract, store, tmp_path, capsys):
    repaired = shutil.copytree(videos, tmp_path / "made")
    for name in BAD:
        shutil.copy(videos / "walk" / "a.avi", repaired / f"{name}.avi")

    assert extract(repaired, store) == 3  # not without being asked
    assert "5 clips: 3 decode_error, 2 ok; 0 new" in capsys.readouterr().out
    assert extract(repaired, store, "--retry-failed") == 0
    assert "5 clips: 5 ok; 3 new" in capsys.readouterr().out
    assert list(verify_store(store)) == []

    before = content(store)
    assert extract(repaired, store) == 0
    assert "5 clips: 5 ok; 0 new with 0 frames" in capsys.readouterr().out
    assert content(store) == before


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--clock=5", "extract.clock"),
        ("--persons=tracked", "extract.persons"),
        ("--precision=bf16", "pose.precision"),
    ],
)
def test_a_store_of_other_settings_is_left_alone(videos, extract, store, capsys, option, setting):
    before = content(store)

    assert extract(videos, store, option) == 1
    captured = capsys.readouterr()
    assert setting in captured.err
    assert captured.out == ""
    assert content(store) == before


def test_tap_that_does_not_exist(videos, extract, tmp_path, capsys):
    assert extract(videos, tmp_path / "store", "--taps=backbone.stage4.1.fuse_layer") == 1

    message = capsys.readouterr().err
    assert "no module 'backbone.stage4.1.fuse_layer'" in message
    assert "near: backbone.stage4.1.fuse_layers" in message
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "the following arguments are required: --dataset"),
        (["--clock=0"], "expected a number from 1 on"),
        (["--crops=faces"], "expected person, clip"),
        (["--no-such-option"], "required"),
    ],
)
def test_usage_errors(options, message, capsys):
    with pytest.raises(SystemExit) as caught:
        extract_features.main(options)

    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_part_of_the_clips(videos, extract, done, tmp_path, capsys):
    store = tmp_path / "store"

    assert extract(videos, store, "--ids=wave/empty,walk/b", "--limit=1") == 0
    assert {name for name, one in outcomes(store).items() if one.status != "pending"} == {"walk/b"}
    (tmp_path / "ids.txt").write_text("walk/a\nwave/text\n")
    assert extract(videos, store, f"--ids=@{tmp_path / 'ids.txt'}") == 3
    assert {name for name, one in outcomes(store).items() if one.status == "pending"} == {
        "wave/corrupt",
        "wave/empty",
    }
    capsys.readouterr()
    assert extract(videos, store, "--ids=walk/c") == 1
    assert "walk/c" in capsys.readouterr().err
    assert extract(videos, store) == 3
    found, expected = outcomes(store), outcomes(done[0])
    assert [(name, one.status, one.reason) for name, one in found.items()] == [
        (name, one.status, one.reason) for name, one in expected.items()
    ]
