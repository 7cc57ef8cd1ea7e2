"""EPAM-Net's data module: views of clips of a store, as both networks see them."""

import weakref
from dataclasses import replace
from multiprocessing import active_children

import pytest
import torch

from store.errors import StoreFormatError
from tests.epam_stores import epam_facts, epam_store
from tests.train_stores import FOUR_EACH, train_entries
from train.colours import normalise
from train.epam.boxes import mirrored_joints
from train.epam.data import EpamDataModule
from train.epam.drawn import Drawing, draw_views
from train.epam.views import Look

pytestmark = pytest.mark.usefixtures("one_thread")

LOOK = Look(pose_steps=4, rgb_steps=2, rgb_size=32)
DRAWING = Drawing(size=8, flip=0)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return epam_store(tmp_path_factory.mktemp("store"), failed=["e0"])


def module(reader, look=LOOK, drawing=DRAWING, **options):
    defaults = {"train_ids": FOUR_EACH[:16], "test_ids": FOUR_EACH[16:], "batch_size": 4, "seed": 1}
    names = reader.facts.dataset.class_names
    return EpamDataModule(reader, look, drawing, class_names=names, **(defaults | options))


def walk(data, loader):
    return list(data.batches(loader))


def middles(heatmaps):
    """Return where the heat is along x, (B, T, V)."""
    x = torch.arange(heatmaps.shape[-1], dtype=torch.float32)
    return (heatmaps.sum(-2) * x).sum(-1) / heatmaps.sum((-2, -1))


def steps_of(frames):
    """Return which steps frames are of: their red is 10 a step, in units of its deviation."""
    return (frames[:, :, 0].mean((-2, -1)) * 58.395 + 123.675) / 10


def test_both_streams_see_the_same_moments_in_the_same_box(reader):
    data = module(reader)

    batches = walk(data, data.train_dataloader())

    assert [len(batch["label"]) for batch in batches] == [4] * 4
    assert sorted(place for batch in batches for place in batch["clip"].tolist()) == list(range(16))
    for batch in batches:
        assert batch["frames"].shape == (4, 2, 3, 32, 32)
        assert batch["heatmaps"].shape == (4, 4, 2, 8, 8)
        # the box is the whole image, 64 pixels on 8: at step t the hands are at x = t / 2 and t / 2 + 1
        steps = 2 * middles(batch["heatmaps"])[:, :, 0]
        assert (steps.diff(dim=1) > 0.3).all()
        assert (
            steps[:, ::2] - steps_of(batch["frames"])
        ).abs().max() < 0.6  # a Gaussian is cut at the border
        assert batch["label"].tolist() == [int(place) % 2 for place in batch["clip"]]


def test_steps_are_drawn_anew_in_each_epoch_and_never_in_a_test(reader):
    data = module(reader)
    loader = data.train_dataloader()
    of_epochs = []
    for epoch in (0, 1, 0):
        loader.set_epoch(epoch)
        batches = walk(data, loader)
        order = torch.cat([batch["clip"] for batch in batches]).argsort()
        of_epochs.append(torch.cat([batch["heatmaps"] for batch in batches])[order])

    assert torch.equal(of_epochs[0], of_epochs[2])
    assert not torch.equal(of_epochs[0], of_epochs[1])
    first, second = (walk(data, data.test_dataloader()) for _ in range(2))
    assert sorted(place for batch in first for place in batch["clip"].tolist()) == [1, 2, 3, 4, 5, 6, 7]
    assert all(torch.equal(one["frames"], two["frames"]) for one, two in zip(first, second, strict=True))


@pytest.mark.slow
def test_readers_ahead_read_the_same(reader):
    here, ahead = module(reader), module(reader, num_workers=1)
    loader = ahead.train_dataloader()

    for one, two in zip(walk(here, here.train_dataloader()), walk(ahead, loader), strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)

    assert len(active_children()) == 1
    ahead.teardown()
    assert not active_children()  # though the loader is still known


def test_what_reads_ahead_ends_with_the_training(reader):
    data = module(reader)
    loaders = [data.train_dataloader(), data.test_dataloader()]
    started = [weakref.ref(loader._loader) for loader in loaders]

    data.teardown("fit")

    assert [ref() for ref in started] == [None, None]
    walk(data, data.test_dataloader())  # a new one


@pytest.mark.parametrize(("look", "name"), [((4, 0), "heatmaps"), ((0, 2), "frames")])
def test_a_stream_alone_reads_nothing_else(reader, look, name):
    data = module(reader, Look(*look, rgb_size=32))

    (batch, *_) = walk(data, data.train_dataloader())

    assert set(batch) == {name, "label", "clip"}


def test_views_of_a_test_follow_one_another(reader):
    one, three, mirrored = (
        module(reader, replace(LOOK, num_views=number), replace(DRAWING, in_mirror=turned))
        for number, turned in ((1, False), (3, False), (3, True))
    )
    single = torch.cat([batch["frames"] for batch in walk(one, one.test_dataloader())])
    views = torch.cat([batch["frames"] for batch in walk(three, three.test_dataloader())]).view(
        7, 3, 2, 3, 32, 32
    )
    both = torch.cat([batch["frames"] for batch in walk(mirrored, mirrored.test_dataloader())])

    assert torch.equal(views[:, 0], single)
    assert not torch.equal(views[:, 1], single)
    both = both.view(7, 3, 2, 2, 3, 32, 32)
    assert torch.equal(both[:, :, 0], views)
    assert torch.equal(both[:, :, 1], views.flip(-1))


def raw(part="train", **more):
    """Return a view of one step: the left hand of one person at (2, 3), the right one at (6, 3)."""
    points = torch.tensor([[2.0, 3], [6, 3]]).view(1, 1, 1, 2, 2)
    scores = torch.tensor([0.5, 1.0]).view(1, 1, 1, 2)
    crops = torch.arange(3 * 4 * 4, dtype=torch.uint8).view(1, 1, 3, 4, 4)
    made = {
        "points": points, "scores": scores, "known": torch.ones(1, 1, 1, 1, 1, dtype=torch.bool),
        "boxes": torch.tensor([[0, 0, 8, 8]]), "crops": crops, "label": torch.tensor([0]),
        "clip": torch.tensor([0]), "seed": 3, "part": part,
    }  # fmt: skip
    return made | more


def drawn(batch, **options):
    drawing = replace(DRAWING, **options)
    return draw_views(batch, drawing, mirrored_joints(["left_hand", "right_hand"]))


def test_poses_and_frames_are_mirrored_together():
    frames, heatmaps = drawn(raw(), flip=1.0)

    assert torch.equal(frames, normalise(raw()["crops"]).flip(-1))
    # x becomes 8 - x; what was the right hand, of height 1, is the left one
    assert heatmaps[0, 0, :, 3].argmax(-1).tolist() == [2, 6]
    assert heatmaps[0, 0, :, 3].amax(-1).tolist() == [1, 0.5]
    _, exact = drawn(raw(), flip=1.0, exact_mirror=True)
    assert exact[0, 0, :, 3].argmax(-1).tolist() == [1, 5]


def test_nothing_varies_in_a_test():
    frames, heatmaps = drawn(raw("test"), flip=1.0, has_crops=True)

    assert torch.equal(frames, normalise(raw()["crops"]))
    assert heatmaps[0, 0, :, 3].argmax(-1).tolist() == [2, 6]


def test_a_view_is_followed_by_its_mirror():
    frames, heatmaps = drawn(raw("test"), in_mirror=True)

    assert torch.equal(frames[1], frames[0].flip(-1))
    # x becomes 7 - x, as in pictures, whatever is published for training
    assert heatmaps[:, 0, :, 3].argmax(-1).tolist() == [[2, 6], [1, 5]]
    assert heatmaps[:, 0, :, 3].amax(-1).tolist() == [[0.5, 1], [1, 0.5]]
    # but for the border of a window, where the height is exp(-2 ** 2 / (2 * 0.6 ** 2))
    torch.testing.assert_close(heatmaps[1], heatmaps[0].flip(-1)[:, [1, 0]], rtol=0, atol=4e-3)


def test_a_part_of_the_box_is_larger_in_heatmaps():
    distances = []
    for seed in range(20):
        _, heatmaps = drawn(raw(seed=seed, points=torch.tensor([[3.0, 4], [5, 4]]).view(1, 1, 1, 2, 2)),
                            has_crops=True, size=56, sigma=0.6, flip=0)  # fmt: skip
        left, right = (heatmaps[0, 0, joint].amax(0).argmax().item() for joint in (0, 1))
        distances.append(right - left)

    # 2 of 8 pixels are 14 of 56; of 56 to 100 % of the area at 3/4 to 4/3 a part is 52 to 100 % wide
    assert 13 <= min(distances) < max(distances) <= 22


def test_limbs_can_be_drawn_instead():
    _, heatmaps = drawn(raw("test"), limbs=[(0, 1)])

    assert heatmaps.shape == (1, 1, 1, 8, 8)
    # a ridge from x = 2 to 6, as high as the lower of both scores
    assert heatmaps[0, 0, 0, 3, 2:7].tolist() == pytest.approx([0.5] * 5)


def test_what_a_store_lacks_is_said(tmp_path):
    poses = epam_store(tmp_path / "poses", facts=epam_facts(has_crops=False))
    with pytest.raises(
        StoreFormatError, match=r"without 'clip' crops, which the RGB network sees; it has no cr"
    ):
        module(poses)
    module(poses, Look(pose_steps=4, rgb_steps=0))
    facts = epam_facts()
    no_poses = replace(facts, layout=replace(facts.layout, facets=("boxes",)))
    crops = epam_store(tmp_path / "crops", train_entries(["a0", "e0"]), facts=no_poses)
    with pytest.raises(StoreFormatError, match="has no keypoints and no keypoint_scores, of which heatmaps"):
        module(crops)
    one_sided = epam_facts(joints=("left_hand", "nose"))
    hand = epam_store(tmp_path / "hand", train_entries(["a0", "e0"]), facts=one_sided)
    with pytest.raises(ValueError, match="joint 'left_hand' has no 'right_hand'"):
        module(hand, drawing=replace(DRAWING, flip=0.5))
    module(hand)


def test_frames_have_their_moments_among_the_poses():
    with pytest.raises(ValueError, match="48 pose steps for 7 RGB steps; expected a multiple"):
        Look(48, 7)
    with pytest.raises(ValueError, match="phase is 3; expected 0 to 2"):
        Look(48, 16, phase=3)
    steps = Look(48, 16).steps(300, "a", seed=1, is_training=False)
    assert steps.sum() == 7150  # of the fact sheet
