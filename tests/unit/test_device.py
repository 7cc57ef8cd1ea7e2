"""DEVICE in words, on a machine with two GPUs that are not there."""

import pytest
import torch

from train.device import find_devices


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cpu", ["cpu"]),
        ("cpu:2", ["cpu", "cpu"]),
        ("auto", ["cuda:0"]),
        ("cuda", ["cuda:0"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:1,0", ["cuda:1", "cuda:0"]),
    ],
)
def test_devices(text, found):
    assert [str(device) for device in find_devices(text)] == found


@pytest.mark.parametrize("text", ["gpu", "cpu:0", "cpu:x", "cuda:2", "cuda:0,0"])
def test_what_is_no_device_is_refused(text):
    with pytest.raises(ValueError, match=f"device '{text}'"):
        find_devices(text)
