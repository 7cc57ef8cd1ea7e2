"""What each stream's method shows its network: the box, its parts, moments, mirrors and views."""

import pytest
import torch

from tests.epam_stores import epam_store
from train.method import make_recipe, method_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Of clip a1 the joints are at y = 29 and 53, of 48 pixels; x is from 0 to 36."""
    return epam_store(tmp_path_factory.mktemp("store"), height=24)


def data_of(reader, stream, part="train", **choices):
    """Return the data of clip a1, all of whose 8 steps are seen; a training validates on clip a0."""
    ids = {"train_ids": ["a1"], "val_ids": ["a0"]} if part == "train" else {"test_ids": ["a1"]}
    small = {"pose_steps": 8, "rgb_steps": 2, "size": 8, "flip": 0}
    method = method_of(make_recipe({"stream": stream} | small | choices))
    return method.data(reader, **ids, class_names=reader.facts.dataset.class_names, batch_size=1)


def seen(reader, stream, part="train", *, epoch=0, **choices):
    """Return what the network sees of clip a1."""
    data = data_of(reader, stream, part, **choices)
    loader = data.train_dataloader() if part == "train" else data.test_dataloader()
    loader.set_epoch(epoch)
    [batch] = data.batches(loader)
    return batch


@pytest.mark.parametrize(("stream", "bottom"), [("xshift_pose", 61), ("epam", 48)])
def test_only_the_published_box_of_the_pose_alone_may_leave_the_image(reader, stream, bottom):
    [raw] = data_of(reader, stream, "test", box="published").test_dataloader()

    # x = 0 is missing: 4 to 36 and 29 to 53, so 40 pixels about (20, 41)
    assert raw["boxes"].tolist() == [[0, 21, 40, bottom]]


@pytest.mark.parametrize(
    ("stream", "crop", "does_vary"),
    [("xshift_pose", True, True), ("xshift_pose", False, False), ("epam", True, False)],
)
def test_only_the_pose_alone_is_trained_on_parts_of_the_box(reader, stream, crop, does_vary):
    first, second = (seen(reader, stream, epoch=epoch, crop=crop)["heatmaps"] for epoch in (0, 1))

    assert first.any()
    assert torch.equal(first, second) != does_vary


def test_each_stream_sees_its_own(reader):
    both, rgb, pose = (seen(reader, stream, phase=1) for stream in ("epam", "xshift_rgb", "xshift_pose"))

    assert both["frames"].shape == (1, 2, 3, 32, 32)  # four times as large
    assert both["heatmaps"].shape == pose["heatmaps"].shape == (1, 8, 2, 8, 8)
    assert "heatmaps" not in rgb
    assert "frames" not in pose
    # their red is 10 a step: of each four steps the second one
    red = both["frames"][0, :, 0].mean((1, 2)) * 58.395 + 123.675
    torch.testing.assert_close(red, torch.tensor([10.0, 50]), rtol=0, atol=3)


def test_clips_vary_in_training_and_have_more_views_in_a_test(reader):
    several = {"num_views": 3, "mirror_test": True, "flip": 1, "exact_mirror": True, "crop": False}
    plain = seen(reader, "xshift_pose", crop=False)["heatmaps"]
    turned = plain.flip(-1)[:, :, [1, 0]]

    # but for the border of a window, where the height is exp(-2 ** 2 / (2 * 0.6 ** 2))
    close = {"rtol": 0, "atol": 4e-3}
    torch.testing.assert_close(seen(reader, "xshift_pose", **several)["heatmaps"], turned, **close)
    views = seen(reader, "xshift_pose", "test", **several)["heatmaps"]
    torch.testing.assert_close(views, torch.cat([plain, turned] * 3), **close)
    training = data_of(reader, "xshift_pose", **several)
    [validated] = training.batches(training.val_dataloader())
    assert len(validated["heatmaps"]) == 1
    beside = seen(reader, "xshift_pose", **several | {"exact_mirror": False})["heatmaps"]
    assert (beside - turned).abs().max() > 0.1
