"""Which of a model's files are asked for, of a hub that is made here; nothing is downloaded."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from huggingface_hub import _CACHED_NO_EXIST
from huggingface_hub.errors import RemoteEntryNotFoundError

from train.hpnet import hub
from train.hpnet.hub import VOCABULARY, WEIGHTS, PretrainedError, find_folder


@pytest.fixture
def the_hub(monkeypatch, tmp_path):
    """A hub that gives only these files; the list says what it was asked for.

    ``kept`` were fetched before, and of ``unknown`` it said then that it has none.
    """
    asked = []

    def start(*files, kept=(), unknown=()):
        def download(name, file):
            asked.append(file)
            if not files:
                raise OSError("cannot connect")
            if file not in files:
                raise RemoteEntryNotFoundError(
                    f"no {file}", response=SimpleNamespace(headers={}, request=None)
                )
            return str(tmp_path / file)

        monkeypatch.setattr(hub, "hf_hub_download", download)
        keep = {file: str(tmp_path / file) for file in kept} | dict.fromkeys(unknown, _CACHED_NO_EXIST)
        monkeypatch.setattr(hub, "try_to_load_from_cache", lambda name, file: keep.get(file))
        return asked

    return start


def test_hub_that_cannot_be_reached_says_what_to_fetch(the_hub):
    asked = the_hub()

    with pytest.raises(PretrainedError) as caught:
        find_folder("somebody/clip", VOCABULARY)

    for part in (
        "somebody/clip",
        "cannot connect",
        "vocab.json + merges.txt",
        "huggingface.co/somebody/clip",
    ):
        assert part in str(caught.value)
    assert asked == ["vocab.json"]  # once is slow enough


def test_folder_that_is_misspelt_says_what_was_expected():
    with pytest.raises(PretrainedError) as caught:
        find_folder("data/weights/xclip/base", WEIGHTS)

    for part in (
        "'data/weights/xclip/base' is no folder",
        "config.json + model.safetensors",
        "encoder=FOLDER",
    ):
        assert part in str(caught.value)


def test_hub_gives_the_first_set_that_it_has(the_hub, tmp_path):
    asked = the_hub("config.json", "pytorch_model.bin")

    assert find_folder("somebody/clip", WEIGHTS) == tmp_path
    assert asked == ["config.json", "model.safetensors", "config.json", "pytorch_model.bin"]


def test_what_was_fetched_before_is_not_asked_for(the_hub, tmp_path):
    asked = the_hub("config.json", "model.safetensors", kept=["config.json", "pytorch_model.bin"])

    assert find_folder("somebody/clip", WEIGHTS) == tmp_path
    assert asked == []


def test_a_download_that_was_interrupted_goes_on(the_hub, tmp_path):
    """Of the weights only the answer is there that they are not in the first of the two files."""
    asked = the_hub("config.json", "pytorch_model.bin", kept=["config.json"], unknown=["model.safetensors"])

    assert find_folder("somebody/clip", WEIGHTS) == tmp_path
    assert asked[-1] == "pytorch_model.bin"


def test_the_hubs_messages_come_once():
    """A process of its own, as the hub's handler keeps the stderr that there was when it was imported."""
    say = (
        "import logging; from scripts.logs import log_to_stderr; import train.hpnet.hub; log_to_stderr(); "
        "logging.getLogger('huggingface_hub.utils._http').warning('Retrying in 8s')"
    )
    done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)

    assert done.stderr == "Retrying in 8s\n"


def test_model_that_lacks_a_file(the_hub):
    the_hub("config.json")

    with pytest.raises(PretrainedError, match=r"the hub did not give it .*pytorch_model"):
        find_folder("somebody/clip", WEIGHTS)
