"""The ``reference`` profile on a real NTU clip with the release's own boxes, against its formulas by hand.

The weights are random: the release's cannot be had here. ``scripts.compare_with_release`` has to find out in
which way the features were made, as it will with the real ones.
"""

import json

import numpy as np
import pytest
import torch

from extract.pose_mmpose import MmposeEstimator
from extract.video import open_video
from scripts import compare_with_release
from scripts.release.ways import PRE_FUSION, Way
from tests.golden.shared_data import shared
from tests.integration.test_extract_door import logging_and_threads_as_before
from tests.release_by_hand import release_features
from tests.small_hrnet import CROP_WH, write_small_hrnet

pytestmark = pytest.mark.shared

CLIP, NUM_FRAMES, NUM_TIMES = "S001C001P001R001A001", 103, 8
PUBLISHED = Way("per_image", "frame_hw", PRE_FUSION)


def test_finds_the_published_way_on_a_real_clip(tmp_path, capsys):
    boxes = json.loads(shared("golden/hpnet/golden_boxes.json").read_text())[CLIP]
    path = shared(f"real/ntu/{CLIP}_rgb.avi")
    frames = [frame for _, frame in open_video(path).frames(range(NUM_FRAMES))]
    config, checkpoint = write_small_hrnet(tmp_path)
    network = MmposeEstimator(config, checkpoint, taps=["simcc"], device="cpu", batch_size=1).network
    (tmp_path / "golden").mkdir()
    with logging_and_threads_as_before():
        torch.set_num_threads(1)
        features = release_features(
            frames,
            [[box] for box in boxes],
            network,
            crop_wh=CROP_WH,
            batch_norm=PUBLISHED.batch_norm,
            pose_aspect=PUBLISHED.pose_aspect,
            tap=PUBLISHED.tap,
            num_times=NUM_TIMES,
        )
        np.save(tmp_path / "golden" / f"{CLIP}.npy", features)
        status = compare_with_release.main(
            [
                f"--golden={tmp_path / 'golden'}",
                f"--videos={path.parent}",
                f"--boxes={shared('golden/hpnet/golden_boxes.json')}",
                f"--pose={config}",
                f"--pose-checkpoint={checkpoint}",
                "--device=cpu",
            ]
        )

    out = capsys.readouterr().out
    assert status == 0
    assert f"Nearest: {PUBLISHED}; relative L2 0.000" in out


def test_release_files_are_what_the_comparison_expects():
    # of A050 the boxes are unions of two persons, and of A002 there are none: only A001 can be compared
    one, two = (
        np.load(shared(f"golden/hpnet/pooled/S001C001P001R001{action}.npy")) for action in ("A001", "A050")
    )

    assert one.shape == two.shape == (64, 2, 17, 96)
    assert (one[:, 0] == one[:, 1]).all()
    assert not (two[:, 0] == two[:, 1]).all()
