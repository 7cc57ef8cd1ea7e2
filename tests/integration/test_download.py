"""Downloads from a real server on loopback, which is told how to misbehave."""

import fcntl
import hashlib
import json
import logging
import multiprocessing
import os
import resource
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from extract import download as transfer
from extract.download import DownloadError, download
from extract.errors import WeightsError
from extract.presets import Weights
from extract.weights import provide_weights, record_digest

CONTENT = bytes(range(256)) * 4000  # a megabyte, in several pieces
PIECE = transfer._PIECE
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """One file on a server, and what it answers to one request after the other."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    has_ranges: bool = True
    most: int | None = None  # bytes of a part, however many were asked for
    statuses: list[int] = field(default_factory=list)  # of the first answers, instead of the file
    cuts: list[int] = field(default_factory=list)  # bytes after which the first answers break off
    asked: list[str | None] = field(default_factory=list)  # the Range of every request
    address: str = ""

    def answer(self, request):
        self.asked.append(request.headers["Range"])
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        begin = self.begin(request)
        if begin > len(self.content):
            request.send_error(416)
            return
        end = begin + self.most if begin and self.most else None
        body = self.content[begin:end]
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(body)))
        if self.etag:
            request.send_header("ETag", self.etag)
        if begin:
            last = begin + len(body) - 1
            request.send_header("Content-Range", f"bytes {begin}-{last}/{len(self.content)}")
        request.end_headers()
        request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)

    def begin(self, request):
        asked, of = request.headers["Range"], request.headers["If-Range"]
        if not asked or not self.has_ranges or of not in (None, self.etag):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))


@pytest.fixture
def site(monkeypatch):
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.answer(self)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transfer, "_WAITS", (0.0, 0.0))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        site.address = f"http://127.0.0.1:{server.server_port}/w.pth"
        yield site
        server.shutdown()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "w.pth"


def fetch(site, target):
    download(site.address, target, check=lambda part: None)


def names(folder):
    return {path.name for path in folder.iterdir()}


# the transfer


def test_whole_file_comes_and_nothing_else_stays(site, target):
    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert names(target.parent) == {"w.pth"}
    assert site.asked == [None]


def test_cut_connection_goes_on_where_it_stopped(site, target, caplog):
    site.cuts = [20 * PIECE, 30 * PIECE]

    with caplog.at_level(logging.INFO):
        fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [None, f"bytes={20 * PIECE}-", f"bytes={50 * PIECE}-"]
    assert "trying again in 0 s" in caplog.text


def test_another_process_goes_on_with_what_was_synced(site, target, monkeypatch):
    monkeypatch.setattr(transfer, "_SYNC_EVERY", 8 * PIECE)
    site.cuts = [20 * PIECE, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    assert target.with_name("w.pth.part").stat().st_size == 20 * PIECE
    site.cuts, site.asked = [], []

    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [f"bytes={16 * PIECE}-"]


def test_what_comes_is_synced_now_and_then(site, target, monkeypatch):
    synced = []
    monkeypatch.setattr(transfer, "_SYNC_EVERY", 20 * PIECE)
    monkeypatch.setattr(transfer.os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))

    fetch(site, target)

    parts = [size for size in synced if size >= 20 * PIECE]
    assert parts == [20 * PIECE, 40 * PIECE, 60 * PIECE, len(CONTENT)]  # the last one before the rename


def test_bytes_that_may_not_be_on_disk_are_not_trusted(site, target):
    site.cuts = [20 * PIECE, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    target.with_name("w.pth.part").write_bytes(bytes(20 * PIECE))  # as after a power cut
    site.cuts, site.asked = [], []

    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [None]


def test_server_that_gives_small_parts_is_asked_for_all_of_them(site, target):
    site.cuts = [20 * PIECE]
    site.most = 15 * PIECE

    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [None, *(f"bytes={number * PIECE}-" for number in (20, 35, 50))]


def test_server_without_ranges_sends_the_whole_again(site, target):
    site.has_ranges = False
    site.cuts = [20 * PIECE]

    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [None, f"bytes={20 * PIECE}-"]


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_file_that_changed_meanwhile_is_fetched_anew(site, target, monkeypatch, heeds_if_range):
    after = bytes(reversed(CONTENT))
    before = site.begin

    def begin(request):
        if site.asked == [None]:
            return before(request)
        site.content, site.etag = after, '"two"'
        if not heeds_if_range and request.headers["If-Range"]:
            request.headers.replace_header("If-Range", '"two"')
        return before(request)

    monkeypatch.setattr(site, "begin", begin)
    site.cuts = [300_000]

    fetch(site, target)

    assert target.read_bytes() == after
    assert len(site.asked) == (2 if heeds_if_range else 3)


def test_file_that_became_shorter_is_fetched_anew(site, target, monkeypatch):
    monkeypatch.setattr(transfer, "_SYNC_EVERY", 1)
    site.cuts = [300_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    site.content, site.cuts = CONTENT[:1000], []  # under the same mark: 416

    fetch(site, target)

    assert target.read_bytes() == CONTENT[:1000]


def test_version_that_nobody_names_is_not_gone_on_with(site, target):
    site.etag = None
    site.cuts = [300_000]

    fetch(site, target)

    assert target.read_bytes() == CONTENT
    assert site.asked == [None, None]


def test_weak_mark_does_not_prove_the_same_bytes(site, target):
    site.etag = 'W/"one"'
    site.cuts = [300_000]

    fetch(site, target)

    assert site.asked == [None, None]


def test_part_of_another_address_is_thrown_away(site, target, monkeypatch):
    monkeypatch.setattr(transfer, "_SYNC_EVERY", 1)
    target.with_name("w.pth.part").write_bytes(b"something else")
    target.with_name("w.pth.part.json").write_text('{"address": "https://elsewhere", "version": "\\"one\\""}')

    fetch(site, target)

    assert target.read_bytes() == CONTENT


def test_busy_server_is_asked_again(site, target):
    site.statuses = [503, 429]

    fetch(site, target)

    assert target.read_bytes() == CONTENT


def test_progress_resets_the_patience(site, target):
    site.cuts = [5 * PIECE] * 8  # far more than there are tries without progress

    fetch(site, target)

    assert target.read_bytes() == CONTENT


def test_always_cut_is_an_error_that_keeps_what_came(site, target):
    site.cuts = [300_000, 0, 0, 0]

    with pytest.raises(DownloadError, match=r"w\.pth: .*; 3 tries"):
        fetch(site, target)

    assert names(target.parent) == {"w.pth.part", "w.pth.part.json"}


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden")])
def test_refusal_is_not_repeated(site, target, status, words):
    site.statuses = [status, status]

    with pytest.raises(DownloadError, match=f"{site.address}: {words}"):
        fetch(site, target)

    assert len(site.asked) == 1
    assert names(target.parent) == set()


def test_refused_connection(target, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transfer, "_WAITS", (0.0,))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/w.pth"
        with pytest.raises(DownloadError, match=r"w\.pth: \[Errno 111\] Connection refused; 2 tries"):
            download(address, target, check=lambda part: None)


def test_disk_that_takes_no_more_is_named(site, target):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*w\.pth\.part'"):
            fetch(site, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# weights by name


def weights(site, sha256=""):
    return Weights("w.pth", site.address, licence="none", sha256=sha256)


@pytest.mark.parametrize("known", ["", DIGEST[:8], DIGEST])
def test_digest_is_recorded_once_it_is_loaded(site, target, known):
    folder = target.parent / "new" / "weights"

    assert provide_weights(weights(site, known), folder) == folder / "w.pth"
    assert not (folder / "w.pth.json").exists()

    record_digest(weights(site, known), folder, DIGEST)
    record = json.loads((folder / "w.pth.json").read_text())
    assert record == {"sha256": DIGEST, "size": len(CONTENT)}
    provide_weights(weights(site, known), folder)
    assert len(site.asked) == 1


def test_file_that_never_loaded_does_not_block_the_good_one(site, target):
    target.write_bytes(b"cut short")
    provide_weights(weights(site), target.parent)  # and does not load
    target.write_bytes(CONTENT)

    assert provide_weights(weights(site), target.parent) == target


def test_record_does_not_stand_above_what_is_known(site, target):
    target.write_bytes(b"another file")
    record_digest(weights(site), target.parent, hashlib.sha256(b"another file").hexdigest())

    with pytest.raises(WeightsError, match=f"another file or damaged: .*expected {DIGEST[:8]}"):
        provide_weights(weights(site, DIGEST[:8]), target.parent)


def test_wrong_digest_of_a_download(site, target):
    with pytest.raises(WeightsError) as caught:
        provide_weights(weights(site, "81c58e40"), target.parent)

    for words in (site.address, DIGEST, "expected 81c58e40…", f"put the file by hand at {target}"):
        assert words in str(caught.value)
    assert names(target.parent) == {".w.pth.lock"}


def test_file_that_changes_after_its_first_use(site, target):
    provide_weights(weights(site), target.parent)
    record_digest(weights(site), target.parent, DIGEST)
    target.write_bytes(b"changed")

    with pytest.raises(WeightsError, match=f"{target}: its sha256 is .* it was {DIGEST} when"):
        provide_weights(weights(site), target.parent)

    target.with_name("w.pth.json").unlink()  # the way out that the message names
    provide_weights(weights(site), target.parent)


def test_record_that_is_no_record(site, target):
    target.write_bytes(CONTENT)
    target.with_name("w.pth.json").write_text("[]")

    with pytest.raises(WeightsError, match=r"w\.pth\.json: expected the record of a digest"):
        provide_weights(weights(site), target.parent)


def test_file_put_by_hand_is_not_fetched(site, target):
    target.write_bytes(CONTENT)

    provide_weights(weights(site, DIGEST[:8]), target.parent)

    assert site.asked == []


def test_wrong_file_put_by_hand_stays(site, target):
    target.write_bytes(b"another file")

    with pytest.raises(WeightsError, match=f"Get it from {site.address}, and put it there"):
        provide_weights(weights(site, DIGEST[:8]), target.parent)

    assert target.read_bytes() == b"another file"


def test_without_an_address_the_way_is_said(target):
    by_hand = Weights("w.pth", None, licence="unknown", by_hand="the authors' page")

    with pytest.raises(
        WeightsError, match=f"{target}: not there.*Get it from the authors' page, and put it there"
    ):
        provide_weights(by_hand, target.parent)

    assert names(target.parent) == set()


def test_offline_names_address_and_place(site, target):
    site.statuses = [404]

    with pytest.raises(
        WeightsError, match=f"{site.address}: 404 Not Found.*put the file by hand at {target}"
    ):
        provide_weights(weights(site), target.parent)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\n<!DOCTYPE html><title>Sign in</title>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", "is a Git LFS pointer"),
        (b"PK\x03\x04" + bytes(100), "is cut short: its end is missing after 104 bytes"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_weights_is_thrown_away(site, target, content, words):
    site.content = content

    with pytest.raises(WeightsError, match=f"{site.address}: .*{words}.*put the file by hand at {target}"):
        provide_weights(weights(site), target.parent)

    assert names(target.parent) == {".w.pth.lock"}


def test_folder_of_a_group_may_be_read_only(site, target):
    provide_weights(weights(site), target.parent)
    target.with_name(".w.pth.lock").unlink()
    target.parent.chmod(0o555)
    try:
        assert provide_weights(weights(site), target.parent) == target
        assert names(target.parent) == {"w.pth"}
    finally:
        target.parent.chmod(0o755)


def test_many_processes_fetch_once(site, target):
    processes = [
        multiprocessing.get_context("fork").Process(
            target=provide_weights, args=(weights(site), target.parent)
        )
        for _ in range(3)
    ]
    lock = target.with_name(".w.pth.lock")
    with lock.open("w") as held:  # so that all have begun before one may go on
        fcntl.flock(held, fcntl.LOCK_EX)
        for process in processes:
            process.start()
        processes[0].join(0.5)
        assert all(process.is_alive() for process in processes)
        assert site.asked == []
        fcntl.flock(held, fcntl.LOCK_UN)  # the children hold copies of the descriptor
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert site.asked == [None]
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == {"w.pth", ".w.pth.lock"}
