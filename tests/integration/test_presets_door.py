"""A preset from its name to the store, its weights on a server."""

import dataclasses
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from extract.presets import POSES
from scripts import extract_features
from store import open_store
from tests.integration.test_extract_door import logging_and_threads_as_before
from tests.preset_networks import SMALL, build, write_one_frame

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_one_frame(tmp_path_factory.mktemp("video"))


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The small pose network's weights on a server, and what is left of them to download."""
    site, name = tmp_path / "site", POSES[SMALL].weights.file
    site.mkdir()
    torch.save({"state_dict": build(SMALL).network.state_dict()}, site / name)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        digest = hashlib.sha256((site / name).read_bytes()).hexdigest()
        weights = dataclasses.replace(
            POSES[SMALL].weights,
            address=f"http://127.0.0.1:{server.server_port}/{name}",
            sha256=digest[:8],
        )
        monkeypatch.setitem(POSES, SMALL, dataclasses.replace(POSES[SMALL], weights=weights))
        yield site / name
        server.shutdown()


def extract(tmp_path, video, *more):
    (tmp_path / "made.csv").write_text(f"path\n{video}\n")
    options = [
        f"--dataset={tmp_path / 'made.csv'}", f"--store={tmp_path / 'store'}", "--detector=none",
        f"--weights-folder={tmp_path / 'weights'}", "--clock=2", "--persons=top1", "--crops=none",
        "--device=cpu", "--threads=1", "--pose-batch=1", *more,
    ]  # fmt: skip
    with logging_and_threads_as_before():
        return extract_features.main(options)


def test_preset_from_its_name_to_the_store(served, video, tmp_path, capsys):
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0

    store = open_store(str(tmp_path / "store"))
    assert list(store.facts.layout.taps) == ["backbone.layer3", "backbone.layer2", "backbone.layer5"]
    digest = hashlib.sha256(served.read_bytes()).hexdigest()
    assert store.facts.meaning["pose.checkpoint_sha256"] == digest
    assert f"sha256 {digest}, recorded in" in capsys.readouterr().err

    served.unlink()  # it is not asked for again
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0


def test_good_file_takes_the_place_of_a_damaged_one(served, video, tmp_path, monkeypatch, capsys):
    weights = dataclasses.replace(POSES[SMALL].weights, sha256="")  # so that nothing but loading tells
    monkeypatch.setitem(POSES, SMALL, dataclasses.replace(POSES[SMALL], weights=weights))
    state = torch.load(served, weights_only=True)
    torch.save(state, served, _use_new_zipfile_serialization=False)
    here = tmp_path / "weights" / served.name
    here.parent.mkdir()
    here.write_bytes(served.read_bytes()[:100_000])

    assert extract(tmp_path, video, f"--pose={SMALL}") == 1
    assert f"{here}: cannot be loaded" in (message := capsys.readouterr().err)
    assert "damaged, and a whole one has to take its place" in message

    here.write_bytes(served.read_bytes())
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0
    assert here.with_name(f"{here.name}.json").is_file()


def test_weights_that_are_nowhere(served, video, tmp_path, capsys):
    served.unlink()

    assert extract(tmp_path, video, f"--pose={SMALL}") == 1

    message = capsys.readouterr().err
    assert "404 File not found" in message
    assert f"put the file by hand at {tmp_path / 'weights' / served.name}" in message
    assert not (tmp_path / "store").exists()
