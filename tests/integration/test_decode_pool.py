"""Decoding processes that hang, die, wait or are not wanted, and clips that do not feel it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from extract.decode import _ENVIRONMENT
from tests.decoders import decoders, decoding_pools, fail, numbers
from tests.made_videos import walking_persons, write_video

NUM_FRAMES = 100


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder, frames = tmp_path_factory.mktemp("videos"), walking_persons(NUM_FRAMES)
    kinds = ("mpeg4", "mjpeg", "h264 with B-frames")
    return {kind: write_video(folder / kind.replace(" ", "_"), frames, kind=kind) for kind in kinds}


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A video with more frames than may wait decoded, so that it cannot have been sent whole."""
    frames = [np.zeros((720, 1280, 3), np.uint8)] * 60
    return write_video(tmp_path_factory.mktemp("big") / "big", frames, kind="mjpeg")


@pytest.fixture
def pool():
    with decoding_pools() as make:
        yield make


def test_decoder_that_hangs_is_killed_and_the_next_clip_works(videos, pool, tmp_path):
    os.mkfifo(tmp_path / "pipe.avi")  # nobody ever writes into it
    decoding = pool(limit_seconds=1.0)
    begin = time.monotonic()
    hanging, after = decoding.submit(tmp_path / "pipe.avi"), decoding.submit(videos["mpeg4"])

    message, status = fail(hanging)

    assert status == "timeout"
    assert "no frame for 1 s, the decoder was killed" in message
    assert time.monotonic() - begin < 10
    assert numbers(after.frames()) == list(range(NUM_FRAMES))


# run by a decoder before it begins: counting takes longer than the limit, each frame by itself does not
SLOW_COUNTING = """
import time
from extract import video_pyav
decode = video_pyav._decode
def slow(path):
    for frame in decode(path):
        time.sleep(0.035)
        yield frame
video_pyav._decode = slow
"""


def test_a_long_video_is_not_silence(videos, pool, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(SLOW_COUNTING)
    search = os.pathsep.join([str(tmp_path), _ENVIRONMENT["PYTHONPATH"]])
    monkeypatch.setattr("extract.decode._ENVIRONMENT", {**_ENVIRONMENT, "PYTHONPATH": search})
    begin = time.monotonic()
    video = pool(limit_seconds=2.5, plan=lambda _: [0, 99]).submit(videos["h264 with B-frames"])

    assert video.facts.num_frames == NUM_FRAMES
    assert time.monotonic() - begin > 3.5
    assert numbers(video.frames()) == [0, 99]  # nothing is sent while those between are passed over


def test_leaving_does_not_wait_for_a_decoder_that_hangs(videos, pool, tmp_path):
    os.mkfifo(tmp_path / "pipe.avi")
    decoding = pool(limit_seconds=60.0)
    list(decoding.submit(videos["mjpeg"]).frames())
    decoding.submit(tmp_path / "pipe.avi")
    time.sleep(0.3)  # the process is up, so it hangs by now

    # the fixture leaves, and looks at its watch


def test_decoder_that_is_killed_mid_clip(big, pool):
    decoding = pool()
    video, after = decoding.submit(big), decoding.submit(big)
    assert video.facts.num_frames == 60
    (process,) = decoders()
    process.send_signal(signal.SIGKILL)

    message, status = fail(video)

    assert status == "decode_error"
    assert "the decoder died (signal 9)" in message
    assert after.facts.num_frames == 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_the_whole_job_are_the_parents_business(videos, pool, number):
    decoding = pool(plan=lambda facts: range(facts.num_frames))
    list(decoding.submit(videos["mpeg4"]).frames())
    (process,) = decoders()
    process.send_signal(number)

    assert numbers(decoding.submit(videos["mpeg4"]).frames()) == list(range(NUM_FRAMES))
    assert decoders() == [process]


def test_bounded_queue(big, pool):
    video = pool().submit(big)
    most = (128 << 20) // (720 * 1280 * 3)
    deadline = time.monotonic() + 20
    while video._items.qsize() < most:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)

    assert video._items.qsize() == most < 60
    assert len(list(video.frames())) == 60


def test_decoder_stands_still_while_nobody_takes_its_frames(big, pool):
    """decord alone would decode the file to its end, into memory."""
    video = pool().submit(big)
    deadline = time.monotonic() + 20
    while not (decoders() and decoders()[0].status() == psutil.STATUS_STOPPED):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert len(list(video.frames())) == 60


def test_video_that_nobody_wants_any_more_frees_its_decoder(videos, big, pool):
    decoding = pool()
    unwanted = decoding.submit(big)
    assert unwanted.facts.num_frames == 60

    unwanted.cancel()

    assert numbers(decoding.submit(videos["mpeg4"]).frames()) == list(range(NUM_FRAMES))


def test_second_decoding_does_not_wait_for_those_ahead(videos, big, pool):
    decoding = pool()
    decoding.submit(big)  # decoded ahead; its queue is full, and nobody looks at it yet

    assert numbers(decoding.submit(videos["mpeg4"], again=True).frames()) == list(range(NUM_FRAMES))


def test_our_own_mistake_is_raised_and_not_waited_for(videos, pool):
    def plan(facts):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(pool(plan=plan).submit(videos["mpeg4"]).frames())


def test_process_that_does_not_start_is_not_the_clips_fault(videos, pool, monkeypatch):
    monkeypatch.setattr(
        "extract.decode._ENVIRONMENT", {**os.environ, "PYTHONPATH": "", "PYTHONHOME": "/nowhere"}
    )

    with pytest.raises(RuntimeError, match="does not start"):
        list(pool().submit(videos["mpeg4"]).frames())


def test_works_from_any_folder(videos, pool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert numbers(pool().submit(videos["mpeg4"]).frames()) == list(range(NUM_FRAMES))


def test_processes_are_renewed(videos, pool, monkeypatch):
    monkeypatch.setattr("extract.decode._VIDEOS_PER_PROCESS", 2)
    decoding = pool()
    seen = set()
    for _ in range(4):
        video = decoding.submit(videos["mjpeg"])
        assert video.facts.num_frames == NUM_FRAMES
        seen |= {process.pid for process in decoders()}
        list(video.frames())

    assert len(seen) == 2


PARENT = """
import sys, time
from pathlib import Path
from extract.decode import DecodePool
pool = DecodePool(num_workers=1, limit_seconds=60, plan=lambda facts: range(facts.num_frames))
good, hanging = (Path(name) for name in sys.argv[1:])
list(pool.submit(good).frames())
pool.submit(hanging)
time.sleep(0.3)
print("hangs", flush=True)
time.sleep(60)
"""


def test_a_killed_parent_leaves_no_process_behind(videos, tmp_path):
    os.mkfifo(tmp_path / "pipe.avi")  # its decoder hangs in native code and sees no closed channel
    command = [sys.executable, "-c", PARENT, videos["mjpeg"], tmp_path / "pipe.avi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        (decoder,) = psutil.Process(parent.pid).children()
        parent.kill()

    deadline = time.monotonic() + 5
    while decoder.is_running() and decoder.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the decoder has outlived its parent"
        time.sleep(0.02)
