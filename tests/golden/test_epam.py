"""EPAM-Net with the authors' weights, its sampler, boxes and heatmaps against golden/models/epam."""

import json
from functools import cache

import numpy as np
import pytest
import torch

from store.skeleton import COCO_17
from tests.golden.shared_data import shared
from train.epam.author_weights import epam_from_authors
from train.epam.boxes import into_boxes, mirror, mirrored_joints
from train.epam.clips import PoseClip, at_steps
from train.epam.drawn import Drawing, draw_views
from train.epam.heatmaps import joint_volume
from train.epam.model import build_epam, fuse
from train.epam.sampling import published_draw, rgb_steps, steps_in_test, steps_in_training
from train.epam.views import Look, RawViews

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]


@cache
def vectors():
    return json.loads((shared("golden/models/epam") / "epam_sampling.json").read_text())


def points_of(case):
    values = [float("nan") if value is None else value for value in case["keypoints"]]
    return torch.tensor(values, dtype=torch.float32).view(case["keypoints_shape"])


def clip_of(case, scores=None):
    """Return a clip as a store has it: frames first, then persons."""
    points, (height, width) = points_of(case).transpose(0, 1), case["img_shape_hw"]
    num_frames, num_persons, num_joints, _ = points.shape
    if scores is None:
        scores = torch.ones(num_persons * num_frames * num_joints)
    return PoseClip(
        points,
        scores.view(num_persons, num_frames, num_joints).transpose(0, 1),
        valid=torch.ones(num_frames, num_persons, dtype=torch.bool),
        box=None,
        image_wh=(width, height),
    )


def test_authors_weights_give_the_authors_numbers():
    folder = shared("golden/models/epam")
    tolerance = json.loads((folder / "meta.json").read_text())["tolerance"]
    with np.load(folder / "io.npz") as file:
        arrays = {name: torch.from_numpy(file[name]).float() for name in file.files}
    weights = torch.load(folder / "weights.pt", weights_only=True)
    model = build_epam("epam", num_classes=60).eval()

    model.load_state_dict(epam_from_authors(weights))
    frames, heatmaps = (arrays[name].transpose(1, 2) for name in ("rgb", "pose"))
    with torch.no_grad():
        seen, pose = model.rgb.backbone(frames), model.pose.backbone(heatmaps)
        attention = model.attention_map(pose, seen.shape)
        logits = model(frames, heatmaps)

    for name, found in {
        "rgb_features_mean": seen.mean((1, 3, 4)),
        "pose_features_mean": pose.mean((1, 3, 4)),
        "rgb_features_frame5": seen[:, 5],
        "pose_features_frame20": pose[:, 20],
    }.items():
        torch.testing.assert_close(found, arrays[name], **tolerance["features"], msg=name)
    torch.testing.assert_close(attention.transpose(1, 2), arrays["attention"], **tolerance["attention"])
    torch.testing.assert_close(logits.rgb, arrays["rgb_logits"], **tolerance["logits"])
    torch.testing.assert_close(logits.pose, arrays["pose_logits"], **tolerance["logits"])
    torch.testing.assert_close(fuse(logits), logits.rgb + logits.pose)


def test_sampling():
    assert len(vectors()["sampling_test"]) == len(vectors()["sampling_train"]) == 11
    for case in vectors()["sampling_test"]:
        [steps] = steps_in_test(case["total_frames"], 48, published_draw())
        assert steps.tolist() == case["pose"], case["total_frames"]
        assert rgb_steps(steps, 16).tolist() == case["rgb"]
    for case in vectors()["sampling_train"]:
        draw = np.random.RandomState(case["numpy_legacy_seed"])
        steps = steps_in_training(case["total_frames"], 48, draw)
        assert steps.tolist() == case["pose"], case["total_frames"]


@pytest.mark.parametrize("number", range(12))
def test_boxes(number):
    case = vectors()["boxes"][number]
    clip = clip_of(case)

    for rule in ("clamped", "unclamped"):
        expected = case[rule]
        x1, y1, x2, y2 = expected["box_x0y0x1y1"]
        seen = at_steps(clip, np.arange(len(clip.points)), box_rule="published", is_clamped=rule == "clamped")
        points, _, known, box = (part[None] for part in seen)
        assert box[0].tolist() == [x1, y1, x2, y2]
        found = {"shifted": into_boxes(points, known, box, (x2 - x1, y2 - y1))}
        if rule == "clamped":
            resized = into_boxes(points, known, box, (56, 56))
            flipped, _ = mirror(resized, resized[..., 0], known, mirrored_joints(COCO_17), width=56)
            found |= {"resized_56": resized, "flipped": flipped}
        for name, placed in found.items():
            torch.testing.assert_close(
                placed[0].transpose(0, 1).flatten(), torch.tensor(expected[name]), rtol=0,
                atol=vectors()["tolerance"]["keypoints"], msg=name,
            )  # fmt: skip


@pytest.mark.parametrize("number", range(10))
def test_heatmaps(number):
    case = vectors()["heatmaps"][number]
    points = points_of(case)[None, None]

    volume = joint_volume(points, torch.tensor(case["scores"]).view(points.shape[:-1]))[0, 0]

    assert volume.nonzero().tolist() == case["nonzero_index"]
    torch.testing.assert_close(
        volume[volume > 0], torch.tensor(case["nonzero_value"]), rtol=0,
        atol=vectors()["tolerance"]["heatmap_values"],
    )  # fmt: skip


@pytest.mark.parametrize("number", range(3))
def test_from_a_clip_to_its_heatmaps(number):
    case = vectors()["pipeline_test"][number]
    clip = clip_of(case, torch.tensor(case["scores_times_256"]) / 256)

    [steps] = Look(48, 16).steps(case["total_frames"], "any", seed=0, is_training=False)
    points, scores, known, box = (part[None] for part in at_steps(clip, steps, box_rule="published"))
    raw = RawViews(
        points=points, scores=scores, known=known, boxes=box, label=torch.tensor([0]), clip=torch.tensor([0]),
        seed=0, part="test",
    )  # fmt: skip
    _, volumes = draw_views(raw, Drawing(), mirrored_joints(COCO_17))
    volume = volumes[0]

    assert box[0].tolist() == case["box_x0y0x1y1"]
    for name, found in {
        "volume_sum_per_frame": volume.sum((1, 2, 3)),
        "volume_sum_per_joint": volume.sum((0, 2, 3)),
        "volume_max_per_joint": volume.amax((0, 2, 3)),
    }.items():
        torch.testing.assert_close(found, torch.tensor(case[name]), rtol=0, atol=1e-3, msg=name)
