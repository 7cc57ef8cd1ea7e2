"""``scripts.compare_with_release`` on golden files that are made by hand in each of the eight ways."""

import json
import shutil

import numpy as np
import pytest

# after `make setup WITH=train` there is nothing to extract with
pytest.importorskip("extract.pose_mmpose")

from extract.pose_mmpose import MmposeEstimator
from extract.presets import POSES
from extract.video import open_video
from scripts import compare_with_release
from scripts.release.ways import TAPS, WAYS
from tests.integration.test_extract_door import logging_and_threads_as_before
from tests.made_videos import write_video
from tests.release_by_hand import release_features
from tests.small_hrnet import CROP_WH, write_small_hrnet

NUM_FRAMES, NUM_TIMES = 7, 9
# in whole pixels, as the release has them; in 16:9 their crops differ in each aspect
ONE = [[[40 + 2 * number, 12, 62 + 2 * number, 66]] for number in range(NUM_FRAMES)]
# two persons, but nobody in frame 2 and one in frame 5
TWO = [[[10 + number, 8, 32 + number, 64, 0.9], [80, 14, 104, 70, 0.8]] for number in range(NUM_FRAMES)]
TWO[2], TWO[5] = [], TWO[5][:1]


@pytest.fixture(scope="module")
def case(one_thread, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    (folder / "videos").mkdir()
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (NUM_FRAMES, 9, 16, 3), np.uint8)
    pictures = coarse.repeat(8, 1).repeat(8, 2)  # 128 x 72
    write_video(folder / "videos" / "one_rgb", pictures, kind="mjpeg")
    shutil.copy(folder / "videos" / "one_rgb.avi", folder / "videos" / "two_rgb.avi")
    (folder / "boxes.json").write_text(json.dumps({"one": ONE, "two": TWO}))
    config, checkpoint = write_small_hrnet(folder)
    frames = [frame for _, frame in open_video(folder / "videos" / "one_rgb.avi").frames(range(NUM_FRAMES))]
    network = MmposeEstimator(config, checkpoint, taps=["simcc"], device="cpu", batch_size=1).network
    loaded = {}

    def load(config, checkpoint, **options):
        key = options["batch_norm"]
        if key not in loaded:
            loaded[key] = MmposeEstimator(config, checkpoint, **options)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_with_release, "MmposeEstimator", load)
        yield folder, config, checkpoint, frames, network


def write_golden(folder, case, way, *, clips=("one",)):
    folder.mkdir(exist_ok=True)
    for clip in clips:
        golden = release_features(
            case[3],
            [[box[:4] for box in row] for row in {"one": ONE, "two": TWO}[clip]],
            case[4],
            crop_wh=CROP_WH,
            batch_norm=way.batch_norm,
            pose_aspect=way.pose_aspect,
            tap=way.tap,
            is_two_person_class=clip == "two",
            num_times=NUM_TIMES,
        )
        np.save(folder / f"{clip}.npy", golden)
    return folder


def compare(case, golden, *more):
    folder, config, checkpoint, *_ = case
    options = [
        f"--golden={golden}", f"--videos={folder / 'videos'}", f"--boxes={folder / 'boxes.json'}",
        f"--pose={config}", f"--pose-checkpoint={checkpoint}", "--device=cpu", "--pose-batch=4", *more,
    ]  # fmt: skip
    with logging_and_threads_as_before():
        return compare_with_release.main(options)


def verdict(out):
    [line] = [line for line in out.splitlines() if line.startswith("Nearest: ")]
    return line


def test_there_are_eight_ways():
    assert len(set(WAYS)) == 8


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_names_the_way_that_made_the_golden_files(case, tmp_path, capsys, way):
    assert compare(case, write_golden(tmp_path / "golden", case, way)) == 0

    out = capsys.readouterr().out
    line = verdict(out)
    assert line.startswith(f"Nearest: {way}; relative L2 0.000")
    assert "None agrees" not in line
    assert float(line.split(", ")[-1].removesuffix(" times as far.")) > 100
    rows = [row for row in out.splitlines() if row.startswith(("| eval", "| per_image"))]
    assert len(rows) == 8
    assert rows[0].startswith(f"| {way.batch_norm} | {way.pose_aspect} | {way.tap} | 1.000000 | 0.000")


def test_two_persons_and_frames_that_lack_them(case, tmp_path, capsys):
    way = WAYS[-2]
    golden = write_golden(tmp_path / "golden", case, way, clips=("one", "two"))
    persons = np.load(golden / "two.npy")
    assert not np.array_equal(persons[:, 0], persons[:, 1])

    assert compare(case, golden) == 0

    captured = capsys.readouterr()
    assert verdict(captured.out).startswith(f"Nearest: {way}; relative L2 0.000")
    assert [line for line in captured.out.splitlines() if line.startswith("###")] == [
        "### one",
        "### two",
        "### All 2 clips",
    ]
    assert "left out" not in captured.err


def test_golden_files_of_something_else(case, tmp_path, capsys):
    golden = write_golden(tmp_path / "golden", case, WAYS[0])
    values = np.load(golden / "one.npy")
    np.save(golden / "one.npy", values[::-1])

    assert compare(case, golden) == 0
    assert "None agrees (below 0.1): look at the checkpoint" in verdict(capsys.readouterr().out)


def test_what_cannot_be_compared_is_left_out_with_a_reason(case, tmp_path, capsys):
    golden = write_golden(tmp_path / "golden", case, WAYS[0])
    values = np.load(golden / "one.npy")
    np.save(golden / "absent.npy", values)
    other = values.copy()
    other[:, 1] += 1
    np.save(golden / "one.npy", other)

    assert compare(case, golden) == 1
    err = capsys.readouterr().err
    assert "absent is left out" in err
    assert "has no video absent_rgb.avi" in err
    assert "one is left out: has 2 golden persons and 1 box per frame" in err
    assert "nothing to compare" in err


def test_golden_files_of_another_network(case, tmp_path, capsys):
    golden = tmp_path / "golden"
    golden.mkdir()
    np.save(golden / "one.npy", np.zeros((64, 2, 17, 96), np.float32))

    assert compare(case, golden) == 1
    assert "one.npy: an array of shape (64, 2, 17, 96); the taps of this pose network give (T, 2, 17, 4)" in (
        capsys.readouterr().err
    )
    (golden / "one.npy").write_bytes(b"no array")
    assert compare(case, golden) == 1
    assert "expected an array of the release's pooled features" in capsys.readouterr().err
    (golden / "one.npy").unlink()
    assert compare(case, golden) == 1
    assert "no .npy file" in capsys.readouterr().err


def test_network_is_the_authors_unless_another_is_named(case, tmp_path, capsys, monkeypatch):
    asked = []

    def refuse(config, checkpoint, *, taps, **options):
        asked.append((config, checkpoint, taps))
        raise ValueError("enough is known")

    monkeypatch.setattr(compare_with_release, "MmposeEstimator", refuse)
    folder, config, checkpoint, *_ = case
    options = [
        f"--golden={tmp_path}", f"--videos={folder / 'videos'}", f"--boxes={folder / 'boxes.json'}",
        f"--pose-checkpoint={checkpoint}", "--device=cpu",
    ]  # fmt: skip
    with logging_and_threads_as_before():
        assert compare_with_release.main(options) == 1
        assert compare_with_release.main([*options, f"--pose={config}"]) == 1
        assert "enough is known" in capsys.readouterr().err
        assert compare_with_release.main([*options, "--pose=hrnet_w48"]) == 1

    assert asked == [(POSES["hrnet_w48_simcc"].config, checkpoint, TAPS), (config, checkpoint, TAPS)]
    assert "hrnet_w48: no such file and no preset (near: hrnet_w48_" in capsys.readouterr().err


def test_foreign_file_does_not_cost_the_others(case, tmp_path, capsys):
    golden = write_golden(tmp_path / "golden", case, WAYS[0])
    (golden / "foreign.npy").write_bytes(b"no array")

    assert compare(case, golden) == 0

    captured = capsys.readouterr()
    assert "foreign is left out" in captured.err
    assert verdict(captured.out).startswith(f"Nearest: {WAYS[0]}; relative L2 0.000")
