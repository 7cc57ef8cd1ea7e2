"""`make import-weights` with the authors' networks of golden/models: the checkpoint gives their numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from store.exchange.skeletons import coco_17
from store.schema import Layout
from tests.golden.shared_data import shared
from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store, with_dataset
from train.exchange import author_hpnet
from train.exchange.author_checkpoint import import_checkpoint, recipe_as_published

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]


def golden(case):
    folder = shared(f"golden/models/{case}")
    with np.load(folder / "io.npz") as file:
        arrays = {name: torch.from_numpy(file[name]).float() for name in file.files}
    return folder / "weights.pt", arrays, json.loads((folder / "meta.json").read_text())["tolerance"]


def store_of(root, num_classes):
    """A store that the networks were made for: COCO-17, H2's channels, classes named by their places."""
    layout = Layout(8, max_persons=2, num_joints=17, taps={"net.a": 96}, crops=("person", "clip"))
    names = tuple(map(str, range(num_classes)))
    facts = replace(with_dataset(make_facts(), class_names=names), skeleton=coco_17(), layout=layout)
    return train_store(root, train_entries(["a0", "e0"], labels=names), facts=facts)


def test_hpnet(tmp_path, monkeypatch):
    weights, arrays, tolerance = golden("hpnet_tiny")
    rows = arrays["text_ids"].int().tolist()
    said = [row[: row.index(max(row)) + 1] for row in rows]  # without the padding behind the end
    monkeypatch.setattr(author_hpnet, "find_tokenizer", lambda _, **sizes: lambda text: said[int(text)])
    # the case feeds three streams of their own
    choices = {"stream": "hpnet", "streams": "paper", "num_frames": 64}
    recipe = recipe_as_published(choices)

    model = import_checkpoint(weights, store_of(tmp_path, len(rows)), recipe, protocol="p1").model()

    streams = {"hpj": arrays["j"], "hpjm": arrays["jm"], "hpb": arrays["b"]}
    with torch.no_grad():
        logits = model(arrays["images"], streams).logits
    torch.testing.assert_close(logits, arrays["eval_clean.logits"], **tolerance)


def test_epam_net(tmp_path):
    weights, arrays, tolerance = golden("epam")

    recipe = recipe_as_published({"stream": "epam"})
    model = import_checkpoint(weights, store_of(tmp_path, 60), recipe, protocol="p1").model()

    with torch.no_grad():
        logits = model(*(arrays[name].transpose(1, 2) for name in ("rgb", "pose")))
    torch.testing.assert_close(logits.rgb, arrays["rgb_logits"], **tolerance["logits"])
    torch.testing.assert_close(logits.pose, arrays["pose_logits"], **tolerance["logits"])
