"""Pools of decoding processes, and what is asked of their videos."""

import time
from contextlib import contextmanager

import psutil
import pytest

from extract.decode import DecodePool
from extract.errors import VideoError
from tests.made_videos import read_number


@contextmanager
def decoding_pools():
    """Yield what makes pools that want every frame; afterwards none of their processes may be left."""
    pools = []

    def make(*, num_workers=1, limit_seconds=20.0, plan=lambda facts: range(facts.num_frames)):
        pools.append(DecodePool(num_workers=num_workers, limit_seconds=limit_seconds, plan=plan))
        return pools[-1]

    yield make
    begin = time.monotonic()
    for one in pools:
        one.__exit__(None, None, None)
    assert time.monotonic() - begin < 5
    assert decoders() == []


def decoders():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "extract.decode_worker" in child.cmdline()
    ]


def numbers(frames):
    """Check that each frame shows the number it comes with; return the numbers."""
    found = []
    for number, frame in frames:
        assert read_number(frame) == number
        found.append(number)
    return found


def fail(video):
    with pytest.raises(VideoError) as caught:
        list(range(video.facts.num_frames)) + list(video.frames())
    return str(caught.value), caught.value.status
