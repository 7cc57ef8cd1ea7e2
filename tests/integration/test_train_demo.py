"""The last step of `make demo`, trainings side by side, and the table of many, on stores of 24 clips."""

import csv
import json
import shutil

import cv2
import pytest
import torch

from scripts import demo_table, side_by_side, train_demo
from scripts.demo_table import Row
from scripts.side_by_side import train_side_by_side
from scripts.train_stream import main as train
from store import open_store
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store, with_dataset
from train.checkpoint import load_checkpoint
from train.history import TrainingError
from train.method import make_recipe
from train.metrics import measure
from train.scores import load_scores

pytestmark = pytest.mark.usefixtures("one_thread")

CHOICES = {"width": 8, "epochs": 2, "batch_size": 4, "lr": 0.05, "warmup_epochs": 1}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Sit is called wave and stand drink, so that there are kinds of classes."""
    facts = with_dataset(make_facts(crops=()), name="demo", class_names=("wave", "drink"))
    root = tmp_path_factory.mktemp("store")
    train_store(root, train_entries(labels=("wave", "drink")), facts=facts, failed=["e0"])
    return root


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "small.json"
    path.write_text(json.dumps(CHOICES))
    return path


@pytest.fixture(scope="module")
def told(store, recipe, tmp_path_factory):
    """Two trainings side by side."""
    out = tmp_path_factory.mktemp("story")
    assert call(train_demo.main, "--store", store, "--recipe", recipe, "--out", out) == 0
    return out


def test_the_story_ends_with_a_table_and_a_page(told):
    with (told / "table.csv").open(newline="") as file:
        header, num_clips, *rows = csv.reader(file)

    assert header == ["percent right", "all", "by pose", "by object"]
    assert num_clips == ["test clips", "8", "4", "4"]  # e0 failed, is expected, and counts as wrong
    assert [row[0] for row in rows[-3:]] == ["hpj", "j", "hpj+j"]
    for stream, row in zip(("hpj", "j"), rows[-3:], strict=False):
        right = measure(load_scores(told / f"{stream}-ctrgcn/scores.npz")).top1
        assert row[1] == f"{100 * right:.1f}"
    page = (told / "index.html").read_text()
    for name in ("kinds.png", "clips.png", "confusion.png"):
        assert f'src="{name}"' in page
        assert cv2.imread(str(told / name)).std() > 5, f"{name} is empty"


def test_a_second_run_starts_nothing(store, recipe, told, tmp_path, monkeypatch, capsys):
    again = shutil.copytree(told, tmp_path / "again")
    monkeypatch.setattr(side_by_side, "start_beside", lambda *_: 1 / 0)

    assert call(train_demo.main, "--store", store, "--recipe", recipe, "--out", again) == 0

    assert "0 of 2 trainings to do" in capsys.readouterr().err
    assert (again / "table.csv").read_bytes() == (told / "table.csv").read_bytes()


def test_another_recipe_is_refused_before_anything_is_trained(store, told, tmp_path, capsys):
    (tmp_path / "other.json").write_text(json.dumps(CHOICES | {"lr": 0.01}))
    words = ["--store", store, "--recipe", tmp_path / "other.json", "--out", told]

    assert call(train_demo.main, *words) == 1

    assert "recipe.lr: 0.05 there, 0.01 asked for" in capsys.readouterr().err


@pytest.mark.parametrize("stream", ["hpj", "j"])
def test_side_by_side_is_make_train_to_the_bit(store, recipe, told, tmp_path, stream):
    words = [
        f"--store={store}",
        f"--recipe={recipe}",
        f"--stream={stream}",
        f"--run={tmp_path}",
        "--device=cpu",
    ]

    assert call(train, *words) == 0

    ours, theirs = (
        load_checkpoint(run / "checkpoint.pt").weights for run in (told / f"{stream}-ctrgcn", tmp_path)
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_one_that_fails_is_named_and_the_other_is_finished(store, tmp_path, in_this_process):
    trainings = {
        tmp_path / "bad": make_recipe(CHOICES | {"lr": 1e30}),
        tmp_path / "good": make_recipe(CHOICES | {"epochs": 1}),
    }

    with pytest.raises(TrainingError, match="1 of 2 trainings failed") as error:
        train_side_by_side(open_store(str(store)), "p1", trainings)

    log = tmp_path / "bad/run.log"
    assert str(log) in str(error.value)
    assert "the loss is nan in epoch 0" in log.read_text()
    assert measure(load_scores(tmp_path / "good/scores.npz")).num_scored == 7


def test_the_table_trains_what_is_missing(store, recipe, tmp_path, monkeypatch, capsys, in_this_process):
    rows = (Row(("hpj",), "ctrgcn"), Row(("hpj", "j"), "ctrgcn"), Row(("j",), "stgcnpp"))
    monkeypatch.setattr(demo_table, "ROWS", rows)
    words = ["--store", store, "--recipe", recipe, "--out", tmp_path]

    assert call(demo_table.main, *words, "--only-print") == 1
    assert "no training is finished yet" in capsys.readouterr().err
    assert call(demo_table.main, *words, "--seeds", 1) == 0
    assert in_this_process == ["hpj-ctrgcn-seed1", "j-ctrgcn-seed1", "j-stgcnpp-seed1"]
    assert call(demo_table.main, *words, "--seeds", 2) == 0
    assert in_this_process[3:] == ["hpj-ctrgcn-seed2", "j-ctrgcn-seed2", "j-stgcnpp-seed2"]

    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0] == "| streams | model | seeds | all (8 clips) | by pose (4 clips) | by object (4 clips) |"
    assert [line.split(" | ")[:3] for line in lines[2:]] == [
        ["| hpj", "ctrgcn", "2"], ["| hpj+j", "ctrgcn", "2"], ["| j", "stgcnpp", "2"]
    ]  # fmt: skip
    tops = [measure(load_scores(tmp_path / f"hpj-ctrgcn-seed{seed}/scores.npz")).top1 for seed in (1, 2)]
    assert lines[2].split(" | ")[3].startswith(f"{50 * sum(tops):.1f} ±")


def test_the_table_is_that_of_eight_streams_three_models_and_two_ensembles():
    singles = [row for row in demo_table.ROWS if len(row.streams) == 1]

    assert len(singles) == 12  # trainings of a seed
    assert {row.model for row in singles} == {"ctrgcn", "mixformer", "stgcnpp"}
    assert [row.streams for row in demo_table.ROWS if len(row.streams) > 1] == [
        ("hpj", "hpb", "hpjm", "hpbm"), ("j", "b", "jm", "bm")
    ]  # fmt: skip
