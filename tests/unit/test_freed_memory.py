"""Freed buffers are used again instead of being asked of the kernel anew."""

import ctypes
import subprocess
import sys

import pytest

_MIB = 64  # glibc never keeps buffers of more than 32 MiB by itself
_COUNT = f"""
import resource
import torch
from train.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones({_MIB} << 18).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
plain = faults()
keep_freed_memory()
faults()  # the first buffer is new
print(plain, faults())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc: nothing is changed here")
def test_large_buffers_that_were_freed_are_used_again() -> None:
    done = subprocess.run([sys.executable, "-c", _COUNT], check=True, capture_output=True, text=True)
    plain, kept = map(int, done.stdout.split())
    # the kernel clears pages of 4 KiB, or of 2 MiB where it has these to spare
    assert plain >= 4 * _MIB // 2
    assert kept < plain / 10
