"""EPAM-Net with the authors' weights, its sampler, boxes and heatmaps against golden/models/epam."""

import json
from functools import cache

import numpy as np
import pytest
import torch

from store.skeleton import COCO_17
from tests.golden.shared_data import shared
from train.epam.author_weights import epam_from_authors
from train.epam.boxes import into_boxes, known_by_value, mirror, mirrored_joints, union_boxes
from train.epam.heatmaps import joint_volume
from train.epam.model import build_epam, fuse
from train.epam.sampling import published_draw, rgb_steps, steps_in_test, steps_in_training

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]


@cache
def vectors():
    return json.loads((shared("golden/models/epam") / "epam_sampling.json").read_text())


def points_of(case, key="keypoints"):
    values = [float("nan") if value is None else value for value in case[key]]
    return torch.tensor(values, dtype=torch.float32).view(1, *case["keypoints_shape"])


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
    points, (height, width) = points_of(case), case["img_shape_hw"]
    known = known_by_value(points)

    for rule in ("clamped", "unclamped"):
        box = union_boxes(points, known, torch.tensor([[width, height]]), is_clamped=rule == "clamped")
        x1, y1, x2, y2 = case[rule]["box_x0y0x1y1"]
        assert box[0].tolist() == [x1, y1, x2, y2]
        shifted = into_boxes(points, known, box, (x2 - x1, y2 - y1))
        torch.testing.assert_close(
            shifted.flatten(),
            torch.tensor(case[rule]["shifted"]),
            rtol=0,
            atol=vectors()["tolerance"]["keypoints"],
        )
        if rule == "clamped":
            resized = into_boxes(points, known, box, (56, 56))
            flipped, _ = mirror(
                resized, resized[..., 0], known_by_value(resized), mirrored_joints(COCO_17), width=56
            )
            for found, name in ((resized, "resized_56"), (flipped, "flipped")):
                torch.testing.assert_close(
                    found.flatten(), torch.tensor(case[rule][name]), rtol=0,
                    atol=vectors()["tolerance"]["keypoints"],
                )  # fmt: skip


@pytest.mark.parametrize("number", range(10))
def test_heatmaps(number):
    case = vectors()["heatmaps"][number]
    points = points_of(case)[None]

    volume = joint_volume(points, torch.tensor(case["scores"]).view(points.shape[:-1]))[0, 0]

    assert volume.nonzero().tolist() == case["nonzero_index"]
    torch.testing.assert_close(
        volume[volume > 0], torch.tensor(case["nonzero_value"]), rtol=0,
        atol=vectors()["tolerance"]["heatmap_values"],
    )  # fmt: skip


@pytest.mark.parametrize("number", range(3))
def test_from_a_clip_to_its_heatmaps(number):
    case = vectors()["pipeline_test"][number]
    points, (height, width) = points_of(case), case["img_shape_hw"]
    scores = torch.tensor(case["scores_times_256"]).view(points.shape[:-1]) / 256

    [steps] = steps_in_test(case["total_frames"], 48, published_draw())
    points, scores = points[:, :, steps].transpose(1, 2), scores[:, :, steps].transpose(1, 2)
    known = known_by_value(points)
    box = union_boxes(points, known, torch.tensor([[width, height]]))
    volume = joint_volume(into_boxes(points, known, box, (56, 56)), scores)[0]

    assert box[0].tolist() == case["box_x0y0x1y1"]
    for name, found in {
        "volume_sum_per_frame": volume.sum((1, 2, 3)),
        "volume_sum_per_joint": volume.sum((0, 2, 3)),
        "volume_max_per_joint": volume.amax((0, 2, 3)),
    }.items():
        torch.testing.assert_close(found, torch.tensor(case[name]), rtol=0, atol=1e-3, msg=name)
