"""Files of other trainers: what they keep beside the weights, old kinds of files, and what is not plain."""

import pickle
import sys
from types import ModuleType

import pytest
import torch

from train.plain_file import load_plain

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3)}


@pytest.fixture
def settings(monkeypatch):
    """The trainer's class of settings, as it is where yacs is installed; gone before the file is read."""

    class CfgNode(dict):
        def __init__(self, content):
            super().__init__(content)
            self.__dict__ |= {"__immutable__": True, "__deprecated_keys__": set(), "__renamed_keys__": {}}

    yacs = ModuleType("yacs.config")
    yacs.CfgNode = CfgNode
    CfgNode.__module__, CfgNode.__qualname__ = "yacs.config", "CfgNode"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "yacs", ModuleType("yacs"))
        patch.setitem(sys.modules, "yacs.config", yacs)
        yield CfgNode({"TRAIN": CfgNode({"LR": 8e-6}), "FRAMES": [8]})


@pytest.mark.parametrize("is_mapped", [False, True])
def test_settings_beside_the_weights_are_read_as_values_by_name(settings, tmp_path, monkeypatch, is_mapped):
    path = tmp_path / "best.pth"
    torch.save({"model": WEIGHTS, "epoch": 29, "config": settings}, path)
    monkeypatch.delitem(sys.modules, "yacs.config")

    content = load_plain(path, is_mapped=is_mapped)

    assert torch.equal(content["model"]["a.weight"], WEIGHTS["a.weight"])
    assert content["config"] == {"TRAIN": {"LR": 8e-6}, "FRAMES": [8]}


def test_a_file_of_an_old_torch_is_read_although_it_cannot_be_mapped(tmp_path):
    torch.save(WEIGHTS, tmp_path / "old.pth", _use_new_zipfile_serialization=False)

    content = load_plain(tmp_path / "old.pth", is_mapped=True)

    assert torch.equal(content["a.weight"], WEIGHTS["a.weight"])


class Runs:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_nothing_in_a_file_is_executed(tmp_path, capsys):
    torch.save({"config": Runs()}, tmp_path / "bad.pth")

    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        load_plain(tmp_path / "bad.pth")

    assert capsys.readouterr().out == ""
