import pytest
import torch

from extract.execution import choose_device, describe_execution


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "mps:0", ""])
def test_unknown_device_names_the_known_ones(name):
    with pytest.raises(ValueError, match="PyTorch sees cpu"):
        choose_device(name)


def test_cpu_is_always_there():
    assert choose_device("cpu") == "cpu"


def test_execution_says_what_decides_the_last_bits():
    facts = describe_execution(device="cpu", detect_batch=8, pose_batch=16)
    assert facts["threads"] == torch.get_num_threads()
    assert facts["torch"] == torch.__version__.split("+")[0]
    assert (facts["detect_batch"], facts["pose_batch"]) == (8, 16)
