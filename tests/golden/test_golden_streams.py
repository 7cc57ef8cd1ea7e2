"""The four pooled streams against golden/models/streams, exact; resampling of a native store against fpm."""

import dataclasses

import numpy as np
import pytest
import torch

from store import open_store
from store.exchange.skeletons import coco_17
from store.schema import Layout, pooled_array_name
from store.spool import SpooledClip
from store.table import ClipOutcome
from tests.golden.shared_data import shared
from tests.store_makers import make_facts, write_store
from train.data import StreamDataModule
from train.rows import PersonRows
from train.streams import clip_stream

pytestmark = pytest.mark.shared
TAP = "net.a"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(shared("golden/models/streams/io.npz")) as file:
        return dict(file)


@pytest.mark.parametrize("stream", ["HPJ", "HPB", "HPJM", "HPBM"])
def test_of_arrays(golden, stream):
    found = [clip_stream(clip, None, stream.lower(), coco_17()) for clip in golden["pooled"]]

    np.testing.assert_array_equal(torch.stack(found).numpy(), golden[stream])


@pytest.mark.parametrize("in_memory", [False, True, "device"])
@pytest.mark.parametrize("stream", ["HPJ", "HPB", "HPJM", "HPBM"])
def test_of_a_store(golden, stream, in_memory, tmp_path):
    # in the second clip person 1 is a copy: a store does not keep it, and the switch makes it again
    pooled = golden["pooled"].astype(np.float16)
    np.testing.assert_array_equal(pooled.astype(np.float32), golden["pooled"])
    np.testing.assert_array_equal(pooled[1, :, 0], pooled[1, :, 1])
    pooled[1, :, 1] = 0
    valid = np.ones((2, 64, 2), bool)
    valid[1, :, 1] = False
    write_store(tmp_path, golden_facts(64, 8), list(map(golden_clip, "ab", pooled, valid)))

    data = StreamDataModule(
        str(tmp_path), stream.lower(), train_ids=(), test_ids="ab", class_names=("sit", "stand"),
        batch_size=2, copy_person=True, in_memory=in_memory,
    )  # fmt: skip
    data.setup()
    (batch,) = data.batches(data.test_dataloader())

    np.testing.assert_array_equal(batch["stream"].numpy(), golden[stream])
    assert batch["present"].all()


@pytest.mark.parametrize("num_frames", [1, 7, 64, 74, 103, 158])
def test_resampling_of_a_native_store(num_frames, tmp_path):
    with np.load(shared("golden/models/fpm/io.npz")) as file:
        values, expected = file[f"resample_in_{num_frames}"], file[f"resample_out_{num_frames}"]
    kept = values.astype(np.float16)
    write_store(
        tmp_path, golden_facts("native", values.shape[-1]),
        [golden_clip("a", kept, np.ones(values.shape[:2], bool))],
    )  # fmt: skip

    rows = PersonRows(open_store(str(tmp_path)), pooled_array_name(TAP), "a", num_persons=2)

    # what float16 loses of the golden values, and no more: interpolation does not enlarge it
    lost = np.abs(kept.astype(np.float32) - values).max()
    found = rows.read(np.array([0])).swapaxes(0, 1)
    np.testing.assert_allclose(found, expected, atol=lost + 5e-5, rtol=1e-5)


def golden_facts(clock, channels):
    layout = Layout(clock, 2, 17, {TAP: channels}, (), facets=())
    return dataclasses.replace(make_facts(), layout=layout, skeleton=coco_17())


def golden_clip(clip_id, values, valid):
    outcome = ClipOutcome("ok", num_persons=int(valid.any(0).sum()), num_steps=len(values))
    return SpooledClip(clip_id, outcome, {pooled_array_name(TAP): values, "person_valid": valid})
