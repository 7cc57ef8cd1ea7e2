"""Files of weights: as others write them, damaged, dangerous, or no weights at all."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from extract.errors import WeightsError
from tests.preset_networks import SMALL, build, load_detector

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def state():
    return build(SMALL).network.state_dict()


@pytest.mark.parametrize("is_zip", [True, False])  # mmpose publishes the older format
def test_checkpoint_as_mmengine_writes_it(state, tmp_path, is_zip):
    hub = MessageHub.get_instance("test_checkpoints")
    hub.update_scalar("train/loss", np.float64(0.5))
    metainfo = parse_pose_metainfo({"from_file": "configs/_base_/datasets/coco.py"})
    content = {
        "state_dict": state,
        "meta": {"dataset_meta": metainfo, "epoch": 210},
        "message_hub": hub.state_dict(),
    }
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)

    estimator = build(SMALL, tmp_path / "w.pth")

    assert estimator.skeleton.joint_names[0] == "nose"
    for name, values in estimator.network.state_dict().items():
        torch.testing.assert_close(values, state[name], rtol=0, atol=0)


@pytest.mark.parametrize("is_zip", [True, False])
def test_checkpoint_that_is_cut_short(state, tmp_path, is_zip):
    torch.save({"state_dict": state}, tmp_path / "whole.pth", _use_new_zipfile_serialization=is_zip)
    whole = (tmp_path / "whole.pth").read_bytes()
    for share in (0.001, 0.01, 0.5, 0.99):
        (tmp_path / "w.pth").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ValueError, match=r"w\.pth.*(cut short|damaged)"):
            build(SMALL, tmp_path / "w.pth")


def test_checkpoint_that_would_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was run",))

    torch.save({"state_dict": {}, "meta": Evil()}, tmp_path / "w.pth")

    with pytest.raises(
        ValueError, match=r"w\.pth: cannot be loaded as plain weights \(WeightsUnpickler error"
    ):
        build(SMALL, tmp_path / "w.pth")
    assert not (tmp_path / "was run").exists()


def test_checkpoint_of_another_size(state, tmp_path):
    wrong = {name: values[:1] if values.ndim else values for name, values in state.items()}
    torch.save({"state_dict": wrong}, tmp_path / "w.pth")

    with pytest.raises(ValueError, match=r"w\.pth does not fit .*simcc_mobilenetv2.*size mismatch for"):
        build(SMALL, tmp_path / "w.pth")


def test_checkpoint_that_is_none(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "w.pth")

    with pytest.raises(ValueError, match=r"w\.pth: holds a list; expected weights by name"):
        build(SMALL, tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html><head><title>Quota exceeded</title>", "is a web page"),
        (b"PK\x03\x04" + bytes(100), "is cut short"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_weights_is_named(content, words, tmp_path):
    (tmp_path / "w.pt").write_bytes(content)

    with pytest.raises(WeightsError, match=rf"w\.pt {words}.*expected a file of weights"):
        load_detector(tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=rf"w\.pt {words}.*expected a file of weights"):
        build(SMALL, tmp_path / "w.pt")
