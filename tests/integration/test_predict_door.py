"""``make predict``: drawn videos, the demo's networks, checkpoints that were trained on their store."""

import csv
import hashlib
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

# after `make setup WITH=train` there is nothing to extract with
pytest.importorskip("extract.pose_mmpose")

from extract.build import build_extractor
from extract.config import ExtractConfig
from scripts import predict_videos
from scripts.demo_videos.clips import plan_clips
from scripts.demo_videos.write import write_clip
from scripts.extract_features import main as extract
from scripts.prediction import extraction
from scripts.prediction.members import load_members
from scripts.train_stream import main as train
from store import open_store
from store.schema import pooled_array_name
from tests.doors import call
from tests.made_videos import write_video
from train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from train.scores import load_scores, softmax

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ("width=8", "epochs=1", "batch_size=2", "lr=0.001", "--device=cpu")
WAVE, PAIR = "wave_p02_c3_s2_r1", "push_p02_c1_s2_r1"  # test clips


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Videos of the demo, their store, and two runs on it."""
    home = tmp_path_factory.mktemp("home")
    (home / "demo").mkdir()
    plans = [plan for plan in plan_clips("small", 0, actions=["wave", "push"]) if plan.subject <= 2]
    for plan in {(plan.action, plan.subject): plan for plan in reversed(plans)}.values():
        write_clip(plan, home / "demo")
    store = home / "store"
    command = ["--dataset=demo", f"--videos={home / 'demo'}", f"--store={store}", "--device=cpu"]
    assert call(extract, *command, "--threads=1", "--detector=demo", "--pose=demo") == 0
    for stream in ("hpj", "j"):
        run = home / "runs" / stream
        assert call(train, f"--store={store}", f"--stream={stream}", f"--run={run}", *SMALL) == 0
    return home


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Networks are loaded once: that takes seconds."""
    made = {}

    def build(device, **options):
        key = str((device, options))
        if key not in made:
            made[key] = build_extractor(device, **options)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "build_extractor", build)
        yield


def predict(video, checkpoints, out, *more):
    return call(
        predict_videos.main, "--video", video, "--checkpoint", *checkpoints, "--out", out,
        "--device=cpu", "--threads=1", *more,
    )  # fmt: skip


def table_of(out):
    with (out / "predictions.csv").open(newline="") as file:
        return {line["video"]: line for line in csv.DictReader(file)}


def shares_of(run, clip_id, count=5):
    """The most probable classes, as ``make train`` and ``make evaluate`` score a clip of the store."""
    scores = load_scores(run / "scores.npz")
    shares = softmax(scores.values[scores.clip_ids.index(clip_id)].astype(np.float64))
    return [
        (scores.class_names[place], shares[place]) for place in np.argsort(-shares, kind="stable")[:count]
    ]


def test_a_video_is_judged_as_its_clip_of_the_store(home, tmp_path, capsys):
    status = predict(home / f"demo/{WAVE}.mp4", [home / "runs/hpj"], tmp_path / "out")

    assert status == 0
    first, *lines, picture = capsys.readouterr().out.splitlines()
    assert first.endswith(f"{WAVE}.mp4: hpj, trained on demo")
    expected = shares_of(home / "runs/hpj", WAVE)
    assert [line.split() for line in lines] == [
        [str(place), *name.split(), f"{100 * share:.1f}", "%"]
        for place, (name, share) in enumerate(expected, 1)
    ]
    assert picture == str(tmp_path / f"out/{WAVE}.mp4.png")
    assert cv2.imread(picture).std() > 5
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{WAVE}.mp4.png"]  # no features are kept


@pytest.fixture(scope="module")
def several(home, tmp_path_factory):
    """A folder with a video of one person, one of two, one of nobody, and a broken one; predicted."""
    videos = tmp_path_factory.mktemp("several") / "new"
    (videos / "more").mkdir(parents=True)
    shutil.copy(home / f"demo/{WAVE}.mp4", videos)
    shutil.copy(home / f"demo/{PAIR}.mp4", videos / "more")
    write_video(videos / "empty room", [np.full((96, 128, 3), 90, np.uint8)] * 12, kind="mpeg4")
    (videos / "broken.mp4").write_bytes((videos / f"{WAVE}.mp4").read_bytes()[:200])
    out = videos.parent / "out"
    return videos, out, predict(videos, [home / "runs/hpj"], out, "--pictures")


def test_a_folder_becomes_a_table(home, several):
    _, out, status = several

    assert status == 3  # one is broken
    table = table_of(out)
    assert list(table) == ["broken.mp4", "empty room.avi", f"more/{PAIR}.mp4", f"{WAVE}.mp4"]
    for video, clip_id in ((f"{WAVE}.mp4", WAVE), (f"more/{PAIR}.mp4", PAIR)):
        for place, (name, share) in enumerate(shares_of(home / "runs/hpj", clip_id), 1):
            assert table[video][f"class_{place}"] == name
            assert table[video][f"probability_{place}"] == f"{share:.6f}"
    assert (table["broken.mp4"]["status"], table["broken.mp4"]["class_1"]) == ("decode_error", "")
    assert "broken.mp4" in table["broken.mp4"]["reason"]
    assert (table["empty room.avi"]["status"], table["empty room.avi"]["class_1"]) == ("no_person", "")
    assert "nobody was found in 12 frames" in table["empty room.avi"]["reason"]
    pictures = sorted(path.name for path in (out / "pictures").iterdir())
    assert pictures == [f"more__{PAIR}.mp4.png", f"{WAVE}.mp4.png"]


def test_features_are_those_of_make_extract(home, several):
    ours, theirs = open_store(str(several[1] / "store")), open_store(str(home / "store"))

    for video, clip_id in ((f"{WAVE}.mp4", WAVE), (f"more/{PAIR}.mp4", PAIR)):
        for name in (*map(pooled_array_name, theirs.facts.layout.taps), "keypoints", "boxes", "person_valid"):
            np.testing.assert_array_equal(ours.read(name, video), theirs.read(name, clip_id))
        assert ours.jpegs(video, "clip") == theirs.jpegs(clip_id, "clip")


def test_a_second_run_extracts_only_what_failed(home, several, tmp_path, capsys):
    videos, out, _ = several
    shutil.copytree(out, tmp_path / "out")
    shutil.copytree(videos, tmp_path / "new")
    shutil.copy(videos / f"{WAVE}.mp4", tmp_path / "new/broken.mp4")

    assert predict(tmp_path / "new", [home / "runs/hpj", home / "runs/j"], tmp_path / "out") == 0

    assert "4 clips: 1 to do, 3 done before" in capsys.readouterr().err
    first, second = (dict(shares_of(home / f"runs/{stream}", WAVE, None)) for stream in ("hpj", "j"))
    table = table_of(tmp_path / "out")
    for video in (f"{WAVE}.mp4", "broken.mp4"):
        best = table[video]["class_1"]
        assert table[video]["probability_1"] == f"{(first[best] + second[best]) / 2:.6f}"


def test_networks_that_see_frames_are_asked_as_others_are(home, tmp_path, capsys):
    """Their store has what they read: crops of persons, of the clip, poses and scores."""
    networks = {
        "hpnet": [
            "encoder=none", "image_size=16", "patch_size=8", "images=2", "video_width=64", "video_layers=1",
            "embed_dim=64", "text_width=64", "text_layers=1", "width=8", "at_once=2",
        ],
        "epam": ["width=8", "size=8", "pose_steps=4", "rgb_steps=2", "pose_epochs=0", "rgb_epochs=0"],
    }  # fmt: skip
    store, same = home / "store", ["epochs=1", "batch_size=2", "--device=cpu"]
    for stream, tiny in networks.items():
        run = tmp_path / stream
        assert call(train, f"--store={store}", f"--stream={stream}", f"--run={run}", *tiny, *same) == 0
    capsys.readouterr()

    runs = [tmp_path / stream for stream in networks]
    assert predict(home / f"demo/{WAVE}.mp4", runs, tmp_path / "out") == 0

    first, best, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith(f"{WAVE}.mp4: hpnet + epam, trained on demo")
    shares = [dict(shares_of(run, WAVE, None)) for run in runs]
    expected = {name: (shares[0][name] + shares[1][name]) / 2 for name in shares[0]}
    name = max(expected, key=expected.__getitem__)
    assert best.split() == ["1", *name.split(), f"{100 * expected[name]:.1f}", "%"]


def test_crops_that_only_the_second_model_sees_are_made(home, tmp_path, capsys):
    """The first one was trained on a store without crops; which of them is named first does not matter."""
    made = load_checkpoint(home / "runs/hpj/checkpoint.pt")
    without = replace(made.passport, meaning=made.passport.meaning | {"extract.crops": []})
    save_checkpoint(tmp_path / "hpj.pt", without, made.weights)
    text_and_rgb = [
        f"--store={home / 'store'}", "--stream=hpnet", f"--run={tmp_path / 'hpnet'}", "fusion=none",
        "encoder=none", "image_size=16", "patch_size=8", "images=2", "video_width=64", "video_layers=1",
        "embed_dim=64", "text_width=64", "text_layers=1", "epochs=1", "batch_size=2", "at_once=2",
        "--device=cpu",
    ]  # fmt: skip
    assert call(train, *text_and_rgb) == 0
    capsys.readouterr()

    asked = [tmp_path / "hpj.pt", tmp_path / "hpnet"]
    assert predict(home / f"demo/{WAVE}.mp4", asked, tmp_path, f"--store={tmp_path / 'store'}") == 0

    assert "hpj + hpnet, trained on demo" in capsys.readouterr().out
    assert open_store(str(tmp_path / "store")).facts.layout.crops == ("person",)


def test_a_video_that_took_the_place_of_another_is_refused(home, several, tmp_path, capsys):
    videos, out, _ = several
    shutil.copytree(out, tmp_path / "out")
    shutil.copytree(videos, tmp_path / "new")
    shutil.copy(videos / f"{WAVE}.mp4", tmp_path / "new/more" / f"{PAIR}.mp4")

    assert predict(tmp_path / "new", [home / "runs/hpj"], tmp_path / "out") == 1

    assert f"{PAIR}.mp4 is not the file that was extracted into" in capsys.readouterr().err


def test_a_video_of_many_parts_is_read_once(home, tmp_path, monkeypatch):
    parts = [f"{WAVE}.mp4,part{part},{8 * part},{8 * part + 8}" for part in range(3)]
    (tmp_path / "parts.csv").write_text("\n".join(["path,id,first_frame,end_frame", *parts]))
    shutil.copy(home / f"demo/{WAVE}.mp4", tmp_path)
    assert predict(tmp_path / "parts.csv", [home / "runs/hpj"], tmp_path / "out") == 0
    read, digest = [], hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, name: read.append(file.name) or digest(file, name)
    )

    assert predict(tmp_path / "parts.csv", [home / "runs/hpj"], tmp_path / "out") == 0

    assert read.count(str(tmp_path / f"{WAVE}.mp4")) == 1
    assert list(table_of(tmp_path / "out")) == ["part0", "part1", "part2"]


def test_networks_that_differ_are_refused_before_anything_is_extracted(home, tmp_path, capsys):
    video = home / f"demo/{WAVE}.mp4"

    assert predict(video, [home / "runs/hpj"], tmp_path / "out", "--pose=demo_heatmap") == 1

    errors = capsys.readouterr().err
    assert "pose.checkpoint_sha256: the store has" in errors
    assert "pose.keypoints: the store has 'peak, as MSRAHeatmap has it'" in errors
    assert "DETECTOR= and POSE= name networks" in errors
    assert "to do" not in errors
    accepted = "--accept=pose.checkpoint_sha256,pose.config_sha256,pose.keypoints"
    assert predict(video, [home / "runs/hpj"], tmp_path / "out", "--pose=demo_heatmap", accepted) == 0
    differs, *_ = capsys.readouterr().out.splitlines()
    assert differs.startswith("differs from the training of hpj: pose.checkpoint_sha256: the store has")


def test_a_video_with_nobody_in_it_gets_a_verdict_that_says_so(home, several, tmp_path, capsys):
    video = several[0] / "empty room.avi"

    assert predict(video, [home / "runs/hpj"], tmp_path / "out") == 0

    assert (
        "no verdict (no_person): nobody was found in 12 frames. If somebody is there"
        in capsys.readouterr().out
    )
    assert not (tmp_path / "out").exists()  # there is nobody to draw


def test_which_checkpoints_are_asked(home, tmp_path):
    hpj = home / "runs/hpj"

    assert list(load_members([str(hpj), f"again={hpj / 'checkpoint.pt'}"])) == ["hpj", "again"]
    with pytest.raises(CheckpointError, match=r"are both called 'hpj'; name one of them: other="):
        load_members([str(hpj), str(hpj)])
    with pytest.raises(CheckpointError, match=r"1: no such file; expected .* CHECKPOINT='\"my runs/hpj\"'"):
        load_members([str(tmp_path / "1"), "of", "2"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"empty: no checkpoint\.pt here"):
        load_members([str(tmp_path / "empty")])
    for fold in "ab":
        (tmp_path / "run/folds" / fold).mkdir(parents=True)
        shutil.copy(hpj / "checkpoint.pt", tmp_path / "run/folds" / fold)
    with pytest.raises(CheckpointError, match=r"run has 2 checkpoints, one per fold; give one of them"):
        load_members([str(tmp_path / "run")])


def test_where_labels_said_how_many_persons_there_are_one_is_looked_for(home, tmp_path, capsys):
    made = load_checkpoint(home / "runs/hpj/checkpoint.pt")
    rules = {f"extract.{name}": rule for name, rule in ExtractConfig(persons="by_label").meaning().items()}
    settings = {name: rule for name, rule in rules.items() if name.startswith("extract.persons")}
    settings |= {"extract.two_person_classes": ["push"]}
    passport = replace(made.passport, meaning=made.passport.meaning | settings)
    save_checkpoint(tmp_path / "checkpoint.pt", passport, made.weights)

    assert predict(home / f"demo/{PAIR}.mp4", [tmp_path], tmp_path, f"--store={tmp_path / 'store'}") == 0

    said = capsys.readouterr()
    assert "of a video without a label one person is looked for" in said.err
    assert " 1  " in said.out
    valid = open_store(str(tmp_path / "store")).person_valid(f"{PAIR}.mp4")
    assert valid.any(0).tolist() == [True, False]


def test_stopped_is_said_and_nothing_is_told(home, several, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(predict_videos, "extract_videos", lambda *_: False)

    assert predict(several[0], [home / "runs/hpj"], tmp_path / "out") == 130

    said = capsys.readouterr()
    assert (said.out, "stopped; the same command goes on" in said.err) == ("", True)
