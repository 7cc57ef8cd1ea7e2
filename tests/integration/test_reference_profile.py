"""The switches of the ``reference`` profile, one by one and all together, through the pipeline."""

import json
import shutil
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

# after `make setup WITH=train` there is nothing to extract with
pytest.importorskip("extract.pose_mmpose")

from extract import build
from extract.clips import load_clips
from extract.errors import VideoError
from extract.interfaces import Detections
from extract.pipeline import Extractor
from extract.pool import pool_at_joints
from extract.pose_mmpose import MmposeEstimator
from extract.video import open_video
from scripts import extract_features
from store import open_store
from store.facts import parse_store_json
from tests.fakes import extract_one, fake_extractor
from tests.integration.test_extract_door import logging_and_threads_as_before
from tests.made_videos import draw_frame, write_video
from tests.release_by_hand import release_features
from tests.small_hrnet import CROP_WH, H2_PRE_FUSION, H2_STAGE_OUTPUT, write_small_hrnet

pytestmark = pytest.mark.usefixtures("one_thread")

COLOUR = "pooled/colour"
RED, BLUE = (20, 16, 32, 40), (44, 18, 54, 42)  # the one further left is the more confident


def frames_with(*persons_per_frame):
    boxes = {"red": (0, RED), "blue": (1, BLUE)}
    return [draw_frame(0, [boxes[name] for name in names.split()]) for names in persons_per_frame]


# one switch at a time, with networks that are easy to foresee


def test_aspect_of_the_frame():
    # 12 x 24 in 64 x 48: 24 x 48 / 64 = 18 wide, times 1.25, as with a crop of 3:4
    frames = frames_with("red")
    same = [
        extract_one(fake_extractor(pose_aspect=aspect), frames).arrays["keypoints"][0, 0]
        for aspect in ("input", "frame_hw")
    ]
    # in 128 x 48 it is 24 x 0.375 = 9 wide, less than 12: times 1.25 that is 15 x 20 around (26, 28)
    wide = [np.pad(frame, ((0, 0), (0, 64), (0, 0))) for frame in frames]
    keypoints = extract_one(fake_extractor(pose_aspect="frame_hw"), wide).arrays["keypoints"][0, 0]

    np.testing.assert_allclose(same[0], same[1])
    np.testing.assert_allclose(keypoints, [[26, 28], [18.5, 18], [29.75, 33]], atol=1e-4)


class Between:
    """A detector whose boxes lie between pixels."""

    batch_size = 1
    meaning: ClassVar = {}

    def __call__(self, frames):
        boxes = np.array([[20.5, 15.6, 32.4, 40.5]], np.float32)
        return [Detections(boxes, np.ones(1, np.float32)) for _ in frames]


@pytest.mark.parametrize(
    ("box_edges", "expected"), [("exact", [20.5, 15.6, 32.4, 40.5]), ("rounded", [20, 16, 32, 40])]
)
def test_rounded_boxes_come_before_everything_else(box_edges, expected):
    fake = fake_extractor(box_edges=box_edges, persons="top1")
    extractor = Extractor(Between(), None, fake.pose, fake.config)
    arrays = extract_one(extractor, frames_with("red")).arrays

    np.testing.assert_array_equal(arrays["boxes"][0, 0], np.array(expected, np.float32))
    # the first joint is the middle of the pose network's crop
    middle = [(expected[0] + expected[2]) / 2, (expected[1] + expected[3]) / 2]
    np.testing.assert_allclose(arrays["keypoints"][0, 0, 0], middle, atol=1e-4)
    assert arrays["frames/person_boxes"][0].tolist() == [20, 16, 32, 40]


def test_zeros_fade_into_their_neighbours():
    # 4 frames at 2 times: 0.5 and 2.5; the person is in frames 0 and 3 only
    frames = frames_with("red", "", "", "red")
    mark, zeros = (
        extract_one(fake_extractor(clock=2, persons="top1", absence=absence), frames).arrays
        for absence in ("mark", "zeros")
    )

    np.testing.assert_array_equal(mark[COLOUR][:, 0, 0, 0], [255, 255])
    np.testing.assert_array_equal(zeros[COLOUR][:, 0, 0, 0], [127.5, 127.5])
    for name in ("keypoints", "keypoint_scores", "boxes"):
        np.testing.assert_allclose(zeros[name], mark[name] / 2)
    assert mark["person_valid"].all()
    assert zeros["person_valid"].all()


@pytest.mark.parametrize("absence", ["mark", "zeros"])
def test_absent_on_both_sides_is_absent(absence):
    arrays = extract_one(
        fake_extractor(clock=2, persons="top1", absence=absence), frames_with("", "", "red", "")
    ).arrays

    assert arrays["person_valid"][:, 0].tolist() == [False, True]
    assert not arrays[COLOUR][0].any()


def by_label(label, *persons_per_frame, **more):
    extractor = fake_extractor(
        clock="native", persons="by_label", two_person_classes=("hug", "push"), crops=("person",), **more
    )
    return extract_one(extractor, frames_with(*persons_per_frame), label=label)


def test_two_persons_in_a_class_of_two():
    clip = by_label("hug", "red blue", "blue", "")
    red_and_blue = clip.arrays[COLOUR][:, :, 0][..., [0, 2]]

    # frame 1 has one box, which both slots get; frame 2 nobody
    assert red_and_blue.tolist() == [[[255, 0], [0, 255]], [[0, 255], [0, 255]], [[0, 0], [0, 0]]]
    assert clip.arrays["person_valid"].tolist() == [[True, True], [True, True], [False, False]]
    assert clip.outcome.num_persons == 2
    # specs/hpnet.md B.1: the union of the two, the one, none
    assert clip.arrays["frames/person_boxes"].tolist() == [[20, 16, 54, 42], [44, 18, 54, 42], [0] * 4]
    assert clip.arrays["frames/person_indices"].tolist() == [0, 1, -1]


def test_one_person_in_any_other_class_whoever_else_is_seen():
    clip = by_label("walk", "red blue", "blue")

    assert clip.arrays[COLOUR][:, 0, 0][:, [0, 2]].tolist() == [[255, 0], [0, 255]]
    assert clip.arrays["person_valid"].tolist() == [[True, False], [True, False]]
    assert not clip.arrays[COLOUR][:, 1].any()
    assert clip.outcome.num_persons == 1
    assert clip.arrays["frames/person_boxes"].tolist() == [list(RED), list(BLUE)]


def test_a_clip_without_a_label_cannot_be_decided():
    error = by_label(None, "red")

    assert isinstance(error, VideoError)
    assert str(error).startswith("clip.avi: has no label, and --persons by_label chooses the persons by it")


def test_a_clip_without_a_label_may_count_as_one_of_one_person():
    clip = by_label(None, "red blue", "blue", needs_label=False)

    assert clip.arrays["person_valid"].tolist() == [[True, False], [True, False]]
    assert clip.arrays["frames/person_boxes"].tolist() == [list(RED), list(BLUE)]


# of the pose network


@pytest.fixture(scope="module")
def network_files(tmp_path_factory):
    return write_small_hrnet(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def crops():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(3, CROP_WH[1] // 8, CROP_WH[0] // 8, 3, generator=random)
    # of very different contrast, which statistics over the batch would mix
    images *= torch.tensor([255.0, 40.0, 120.0]).view(3, 1, 1, 1)
    return images.to(torch.uint8).repeat_interleave(8, 1).repeat_interleave(8, 2)


@torch.no_grad()
def test_batches_are_normalised_as_one_crop_at_a_time_in_train_mode(network_files, crops):
    # in float64, where nothing but the arithmetic can differ
    images = crops.permute(0, 3, 1, 2).double() / 64 - 2
    batched, alone = (
        MmposeEstimator(
            *network_files, taps=["simcc"], device="cpu", batch_size=1, batch_norm=batch_norm
        ).network.double()
        for batch_norm in ("per_image", "eval")
    )
    evaluated = alone.head(alone.backbone(images))
    alone.train()
    one_by_one = [alone.head(alone.backbone(image[None])) for image in images]

    for axis, vectors in enumerate(batched.head(batched.backbone(images))):
        expected = torch.cat([both[axis] for both in one_by_one])
        assert expected.std() > 1
        torch.testing.assert_close(vectors, expected, rtol=1e-8, atol=1e-8)
        assert not torch.allclose(evaluated[axis], expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("pooling", ["mean3", "max5"])
def test_region_at_the_joints(network_files, crops, pooling):
    estimator = MmposeEstimator(
        *network_files, taps=[H2_PRE_FUSION, "simcc"], device="cpu", batch_size=3, pooling=pooling
    )
    batch, maps = estimator(crops), estimator.feature_maps(crops)
    expected = pool_at_joints(
        maps[H2_PRE_FUSION], torch.from_numpy(batch.keypoints), crop_wh=CROP_WH, pooling=pooling
    )

    np.testing.assert_array_equal(batch.pooled[H2_PRE_FUSION], expected.numpy())
    np.testing.assert_array_equal(batch.pooled["simcc"], maps["simcc"].numpy())  # vectors have no region


# all of them, with a real network, through the command


CLIPS = {"hug/two": 9, "walk/one": 6}
BOXES = {
    "hug/two": [[[10.5, 8.2, 32.4, 64.0, 0.9], [80, 14, 104, 70, 0.8], [0, 0, 9, 9, 0.1]]] * 5
    + [[], [[40, 10, 60.5, 66, 0.7]]] * 2,
    "walk/one": [[[40, 12, 62.5, 66, 0.8], [0, 0, 30, 60, 0.7]]] * 4 + [[]] * 2,
}


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Videos of 128 x 72 pixels, their boxes, a table that knows the classes, and a network."""
    folder = tmp_path_factory.mktemp("reference")
    random = np.random.default_rng(0)
    for clip, num_frames in CLIPS.items():
        (folder / "made" / clip).parent.mkdir(parents=True)
        coarse = random.integers(0, 256, (num_frames, 9, 16, 3), np.uint8)
        write_video(folder / "made" / clip, coarse.repeat(8, 1).repeat(8, 2), kind="mjpeg")
    (folder / "boxes.json").write_text(json.dumps(BOXES))
    config, checkpoint = write_small_hrnet(folder)
    return folder, config, checkpoint


@pytest.fixture(scope="module")
def extract(case):
    """The command, in a dataset whose class ``hug`` is one of two persons; estimators are loaded once."""
    folder, config, checkpoint = case
    loaded = {}

    def load(*files, **options):
        key = str((files, options))
        if key not in loaded:
            loaded[key] = MmposeEstimator(*files, **options)
        return loaded[key]

    def with_classes(dataset, videos):
        clips = load_clips(dataset, videos)
        return replace(clips, facts=replace(clips.facts, two_person_classes=("hug",)))

    def run(store, *more):
        options = [
            f"--dataset={folder / 'made'}", f"--store={store}", f"--detector={folder / 'boxes.json'}",
            f"--pose={config}", f"--pose-checkpoint={checkpoint}", "--device=cpu", "--threads=1",
            "--pose-batch=4", *more,
        ]  # fmt: skip
        with logging_and_threads_as_before():
            return extract_features.main(options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "MmposeEstimator", load)
        patch.setattr(extract_features, "load_clips", with_classes)
        yield run


@pytest.fixture(scope="module")
def done(extract, tmp_path_factory):
    store = tmp_path_factory.mktemp("stores") / "reference"
    assert extract(store, "--profile=reference") == 0
    return store


def test_store_is_what_the_release_computes(case, done):
    folder, config, checkpoint = case
    network = MmposeEstimator(config, checkpoint, taps=["simcc"], device="cpu", batch_size=1).network
    reader = open_store(str(done))
    for clip in CLIPS:
        video = open_video(folder / "made" / f"{clip}.avi")
        expected = release_features(
            [frame for _, frame in video.frames(range(CLIPS[clip]))],
            [[box[:4] for box in boxes] for boxes in BOXES[clip]],
            network,
            crop_wh=CROP_WH,
            batch_norm="per_image",
            pose_aspect="frame_hw",
            tap=H2_PRE_FUSION,
            is_two_person_class=clip == "hug/two",
        )
        found = np.asarray(reader.read(f"pooled/{H2_PRE_FUSION}", clip))
        num_persons = reader.row(clip).outcome.num_persons

        assert found.shape == (64, 2, 17, 4)
        assert num_persons == (2 if clip == "hug/two" else 1)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            found[:, :num_persons], expected[:, :num_persons], atol=1e-3 * scale, err_msg=clip
        )
        if num_persons == 1:  # the copy in slot 1 is a view made on reading
            np.testing.assert_array_equal(expected[:, 0], expected[:, 1])
            assert not found[:, 1].any()


def test_store_says_every_option(done):
    meaning = parse_store_json((done / "store.json").read_text(), "store.json").meaning

    expected = {
        "extract.clock": 64,
        "extract.persons": "by_label",
        "extract.two_person_classes": ["hug"],
        "extract.crops": ["person"],
        "extract.jpeg_quality": 95,
        "extract.pose_crop": "frame_hw: box x 1.25 at the frame's height / width, bilinear, black outside",
        "extract.box_edges": "rounded",
        "extract.absence": "zeros: interpolated through",
        "extract.pooling": "bilinear at the joint, 1x1, align_corners",
        "pose.batch_norm": "per_image",
        "pose.taps": [H2_PRE_FUSION],
    }
    assert {name: meaning.get(name) for name in expected} == expected


def test_the_same_profile_continues_and_another_does_not(extract, done, tmp_path, capsys):
    for name in ("reference", "reference.work"):
        shutil.copytree(done.with_name(name), tmp_path / name)

    assert extract(tmp_path / "reference", "--profile=reference") == 0
    assert "0 new with 0 frames" in capsys.readouterr().out
    assert extract(tmp_path / "reference", f"--taps={H2_PRE_FUSION}", "--crops=person") == 1
    err = capsys.readouterr().err
    for name in ("extract.persons", "extract.pose_crop", "extract.box_edges", "extract.absence"):
        assert f"{name}: the store has" in err
    assert 'pose.batch_norm: the store has "per_image", this run wants "eval"' in err


def test_single_options_override_the_profile(extract, tmp_path):
    overriding = [
        "--batch-norm=eval", "--pose-aspect=input", f"--taps={H2_STAGE_OUTPUT}", "--absence=mark",
        "--pooling=max3", "--persons=top1", "--clock=4", "--box-edges=exact", "--crops=none",
    ]  # fmt: skip
    assert extract(tmp_path / "store", "--profile=reference", *overriding) == 0

    meaning = parse_store_json((tmp_path / "store" / "store.json").read_text(), "store.json").meaning
    assert (meaning["pose.batch_norm"], meaning["pose.taps"]) == ("eval", [H2_STAGE_OUTPUT])
    assert (meaning["extract.persons"], meaning["extract.clock"], meaning["extract.crops"]) == ("top1", 4, [])
    assert meaning["extract.pose_crop"].startswith("box x 1.25 at the network's aspect")
    assert meaning["extract.absence"].startswith("one side")
    assert meaning["extract.pooling"].startswith("max3")
    assert not {"extract.box_edges", "extract.two_person_classes"} & meaning.keys()


def test_region_reaches_the_network(extract, tmp_path):
    features = {}
    for pooling in ("point", "max3"):
        store = tmp_path / pooling
        assert (
            extract(store, "--profile=reference", "--clock=4", "--ids=walk/one", f"--pooling={pooling}") == 0
        )
        features[pooling] = np.asarray(open_store(str(store)).read(f"pooled/{H2_PRE_FUSION}", "walk/one"))

    # the point is one of the nine
    assert (features["max3"] >= features["point"]).all()
    assert (features["max3"] > features["point"]).any()


def test_dataset_that_names_no_class_of_two(extract, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(extract_features, "load_clips", load_clips)

    assert extract(tmp_path / "store", "--profile=reference", "--clock=4") == 0
    assert "made names no two-person classes, so --persons by_label is top1" in capsys.readouterr().err
    assert not open_store(str(tmp_path / "store")).person_valid("hug/two")[:, 1].any()


def test_without_a_profile_taps_must_be_named(extract, tmp_path, capsys):
    assert extract(tmp_path / "store") == 1
    assert "needs its weights and the modules to read" in capsys.readouterr().err


def test_unknown_profile(extract, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        extract(tmp_path / "store", "--profile=paper")

    assert caught.value.code == 2
    assert "invalid choice: 'paper' (choose from 'default', 'reference')" in capsys.readouterr().err
