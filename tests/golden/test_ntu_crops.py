"""Person crops of real NTU clips against the release's JPEGs, byte for byte."""

from dataclasses import replace

import numpy as np
import pytest

from extract.boxes_file import BoxesFile
from extract.config import ExtractConfig
from extract.interfaces import PoseBatch
from extract.pipeline import Extractor
from extract.profiles import REFERENCE
from extract.single import extract_clip
from store.clock import sample_times
from store.skeleton import make_skeleton
from tests.golden.shared_data import shared

pytestmark = pytest.mark.shared


class OneJoint:
    """Finds the middle of every crop; this test is about pictures."""

    batch_size, crop_wh, affine, taps, meaning = 16, (192, 256), "standard", {}, {}
    skeleton = make_skeleton(["middle"], [])

    def __call__(self, crops):
        middle = np.full((len(crops), 1, 2), (96, 128), np.float32)
        return PoseBatch(middle, np.ones((len(crops), 1), np.float32), {})


@pytest.mark.parametrize(
    ("clip", "num_frames", "label"),
    [("S001C001P001R001A001", 103, "drink water"), ("S001C001P001R001A050", 74, "punch/slap")],
)
@pytest.mark.parametrize(
    "config",
    [
        ExtractConfig(persons="top1", crops=("person",)),
        replace(REFERENCE.extract, clock="native"),  # every frame, as the release crops them
    ],
    ids=["64", "reference, native"],
)
def test_crops_equal_the_golden_jpegs(clip, num_frames, label, config):
    boxes = BoxesFile(shared("golden/hpnet/golden_boxes.json"))
    golden = shared(f"golden/hpnet/person_frames/{clip}")
    extractor = Extractor(
        detector=None, boxes=boxes, pose=OneJoint(), config=config, two_person_classes=("punch/slap",)
    )

    result = extract_clip(shared(f"real/ntu/{clip}_rgb.avi"), extractor, clip_id=clip, label=label)

    assert result.outcome.num_frames == num_frames
    positions = sample_times(num_frames, config.clock).positions
    frames = result.arrays["frames/person_indices"]
    assert np.abs(frames - positions).max() <= 0.5
    for number, length, row in zip(
        frames, result.arrays["frames/person_lengths"], result.arrays["frames/person"], strict=True
    ):
        assert row[:length].tobytes() == (golden / f"{number}.jpg").read_bytes(), f"{clip} frame {number}"
