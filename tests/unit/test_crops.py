"""Crops of a store: which steps have one, their pixels, and stores that have none."""

import pickle

import numpy as np
import pytest

from store import open_store
from store.errors import StoreDamagedError, StoreFormatError
from tests.store_makers import make_clip, make_facts, make_layout, shrink_units, write_store
from tests.train_stores import plain_crops
from train.crops import Crops, check_crops, decode_crop

CROP = "person"
REDS = {"a": [50, None, 90], "b": [None, None, 30], "c": [10, 120, 200]}


def with_crops(clip_id, clock):
    clip = make_clip(clip_id, make_layout(clock, crops=(CROP,)))
    return type(clip)(clip.id, clip.outcome, clip.arrays | plain_crops(CROP, REDS[clip_id]))


@pytest.fixture(params=[3, "native"])
def store(request, tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    facts = make_facts(request.param, crops=(CROP,))
    write_store(tmp_path, facts, [with_crops(clip_id, request.param) for clip_id in REDS])
    return open_store(str(tmp_path))


def test_steps_that_have_a_crop(store):
    crops = Crops(store, CROP, ["c", "a", "b"], size=224)

    assert [crops.steps(clip).tolist() for clip in range(len(crops))] == [[0, 1, 2], [0, 2], [2]]


def test_pixels_are_rgb_in_the_order_that_is_asked_for(store):
    crops = pickle.loads(pickle.dumps(Crops(store, CROP, ["a"], size=224)))

    pixels = crops.read(0, np.array([2, 0, 2]))

    assert pixels.shape == (3, 224, 224, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[:, 7, 9], [[90, 100, 100], [50, 100, 100], [90, 100, 100]], atol=2)


@pytest.mark.parametrize("size", [224, 160, 112, 64])
def test_another_size_averages(size):
    wide = plain_crops(CROP, [80])["frames/person"][0].tobytes()

    pixels = decode_crop(wide, size)

    assert pixels.shape == (size, size, 3)
    np.testing.assert_allclose(pixels[[0, -1], [0, -1]], [[80, 100, 100]] * 2, atol=2)


def test_a_store_without_crops_says_how_to_get_them(tmp_path):
    write_store(tmp_path, make_facts(crops=("clip",)), [])

    with pytest.raises(StoreFormatError, match=r"without 'person' crops.*has 'clip'.*--crops clip,person"):
        check_crops(open_store(str(tmp_path)), CROP)


def test_what_is_no_jpeg_is_named(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    clip = with_crops("a", 3)
    clip.arrays["frames/person"][2, :2] = 0
    write_store(tmp_path, make_facts(crops=(CROP,)), [clip])

    with pytest.raises(StoreDamagedError, match="crop of a at step 2 is no JPEG; run `make verify`"):
        Crops(open_store(str(tmp_path)), CROP, ["a"], size=224).read(0, np.array([0, 2]))
