"""`make train STREAM=epam` and its streams on a store of 24 clips; stopped, reused, evaluated, fused."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
from torch import nn

from scripts.ensemble_scores import main as ensemble
from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from store import open_store
from tests.doors import call
from tests.epam_stores import epam_facts, epam_store
from tests.train_runs import assert_same_run
from train import load_model
from train.checkpoint import load_checkpoint, with_test_choices
from train.config import RecipeError
from train.epam.networks import HEATMAP_NETWORKS
from train.evaluate import score_fold
from train.method import method_of
from train.run_folder import only_run
from train.scores import load_scores
from train.splits import folds
from train.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("one_thread")

# 16 training clips are 2 steps
SHAPE = ["width=8", "size=8", "pose_steps=4", "rgb_steps=2", "batch_size=8", "clip_norm=1"]
STAGES = ["pose_epochs=2", "rgb_epochs=1", "pose_lr=0.01", "rgb_lr=0.02"]


def words(store, run, *more):
    return [f"--store={store}", f"--run={run}", "--device=cpu", *SHAPE, *map(str, more)]


def joint(store, run, *more):
    return words(store, run, "--stream=epam", "epochs=2", *STAGES, *more)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    epam_store(root, failed=["e0"])
    return root


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    """One command, not interrupted."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert call(train, *joint(store, run)) == 0
    return run


def stop_at(monkeypatch, stream, step):
    """Ask the training of a stream to stop at a step."""
    taught = ClassificationTask.training_step

    def training_step(self, batch, batch_idx):
        if (self.method.recipe.stream, self.global_step) == (stream, step):
            os.kill(os.getpid(), signal.SIGINT)
        return taught(self, batch, batch_idx)

    monkeypatch.setattr(ClassificationTask, "training_step", training_step)


def count_steps(monkeypatch):
    """Return where the steps of each stream will be counted."""
    taught, counts = ClassificationTask.training_step, {}

    def training_step(self, batch, batch_idx):
        counts[self.method.recipe.stream] = counts.get(self.method.recipe.stream, 0) + 1
        return taught(self, batch, batch_idx)

    monkeypatch.setattr(ClassificationTask, "training_step", training_step)
    return counts


def test_one_command_trains_three_stages(whole):
    passport = load_checkpoint(whole / "checkpoint.pt").passport
    stages = {path.name for path in (whole / "stages").iterdir()}

    assert stages == {"xshift_pose-xshift", "xshift_rgb-xshift"}
    assert (passport.array, passport.in_channels, passport.num_frames) == ("frames/clip", 3, 4)
    for name, epochs in (("xshift_pose", 2), ("xshift_rgb", 1)):
        run = whole / f"stages/{name}-xshift"
        assert json.loads((run / "recipe.json").read_text())["epochs"] == epochs
        assert len(load_scores(run / "scores.npz").clip_ids) == 7  # e0 failed
        assert (whole / f"{name}.pt").read_bytes() == (run / "checkpoint.pt").read_bytes()
    assert len(load_scores(whole / "scores.npz").clip_ids) == 7


def test_the_joint_network_begins_with_both_streams(whole):
    checkpoint = load_checkpoint(whole / "checkpoint.pt")

    model = method_of(checkpoint.recipe).first_model(checkpoint.passport, whole).state_dict()

    for stream in ("pose", "rgb"):
        weights = load_checkpoint(whole / f"xshift_{stream}.pt").weights
        assert all(torch.equal(model[f"{stream}.{name}"], values) for name, values in weights.items())
        name = f"{stream}.classify.weight"
        assert not torch.equal(model[name], checkpoint.weights[name])


@pytest.mark.parametrize(
    ("stream", "step"),
    [pytest.param("xshift_pose", 2, marks=pytest.mark.slow), ("xshift_rgb", 0), ("epam", 2)],
)
def test_stopped_in_any_stage(store, whole, tmp_path, monkeypatch, stream, step):
    command = joint(store, tmp_path / "run", "--save-every", 0)
    with monkeypatch.context() as patch:
        stop_at(patch, stream, step)
        assert call(train, *command) == 130
    counts = count_steps(monkeypatch)

    assert call(train, *command) == 0

    order = ["xshift_pose", "xshift_rgb", "epam"]
    later = order[order.index(stream) + 1 :]
    all_steps = {"xshift_pose": 4, "xshift_rgb": 2, "epam": 4}
    assert counts == {stream: all_steps[stream] - step - 1} | {name: all_steps[name] for name in later}
    assert_same_run(tmp_path / "run", whole)


def test_streams_that_are_trained_beside_are_used(store, whole, tmp_path, monkeypatch, capsys):
    assert (
        call(
            train,
            *words(store, tmp_path / "xshift_pose-xshift", "--stream=xshift_pose", "epochs=2", "lr=0.01"),
        )
        == 0
    )
    # another rate: not the one that is wanted
    assert (
        call(
            train, *words(store, tmp_path / "xshift_rgb-xshift", "--stream=xshift_rgb", "epochs=1", "lr=0.01")
        )
        == 0
    )
    counts = count_steps(monkeypatch)

    with only_run(tmp_path / "xshift_pose-xshift"):  # another one may be at it: it is finished
        assert call(train, *joint(store, tmp_path / "run")) == 0

    assert counts == {"xshift_rgb": 2, "epam": 4}
    said = "xshift_rgb-xshift is not what epam begins with: recipe.lr: 0.01 there, 0.02 asked for"
    assert said in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "run/stages").iterdir()] == ["xshift_rgb-xshift"]
    assert_same_run(tmp_path / "run", whole)
    assert_same_run(tmp_path / "xshift_pose-xshift", whole / "stages/xshift_pose-xshift")


def test_the_recipe_file_of_all_is_that_of_a_stream_alone(store, whole, tmp_path):
    run = tmp_path / "pose"
    recipe = f"--recipe={whole / 'recipe.json'}"

    same = [f"--store={store}", f"--run={run}", "--device=cpu", "--stream=xshift_pose"]
    assert call(train, *same, recipe) == 0

    assert_same_run(run, whole / "stages/xshift_pose-xshift")


def test_each_fold_begins_with_its_own_streams(store, tmp_path):
    assert call(train, *joint(store, tmp_path / "run", "--protocol=kfold:2", "pose_epochs=1")) == 0

    weights = []
    for name in ("1 of 2", "2 of 2"):
        fold = tmp_path / "run/folds" / name
        stage = tmp_path / "run/stages/xshift_pose-xshift/folds" / name
        assert (fold / "xshift_pose.pt").read_bytes() == (stage / "checkpoint.pt").read_bytes()
        weights.append(load_checkpoint(fold / "xshift_pose.pt").weights["classify.weight"])
    assert not torch.equal(*weights)
    assert len(load_scores(tmp_path / "run/scores.npz").labels) == 24


def test_evaluating_gives_the_scores_of_the_training_and_several_views_others(store, whole, tmp_path, capsys):
    command = [f"--checkpoint={whole}", f"--store={store}", "--device=cpu"]

    assert call(evaluate, *command) == 0
    assert call(evaluate, *command, "num_views=3", "mirror_test=true") == 0

    folders = [whole / f"on-toy-p1{choices}" for choices in ("", "-num_views=3-mirror_test=true")]
    one, more = (load_scores(folder / "scores.npz") for folder in folders)
    assert (folders[0] / "scores.npz").read_bytes() == (whole / "scores.npz").read_bytes()
    assert one.clip_ids == more.clip_ids
    assert not np.allclose(one.values, more.values)
    np.testing.assert_allclose(np.exp(more.values).sum(1), 1, rtol=1e-5)  # mean probabilities
    assert more.source["tested_with"] == {"num_views": "3", "mirror_test": "true"}
    capsys.readouterr()
    assert call(evaluate, *command, f"--out={tmp_path / 'no'}", "width=16") == 1
    assert "width is no choice of a test of" in capsys.readouterr().err


def test_a_trained_network_is_ready_for_programs(store, whole):
    reader, model = open_store(str(store)), load_model(whole / "checkpoint.pt")
    scores = load_scores(whole / "scores.npz")
    data = model.method.data(reader, test_ids=scores.clip_ids, class_names=scores.class_names, batch_size=4)

    with torch.no_grad():
        found = {
            scores.clip_ids[place]: values
            for batch in data.batches(data.test_dataloader())
            for place, values in zip(batch["clip"].tolist(), model.logits(batch), strict=True)
        }

    for clip_id, values in zip(scores.clip_ids, scores.values, strict=True):
        np.testing.assert_allclose(found[clip_id], values, rtol=1e-4, atol=1e-5)
    assert model.check_fits(reader) == []


def test_scores_depend_on_fusion_alone_where_only_that_differs(store, whole):
    reader, checkpoint = open_store(str(store)), load_checkpoint(whole / "checkpoint.pt")

    def values(**choices):
        changed = with_test_choices(checkpoint, choices)
        return score_fold(
            changed, reader, folds(reader, "p1")[0], protocol="p1", device=torch.device("cpu")
        ).values

    rgb, pose = values(rgb_share=1.0), values(rgb_share=0.0)
    np.testing.assert_allclose((rgb + pose) / 2, values(), rtol=1e-5, atol=1e-6)
    with pytest.raises(
        RecipeError, match=r"attention is no choice of a test of .*; expected some of num_views"
    ):
        values(attention="none")


def test_its_scores_join_an_ensemble(store, whole, tmp_path, capsys):
    files = [
        f"{name}={whole / 'stages' / f'xshift_{name}-xshift' / 'scores.npz'}" for name in ("pose", "rgb")
    ]

    assert call(ensemble, "--scores", *files, whole / "scores.npz", "--to", tmp_path) == 0

    assert "pose+rgb+epam" in capsys.readouterr().out


def test_variants_train_too(store, tmp_path):
    more = ["attention=none", "pose_epochs=0", "rgb_epochs=0", "box=published", "precision=bf16", "epochs=1"]

    assert call(train, *joint(store, tmp_path / "run", *more, "--select-on=validation")) == 0

    assert not (tmp_path / "run/stages").exists()
    names = load_checkpoint(tmp_path / "run/checkpoint.pt").weights
    assert not any(name.startswith("attention") for name in names)


def test_the_3d_network_learns_from_the_same_heatmaps(store, tmp_path, capsys):
    more = ["--stream=xshift_pose", "--model=slowonly", "epochs=1"]

    assert call(train, *words(store, tmp_path / "run", *more)) == 0

    weights = load_checkpoint(tmp_path / "run/checkpoint.pt").weights
    assert weights["stem.conv.weight"].shape == (8, 2, 1, 7, 7)
    assert call(train, *words(store, tmp_path / "limbs", *more, "heatmaps=limbs")) == 1
    assert "has the joints left_hand, right_hand; limbs are those of COCO-17" in capsys.readouterr().err


class Mine(nn.Module):
    """A 3-D network that this project does not know."""

    def __init__(self, num_classes, *, in_channels, width, dropout):
        super().__init__()
        self.see, self.drop = nn.Conv3d(in_channels, width, 3), nn.Dropout(dropout)
        self.classify = nn.Linear(width, num_classes)

    def forward(self, heatmaps):
        seen = self.see(heatmaps.transpose(1, 2)).relu().mean((2, 3, 4))
        return self.classify(self.drop(seen))


def test_a_network_of_ones_own_is_one_entry(store, tmp_path, monkeypatch):
    monkeypatch.setitem(HEATMAP_NETWORKS, "mine", Mine)
    more = ["--stream=xshift_pose", "--model=mine", "epochs=1"]

    assert call(train, *words(store, tmp_path / "run", *more)) == 0

    weights = load_checkpoint(tmp_path / "run/checkpoint.pt").weights
    assert weights["see.weight"].shape == (8, 2, 3, 3, 3)
    assert call(evaluate, "--checkpoint", tmp_path / "run/checkpoint.pt", "--store", store) == 0


def test_a_store_without_crops_trains_on_the_pose_alone(tmp_path, capsys):
    epam_store(tmp_path / "store", facts=epam_facts(has_crops=False))

    assert call(train, *joint(tmp_path / "store", tmp_path / "run")) == 1
    assert "was made without 'clip' crops, which the RGB network sees" in capsys.readouterr().err
    assert not (tmp_path / "run/stages").exists()  # it is said before a stage is trained
    more = ["--stream=xshift_pose", "epochs=1"]
    assert call(train, *words(tmp_path / "store", tmp_path / "pose", *more)) == 0


def test_frames_of_unknown_size_are_refused_before_a_training(tmp_path, capsys):
    """Also those of a test clip, which is read long after."""
    epam_store(tmp_path / "store")
    table = tmp_path / "store/clips.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    (row,) = [row for row in rows if row["id"] == "f1"]
    row["width"] = None
    table.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    assert call(train, *words(tmp_path / "store", tmp_path / "run", "--stream=xshift_pose", "epochs=1")) == 1

    assert "how large the frames of 1 clips are, such as f1; heatmaps need" in capsys.readouterr().err
    assert not (tmp_path / "run/checkpoint.pt").exists()


def test_a_copy_without_frames_trains_on_the_pose_alone(store, tmp_path, capsys):
    shutil.copytree(store, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/features.zarr/frames")

    assert call(train, *joint(tmp_path / "copy", tmp_path / "run")) == 1
    assert "was copied without the array 'frames/clip_lengths'" in capsys.readouterr().err
    assert not (tmp_path / "run/stages").exists()
    more = ["--stream=xshift_pose", "epochs=1"]
    assert call(train, *words(tmp_path / "copy", tmp_path / "pose", *more)) == 0
    assert "has no 'clip' crops, so heatmaps show the box around all poses" in capsys.readouterr().err
