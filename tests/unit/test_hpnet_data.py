"""HP-Net's batches: colours, streams and labels worked out by hand, on crops of one colour."""

import logging

import numpy as np
import pytest
import torch

from store import open_store
from store.spool import SpooledClip
from store.writer import StoreWriter
from tests.store_makers import EXECUTION, make_clip, make_entries, make_facts, make_layout
from tests.train_stores import CLASSES, plain_crops
from train.data import StreamDataModule
from train.hpnet.blend import Blending
from train.hpnet.data import HPNetDataModule
from train.hpnet.frames import Variation
from train.hpnet.smclm import SMCLM_STREAMS

REDS = {"a": [40, 90, 140], "b": [None, 200, None], "c": [None, None, None], "d": [60, 70, 80]}
PLAIN = Variation(flip=0, jitter=0, gray=0)
NOT = Blending(probability=0)
MEAN, SPREAD = 123.675, 58.395  # of red


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Clips a, b, d; c has no crop. a and c sit, b and d stand."""
    root, layout = tmp_path_factory.mktemp("store"), make_layout(crops=("person",))
    with StoreWriter(root, make_facts(crops=("person",)), make_entries(REDS), EXECUTION) as writer:
        for seed, (clip_id, reds) in enumerate(REDS.items()):
            clip = make_clip(clip_id, layout, seed=seed)
            there = np.array([[True, clip_id == "d"]] * 3)
            crops = plain_crops("person", reds) if any(reds) else {}
            if not crops:
                crops = {name: np.zeros_like(clip.arrays[name]) for name in plain_crops("person", [1])}
            writer.put(SpooledClip(clip_id, clip.outcome, clip.arrays | crops | {"person_valid": there}))
        writer.pack(list(REDS), last=True)
    return open_store(str(root))


def module(reader, streams=SMCLM_STREAMS, *, train_ids="", test_ids="", num_images=2, **options):
    options = {"batch_size": 4, "class_names": CLASSES, "variation": PLAIN, "blending": NOT} | options
    return HPNetDataModule(
        reader, streams, train_ids=train_ids, test_ids=test_ids, num_images=num_images, size=16, **options
    )


def the_batch(data, part="test"):
    loader = data.train_dataloader() if part == "train" else data.test_dataloader()
    (batch,) = data.batches(loader)
    return batch


def red(batch):
    """Return the red of all frames, (B, m), 0 to 255."""
    return batch["frames"][:, :, 0].mean((-2, -1)) * SPREAD + MEAN


def test_frames_are_sampled_among_those_that_have_a_crop(reader, caplog):
    """Of three steps the middles of [0, 1) and [1, 3); the one crop of b stands for both."""
    caplog.set_level(logging.INFO)

    batch = the_batch(module(reader, test_ids="abcd"))

    assert batch["frames"].shape == (3, 2, 3, 16, 16)
    torch.testing.assert_close(
        red(batch), torch.tensor([[40.0, 140], [200, 200], [60, 80]]), rtol=0, atol=2.0
    )
    assert batch["clip"].tolist() == [0, 1, 3]
    assert batch["label"].tolist() == [0, 1, 1]
    assert "test: 3 of 4 clips have data (1 with nobody to be seen)" in caplog.text
    assert "target" not in batch


def test_streams_are_those_of_the_graph_models(reader):
    batch = the_batch(module(reader, test_ids="ad", num_persons=2))

    for name in SMCLM_STREAMS:
        data = StreamDataModule(
            reader, name, train_ids=(), test_ids="ad", class_names=CLASSES, batch_size=4, num_persons=2
        )
        alone = the_batch(data)
        torch.testing.assert_close(batch["streams"][name], alone["stream"], rtol=0, atol=0)
        assert batch["present"].tolist() == alone["present"].tolist() == [[True, False], [True, True]]


def test_without_streams_nothing_but_frames_is_read(reader):
    batch = the_batch(module(reader, (), test_ids="ad"))

    assert batch["streams"] == {}
    assert "present" not in batch


def test_labels_are_soft_and_seeds_decide_the_frames(reader):
    """Of two classes, 0.1 shared by both: 0.95 and 0.05."""
    one, same, other = (
        the_batch(module(reader, train_ids="abd", smoothing=0.1, seed=seed), "train") for seed in (3, 3, 8)
    )

    own = torch.tensor([[0.95, 0.05], [0.05, 0.95]])[one["label"]]
    torch.testing.assert_close(one["target"], own)
    torch.testing.assert_close(one["auxiliary_target"], own)
    assert torch.equal(one["frames"], same["frames"])
    assert one["clip"].tolist() != other["clip"].tolist() or not torch.equal(one["frames"], other["frames"])


SWAPPING = 1  # a seed with which the two clips of the batch are each other's partners


@pytest.mark.parametrize("blend_streams", [False, True])
def test_mixup_blends_frames_and_labels_and_streams_if_wanted(reader, blend_streams):
    options = {"train_ids": "ad", "num_images": 3, "num_persons": 2, "own_labels": True, "seed": SWAPPING}
    plain = the_batch(module(reader, **options), "train")
    mixup = Blending(cutmix=0)
    batch = the_batch(module(reader, **options, blending=mixup, blend_streams=blend_streams), "train")

    assert batch["clip"].tolist() == plain["clip"].tolist()
    swapped = plain["target"].flip(0)
    share = float(batch["target"][0, int(plain["target"][0, 1])])
    assert 0 < share < 1  # so they were blended
    torch.testing.assert_close(batch["target"], share * plain["target"] + (1 - share) * swapped)
    torch.testing.assert_close(red(batch), share * red(plain) + (1 - share) * red(plain).flip(0))
    assert torch.equal(batch["auxiliary_target"], plain["target"])
    joint, before = batch["streams"]["hpj"], plain["streams"]["hpj"]
    if blend_streams:
        first, second = joint.unbind(-1)
        both = share * before + (1 - share) * before.flip(0)
        torch.testing.assert_close(first, both[..., 0])
        assert not torch.equal(first, before[..., 0])
        # the second person is in d alone, and stays as it is in both: absence is never read as data
        of_d = before[batch["clip"].tolist().index(1), ..., 1]
        torch.testing.assert_close(second, of_d.expand_as(second))
        assert batch["present"].all()
    else:
        assert torch.equal(joint, before)
        assert torch.equal(batch["present"], plain["present"])


def test_cutmix_patches_frames_and_blends_labels_by_the_area(reader):
    options = {"train_ids": "ad", "num_images": 3, "seed": SWAPPING}
    plain = the_batch(module(reader, **options), "train")
    batch = the_batch(module(reader, **options, blending=Blending(cutmix=1)), "train")

    is_patch = batch["frames"][:, :, 0] != plain["frames"][:, :, 0]  # (B, m, H, W); red differs everywhere
    assert torch.equal(is_patch, is_patch[:1, :1].expand_as(is_patch))  # one box for all frames of both
    patched = torch.where(is_patch[:, :, None], plain["frames"].flip(0), plain["frames"])
    assert torch.equal(batch["frames"], patched)
    share = 1 - float(is_patch[0, 0].float().mean())
    assert 0 < share < 1
    torch.testing.assert_close(
        batch["target"], share * plain["target"] + (1 - share) * plain["target"].flip(0)
    )


@pytest.mark.slow
def test_spawned_readers_hand_out_the_same(reader):
    here, there = (
        the_batch(module(reader, train_ids="abd", num_workers=number), "train") for number in (0, 1)
    )

    assert torch.equal(here["frames"], there["frames"])
    assert torch.equal(here["streams"]["hpb"], there["streams"]["hpb"])
