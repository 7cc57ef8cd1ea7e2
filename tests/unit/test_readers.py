"""How many processes read ahead, and where that is decided; on a machine with a GPU that is not there."""

import logging
import os
from types import SimpleNamespace

import pytest
import torch

from tests.epam_stores import epam_store
from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store
from train import run
from train.clip_data import readers_for
from train.evaluate import score_clips
from train.method import make_recipe, method_of
from train.run import Machine, train_run
from train.splits import folds

CPU, GPU = torch.device("cpu"), torch.device("cuda")
ENTRIES = ["a0", "a1", "e0", "e1"]


@pytest.fixture(autouse=True)
def big_machine(monkeypatch):
    """16 cores and a GPU."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.mark.parametrize(
    ("wanted", "devices", "expected"),
    [
        (None, [CPU], 0),  # whatever else the machine has
        (None, [GPU], 8),
        (None, [GPU] * 4, 3),  # of the 15 that are left
        (5, [CPU], 5),
        (0, [GPU], 0),
    ],
)
def test_readers(wanted, devices, expected):
    assert readers_for(wanted, devices) == expected


class AskedForError(Exception):
    """Carries what data a method was asked for."""


@pytest.fixture
def method():
    def data(reader, **asked):
        raise AskedForError(asked["num_workers"])

    return SimpleNamespace(test_batch=2, data=data, source=lambda reader: None)


def test_a_training_on_the_cpu_has_no_readers(tmp_path, monkeypatch, method):
    reader = train_store(tmp_path / "store", train_entries(ENTRIES))
    monkeypatch.setattr(run, "method_of", lambda recipe: method)

    with pytest.raises(AskedForError, match=r"^0$"):
        train_run(
            reader, folds(reader, "p1"), make_recipe({}), protocol="p1", folder=tmp_path / "run",
            machine=Machine(device="cpu"),
        )  # fmt: skip


@pytest.mark.parametrize(("free_ram", "expected"), [(0, 8), (10**9, 0)])
def test_rows_of_a_stream_are_read_ahead_where_they_do_not_fit(tmp_path, monkeypatch, free_ram, expected):
    def fit(task, data, **options):
        raise AskedForError(data.num_readers)

    reader = train_store(tmp_path / "store", train_entries(ENTRIES))
    monkeypatch.setattr("train.memory.free_ram", lambda: free_ram)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(run, "Trainer", lambda **options: SimpleNamespace(fit=fit))

    with pytest.raises(AskedForError, match=rf"^{expected}$"):
        train_run(
            reader, folds(reader, "p1"), make_recipe({"width": 8}), protocol="p1", folder=tmp_path / "run",
            machine=Machine(device="cuda", compiled=False),
        )  # fmt: skip


@pytest.mark.parametrize(("device", "expected"), [(CPU, 0), (GPU, 8)])
def test_a_test_has_the_readers_of_its_device(method, device, expected):
    checkpoint = SimpleNamespace(method=method, passport=SimpleNamespace(class_names=()))

    with pytest.raises(AskedForError, match=rf"^{expected}$"):
        score_clips(checkpoint, None, [], device=device)


@pytest.mark.parametrize("stream", ["hpnet", "epam"])
def test_methods_say_what_they_do_not_do(tmp_path, caplog, stream):
    caplog.set_level(logging.INFO)
    if stream == "epam":
        reader = epam_store(tmp_path, train_entries(ENTRIES))
        recipe = make_recipe({"stream": "epam"})
    else:
        reader = train_store(tmp_path, train_entries(ENTRIES), facts=make_facts(crops=("person",)))
        recipe = make_recipe({"stream": "hpnet", "encoder": None})
    method = method_of(recipe)

    for in_memory in ("auto", False):
        method.data(reader, class_names=("sit", "stand"), batch_size=2, in_memory=in_memory)
    assert not caplog.records
    method.data(reader, class_names=("sit", "stand"), batch_size=2, in_memory="device")
    method.compile(torch.nn.Identity(), CPU)

    assert "crops and poses are read anew in each epoch; --in-memory is for pooled streams" in caplog.text
    assert f"{stream} is trained without it" in caplog.text
