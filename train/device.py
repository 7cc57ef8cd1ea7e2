"""DEVICE -> what Lightning calls it."""

import re

import torch

_CPU = re.compile(r"cpu(?::([1-9]\d*))?")
_CUDA = re.compile(r"cuda(?::(\d+(?:,\d+)*))?")


def find_devices(text: str) -> list[torch.device]:
    """Read a device: cpu, cuda, cuda:1, several as cuda:0,1, or auto (the first GPU, else the CPU).

    cpu:2 is the CPU twice: two processes that share each batch, as GPUs do.

    Raises:
        ValueError: it is none, or this machine does not have it.
    """
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    if match := _CPU.fullmatch(text):
        return [torch.device("cpu")] * int(match[1] or 1)
    match = _CUDA.fullmatch(text)
    if match is None:
        raise ValueError(f"device {text!r}; expected cpu, cuda:0, several as cuda:0,1, or auto")
    indices = [int(index) for index in (match[1] or "0").split(",")]
    if len(set(indices)) < len(indices) or max(indices) >= torch.cuda.device_count():
        raise ValueError(
            f"device {text!r}; this machine has {torch.cuda.device_count()} GPU(s) that torch can use, "
            "counted from 0, each to be named once"
        )
    return [torch.device("cuda", index) for index in indices]
