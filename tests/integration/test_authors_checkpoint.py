"""A checkpoint of SimCC's authors given as ``--pose-checkpoint``."""

import logging

import pytest
import torch

# after `make setup WITH=train` there is nothing to extract with
pytest.importorskip("extract.pose_mmpose")

from extract.pose_mmpose import MmposeEstimator
from tests.small_hrnet import CROP_WH, H2_PRE_FUSION, write_small_hrnet

pytestmark = pytest.mark.usefixtures("one_thread")

TAPS = [H2_PRE_FUSION, "simcc"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A config, its checkpoint, and the same weights in the authors' names, without prefix (hpnet.md A.4)."""
    config, checkpoint = write_small_hrnet(tmp_path_factory.mktemp("simcc"))
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return config, checkpoint, {name.partition(".")[2]: weight for name, weight in state.items()}


def load(config, checkpoint):
    return MmposeEstimator(config, checkpoint, taps=TAPS, device="cpu", batch_size=2)


def run(estimator):
    width, height = CROP_WH
    random = torch.Generator().manual_seed(0)
    return estimator.feature_maps(
        torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8, generator=random)
    )


@pytest.mark.parametrize("form", ["plain", "in a training's checkpoint", "of a parallel training"])
def test_same_weights_same_bits(files, tmp_path, caplog, form):
    config, checkpoint, theirs = files
    if form == "of a parallel training":
        theirs = {f"module.{name}": weight for name, weight in theirs.items()}
    content = {"state_dict": theirs, "epoch": 139} if form == "in a training's checkpoint" else theirs
    torch.save(content, tmp_path / "authors.pth")
    with caplog.at_level(logging.INFO):
        imported = run(load(config, tmp_path / "authors.pth"))

    assert f"{tmp_path / 'authors.pth'}: a checkpoint of SimCC's authors; imported" in caplog.text
    expected = run(load(config, checkpoint))
    for tap in TAPS:
        assert expected[tap].std() > 0.1
        assert torch.equal(imported[tap], expected[tap])


def test_our_own_is_not_imported(files, caplog):
    config, checkpoint, _ = files
    with caplog.at_level(logging.INFO):
        load(config, checkpoint)

    assert "imported" not in caplog.text


def test_another_network(files, tmp_path):
    config, _, theirs = files
    theirs = {name: weight for name, weight in theirs.items() if name != "stage4.0.branches.1.0.conv1.weight"}
    theirs["mlp_head_x.bias"] = torch.zeros(7)
    torch.save(theirs, tmp_path / "authors.pth")

    with pytest.raises(
        ValueError, match=r"authors\.pth, for .*small_hrnet\.py: a checkpoint of SimCC"
    ) as caught:
        load(config, tmp_path / "authors.pth")
    assert "1 missing: backbone.stage4.0.branches.1.0.conv1.weight" in str(caught.value)
    assert "head.mlp_head_x.bias (7,), expected (192,)" in str(caught.value)
