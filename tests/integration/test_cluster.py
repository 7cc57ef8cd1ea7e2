"""Workers of dask, with fake networks and all else real: equal stores, dying workers, bad addresses."""

import os
import shutil
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from extract.cluster import Cluster
from extract.errors import WorkersError
from extract.run import run_extraction
from extract.worker import Job
from extract.workers import check_scheduler
from store.manifest import verify_store
from store.table import parse_table
from store.writer import StoreWriter
from tests.cluster_of_others import cluster_of_others
from tests.fake_extraction import build, describe, entries_of, extract
from tests.made_videos import walking_persons, write_video


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for place in range(8):
        write_video(folder / str(place), walking_persons(30 + 10 * place), kind=["mpeg4", "mjpeg"][place % 2])
    (folder / "broken.avi").write_text("not a video\n" * 20)
    return folder


@pytest.fixture(scope="module")
def expected(videos, tmp_path_factory):
    store = tmp_path_factory.mktemp("here") / "store"
    extract(videos, store)
    return content(store)


@pytest.fixture(scope="module")
def address():
    """A cluster of two workers that others began."""
    with cluster_of_others(2, allowed_failures=0) as place:
        yield place


def content(store):
    """What workers must not change: all but the record of which software ran."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.name != "manifest.json" and path.parent.name != "shards"
    }


def job(videos):
    return Job(build, describe, videos, "cpu", 1, 4, 4, num_decoders=1, decode_limit_seconds=20)


def extract_with(scheduler, videos, store, meddle=None):
    """Extract with workers; ``meddle`` gets the processes of the workers once a clip is finished."""
    entries = entries_of(videos)
    with Cluster(scheduler, job(videos)) as cluster:
        facts = cluster.describe()
        with StoreWriter(store, facts, entries, cluster.execution) as writer:
            if meddle:
                pids = list(cluster._client.run(os.getpid).values())
                threading.Thread(target=meddle, args=(pids, Path(f"{store}.work") / "spool")).start()
            return run_extraction(entries, workers=cluster, writer=writer, retry_failed=False)


def wait_for_clips(spool, count):
    deadline = time.monotonic() + 60
    while len(list(spool.glob("*.npz"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_processes_of_this_machine(videos, expected, tmp_path):
    with socket.socket() as another_run:
        with suppress(OSError):  # there is one indeed
            another_run.bind(("127.0.0.1", 8787))  # dask's usual port
            another_run.listen()
        summary = extract_with("local:2", videos, tmp_path / "store")

    assert summary.statuses == {"ok": 8, "decode_error": 1}
    assert content(tmp_path / "store") == expected
    assert list(verify_store(tmp_path / "store")) == []
    assert not [
        one for one in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(one.cmdline())
    ]


def test_a_cluster_of_others_whose_workers_are_killed(address, videos, expected, tmp_path):
    def kill_twice(pids, spool):
        wait_for_clips(spool, 1)
        os.kill(pids[0], signal.SIGKILL)
        wait_for_clips(spool, 4)
        os.kill(pids[1], signal.SIGKILL)

    summary = extract_with(address, videos, tmp_path / "store", kill_twice)

    assert summary.statuses == {"ok": 8, "decode_error": 1}
    assert content(tmp_path / "store") == expected


def test_clip_that_kills_its_workers_is_left_out(address, videos, expected, tmp_path):
    folder = shutil.copytree(videos, tmp_path / "videos")
    shutil.copy(folder / "0.avi", folder / "deadly.avi")

    summary = extract_with(address, folder, tmp_path / "store")

    assert summary.statuses == {"ok": 8, "decode_error": 1, "error": 1}
    table = {row.entry.id: row.outcome for row in parse_table((tmp_path / "store/clips.jsonl").read_text())}
    assert table["deadly"].status == "error"
    assert table["deadly"].reason.startswith("deadly.avi: 3 workers died while they had it")


def test_the_same_workers_serve_another_run(address, videos, expected, tmp_path):
    for name in ("one", "two"):
        extract_with(address, videos, tmp_path / name)
        assert content(tmp_path / name) == expected


def test_videos_that_are_gone_end_the_run(address, videos, tmp_path):
    entries = entries_of(videos)
    with Cluster(address, job(tmp_path / "unmounted")) as cluster:
        cluster.describe()
        with pytest.raises(FileNotFoundError, match="the videos are gone; mount their disk"):
            list(cluster.run(entries))


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("worker_path", r": the worker tcp://127\.0\.0\.1:\d+ cannot import our code; start all in a copy"),
        ("scheduler_path", ": the scheduler cannot import our code; start all in a copy"),
    ],
)
def test_a_cluster_that_does_not_find_our_code(videos, lacking, message):
    job = Job(
        build=build,
        describe=describe,
        videos=videos,
        device="cpu",
        threads=1,
        detect_batch=8,
        pose_batch=16,
        num_decoders=1,
        decode_limit_seconds=60,
    )

    with (
        cluster_of_others(1, **{lacking: ""}) as place,
        pytest.raises(WorkersError, match=message),
        Cluster(place, job),
    ):
        pass


def test_nobody_answers(videos, monkeypatch):
    monkeypatch.setattr("extract.cluster._CONNECT_SECONDS", 1.0)

    with pytest.raises(WorkersError, match="no dask scheduler answers there"):
        Cluster("tcp://127.0.0.1:9", job(videos)).__enter__()


@pytest.mark.parametrize("text", ["local", "local:0", "here:2", "10.0.0.5", "two"])
def test_what_is_no_scheduler(text):
    with pytest.raises(ValueError, match=f"{text}: expected here, local:N"):
        check_scheduler(text)


@pytest.mark.parametrize(
    "text", ["here", "local:12", "tcp://10.0.0.5:8786", "node-3:8786", "tls://[::1]:8786"]
)
def test_what_is_one(text):
    assert check_scheduler(text) == text
