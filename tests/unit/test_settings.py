"""A store is refused for settings that touch what the network reads of it, and for no others."""

from dataclasses import replace

import pytest

from tests.store_makers import make_facts
from tests.train_stores import CLASSES, train_entries, train_store
from train.checkpoint import Checkpoint, CheckpointError, check_fits
from train.method import make_recipe, method_of
from train.passport import make_passport


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A store with poses, pooled features and both kinds of crops."""
    facts = make_facts(crops=("person", "clip"))
    return train_store(tmp_path_factory.mktemp("store"), train_entries(["a0", "e0"]), facts=facts)


NETWORKS = {
    "hpj": {},
    "hpbm": {"stream": "hpbm"},
    "j": {"stream": "j"},
    "hpnet": {"stream": "hpnet"},
    "hpnet_frames": {"stream": "hpnet", "fusion": "none"},
    "xshift_pose": {"stream": "xshift_pose"},
    "xshift_rgb": {"stream": "xshift_rgb"},
    "epam": {"stream": "epam"},
}


def trained_on(reader, choices, **settings):
    """Return a checkpoint of a training on a store like this one, but for some settings."""
    recipe = make_recipe(choices)
    passport = make_passport(
        reader, recipe, method_of(recipe).source(reader), protocol="p1", fold="p1", class_names=CLASSES,
        num_frames=3, num_persons=2, train_ids=[],
    )  # fmt: skip
    return Checkpoint(replace(passport, meaning=dict(passport.meaning) | settings), {}, "checkpoint.pt")


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("dataset", ""),
        ("extract.two_person_classes", ""),
        ("extract.crops", ""),
        ("pose.taps", ""),
        ("extract.jpeg_quality", "hpnet hpnet_frames xshift_rgb epam"),
        ("extract.person_crop", "hpnet hpnet_frames"),
        ("extract.clip_crop", "xshift_rgb epam"),
        ("extract.pooling", "hpj hpbm hpnet"),
        ("extract.stored_as", "hpj hpbm hpnet"),
        ("extract.persons", "hpj hpbm j hpnet hpnet_frames xshift_pose xshift_rgb epam"),
        ("pose.checkpoint_sha256", "hpj hpbm j hpnet hpnet_frames xshift_pose xshift_rgb epam"),
        ("of a later version", "hpj hpbm j hpnet hpnet_frames xshift_pose xshift_rgb epam"),
    ],
)
def test_who_refuses_a_store_of_another_setting(reader, setting, names):
    checkpoints = {name: trained_on(reader, NETWORKS[name], **{setting: "another"}) for name in NETWORKS}
    for name, checkpoint in checkpoints.items():
        if name not in names.split():
            assert check_fits(checkpoint, reader) == []
            continue
        with pytest.raises(CheckpointError, match=f"{setting}: the store has None, the checkpoint wants 'an"):
            check_fits(checkpoint, reader)


def test_poses_need_no_crops(tmp_path, reader):
    """A network of poses that was trained on a store with crops takes one without."""
    kept = {"extract.crops": ["person", "clip"], "extract.jpeg_quality": 95}
    none = make_facts(crops=(), **{"extract.crops": [], "extract.jpeg_quality": 80})
    without = train_store(tmp_path, train_entries(["a0", "e0"]), facts=none)

    assert check_fits(trained_on(reader, NETWORKS["j"], **kept), without) == []
