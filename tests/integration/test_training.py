"""The commands behind `make train` and `make evaluate`, on a store of 24 clips; killed for real."""

import csv
import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from store import open_store
from store.facts import StoreFacts
from store.skeleton import make_skeleton
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import SMALL, assert_same_run, curve, killed, words
from tests.train_stores import train_entries, train_store, with_dataset, with_meaning
from train import load_model
from train.checkpoint import load_checkpoint
from train.evaluate import score_fold
from train.graph_method import GraphMethod
from train.poses import in_bodies, mirrored
from train.scores import load_scores
from train.splits import folds
from train.streams import clip_stream
from train.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root, failed=["e0"])
    return root


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    """An uninterrupted run."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert call(train, *words(store, run)) == 0
    return run


@pytest.mark.parametrize(("every", "resumes_at"), [("0", 6), ("1000", 4)])
def test_killed_in_the_middle_of_an_epoch(store, whole, tmp_path, capsys, every, resumes_at):
    """Step 6 is the third of the second epoch; a resume point after each step, or after epochs only."""
    command = words(store, tmp_path / "run", "--save-every", every)
    killed(6, *command)
    assert not (tmp_path / "run/checkpoint.pt").exists()

    assert call(train, *command) == 0

    assert f"p1: resumes at step {resumes_at} of 12" in capsys.readouterr().err
    assert_same_run(tmp_path / "run", whole)
    assert not (tmp_path / "run/resume.ckpt").exists()


@pytest.mark.slow
def test_killed_again_and_again(store, whole, tmp_path):
    """Each attempt does two steps; points of the middle and of the end of an epoch take turns."""
    command = words(store, tmp_path / "run", "--save-every", 0)
    for _ in range(5):
        killed(2, *command)

    assert call(train, *command) == 0

    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_when_asked(store, whole, tmp_path, monkeypatch, capsys, number):
    step = ClassificationTask.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 5:
            os.kill(os.getpid(), number)
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTask, "training_step", training_step)
        assert call(train, *words(store, tmp_path / "run")) == 130
    assert "stopped; the same command goes on" in capsys.readouterr().err

    assert call(train, *words(store, tmp_path / "run")) == 0

    assert "resumes at step 6 of 12" in capsys.readouterr().err
    assert_same_run(tmp_path / "run", whole)


def test_killed_after_the_last_epoch(store, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("train.run.save_checkpoint", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call(train, *words(store, tmp_path / "run"))

    assert call(train, *words(store, tmp_path / "run")) == 0

    assert_same_run(tmp_path / "run", whole)


def test_a_seed_fixes_the_result_and_another_one_changes_it(store, whole, tmp_path):
    assert call(train, *words(store, tmp_path / "same")) == 0
    assert call(train, *words(store, tmp_path / "other", "--seed=2")) == 0

    assert_same_run(tmp_path / "same", whole)
    ours, theirs = (load_checkpoint(run / "checkpoint.pt").weights for run in (whole, tmp_path / "other"))
    assert not torch.equal(ours["classify.weight"], theirs["classify.weight"])


def test_a_finished_run_only_prints(store, whole, capsys, monkeypatch):
    monkeypatch.setattr(ClassificationTask, "training_step", lambda *_: 1 / 0)
    before = (whole / "scores.npz").read_bytes()

    assert call(train, *words(store, whole)) == 0

    assert (whole / "scores.npz").read_bytes() == before

    out = capsys.readouterr().out
    assert "Toy, p1, after 3 epochs" in out
    assert "7 of 8" in out  # e0 failed, is expected, and counts as wrong


def test_what_a_run_leaves(store, whole):
    scores = load_scores(whole / "scores.npz")
    with (whole / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))

    assert sorted(scores.clip_ids) == ["e1", "e2", "e3", "f0", "f1", "f2", "f3"]
    assert scores.labels["e0"] == "sit"
    assert scores.subjects["f0"] == "f"
    assert scores.source["chosen_by"] == "last epoch"
    # 3 epochs of 65: the published steps at 35 and 55 move to 2 and 3
    assert [float(row["lr"]) for row in rows] == pytest.approx([0.05, 0.05, 0.005])
    assert json.loads((whole / "recipe.json").read_text())["steps"] == [2, 3]
    assert (whole / "confusion.png").stat().st_size > 1000
    assert "train: 16 of 16 clips have data\n" in (whole / "run.log").read_text()
    assert curve(whole, "loss") == pytest.approx([float(row["loss"]) for row in rows])
    assert curve(whole, "lr") == pytest.approx([0.05, 0.05, 0.005])


def test_a_checkpoint_says_what_it_is(store, whole):
    content = torch.load(whole / "checkpoint.pt", weights_only=True)
    passport = content["passport"]

    facts = make_facts(crops=())
    assert passport["meaning"] == facts.meaning
    assert passport["meaning_sha256"] == facts.meaning_sha256
    assert passport["class_names"] == ["sit", "stand"]
    assert passport["joint_names"] == ["head", "foot"]
    assert (passport["dataset"], passport["protocol"], passport["fold"]) == ("toy", "p1", "p1")
    assert (passport["tap"], passport["array"]) == ("net.a", "pooled/net.a")
    assert passport["recipe"]["stream"] == "hpj"
    assert passport["num_train"] == 16


def test_a_model_is_ready_for_programs(store, whole):
    """One clip of the store, by hand, gets the scores that the run wrote."""
    model = load_model(whole / "checkpoint.pt")
    reader, first = open_store(str(store)), load_scores(whole / "scores.npz")
    clip_id = first.clip_ids[0]
    valid = reader.person_valid(clip_id)
    stream = clip_stream(reader.read(model.passport.array, clip_id), valid, "hpj", reader.facts.skeleton)
    with torch.no_grad():
        logits = model(stream[None], torch.from_numpy(valid.any(0))[None])

    np.testing.assert_allclose(logits[0], first.values[0], rtol=1e-4, atol=1e-5)
    assert model.passport.class_names == ["sit", "stand"]
    assert not model.training
    assert model.check_fits(reader) == []


def test_a_run_with_other_choices_is_refused(store, whole, capsys):
    assert call(train, *words(store, whole, "lr=0.07")) == 1

    error = capsys.readouterr().err
    assert f"{whole} holds another run" in error
    assert "recipe.lr: 0.05 there, 0.07 asked for" in error


def test_a_store_of_one_class_has_nothing_to_tell_apart(tmp_path, capsys):
    one = train_entries(["a0", "a1", "e0"], labels=["sit"])
    train_store(tmp_path / "one", one, facts=with_dataset(make_facts(crops=()), class_names=("sit",)))

    assert call(train, *words(tmp_path / "one", tmp_path / "run")) == 1

    assert "p1: the only class is sit; expected two or more to tell apart" in capsys.readouterr().err


def test_a_run_from_before_a_choice_existed_goes_on(store, whole, tmp_path, capsys):
    before = shutil.copytree(whole, tmp_path / "before")
    noted = json.loads((before / "run.json").read_text())
    del noted["recipe.exchange"]
    (before / "run.json").write_text(json.dumps(noted))

    assert call(train, *words(store, before)) == 0
    assert call(train, *words(store, before, "exchange=0.5")) == 1

    assert "recipe.exchange: 0.0 there, 0.5 asked for" in capsys.readouterr().err


def test_a_run_whose_failed_clips_have_data_now_is_refused(store, whole, tmp_path, capsys):
    """e0 was tried again since: later folds, or steps after a resume, would be trained on other clips."""
    train_store(tmp_path / "retried")
    shutil.copytree(store, tmp_path / "moved")
    before = shutil.copytree(whole, tmp_path / "before")  # a run that did not note which clips have data
    noted = json.loads((before / "run.json").read_text())
    (before / "run.json").write_text(
        json.dumps({name: value for name, value in noted.items() if not name.startswith("clips_with_data")})
    )

    assert call(train, *words(tmp_path / "retried", whole)) == 1
    error = capsys.readouterr().err
    assert call(train, *words(tmp_path / "moved", whole)) == 0
    assert call(train, *words(tmp_path / "retried", before)) == 0

    assert f"{whole} holds another run" in error
    assert "clips_with_data: 23 there, 24 asked for" in error
    assert "or remove the folder to begin anew" in error


def test_wrong_choices_are_wrong_usage(store, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        call(train, *words(store, tmp_path, "lr=fast"))

    assert exit_.value.code == 2
    assert "lr is 'fast'; expected a number" in capsys.readouterr().err


@pytest.mark.parametrize("every", [0, 1000])
def test_a_loss_that_is_no_number_ends_the_run(store, tmp_path, capsys, every):
    """Whenever resume points are written; and what to try then works, as it says."""
    command = words(store, tmp_path / "run", "--save-every", every)
    assert call(train, *command, "lr=1e30") == 1

    error = capsys.readouterr().err
    assert f"{tmp_path / 'run'}: " in error
    assert "in epoch 0; expected numbers. Try a lower lr" in error
    assert "or after removing that of this run" in error
    if (tmp_path / "run/resume.ckpt").exists():
        point = torch.load(tmp_path / "run/resume.ckpt", weights_only=True)
        assert all(weights.isfinite().all() for weights in point["state_dict"].values())
    shutil.rmtree(tmp_path / "run")
    assert call(train, *command) == 0


@pytest.mark.parametrize("step", [1, 11])
def test_weights_that_are_no_numbers_are_never_kept(store, tmp_path, monkeypatch, capsys, step):
    """The loss is a number, its gradient is none: in the middle of an epoch, and in the very last step."""
    loss = GraphMethod.loss

    def broken(self, model, batch):
        found = loss(self, model, batch)
        return found + 0 * model.classify.weight.sub(model.classify.weight.detach()).square().sum().sqrt()

    def training_step(self, batch, batch_idx):
        return (broken if self.global_step == step else loss)(self.method, self.model, batch)

    monkeypatch.setattr(ClassificationTask, "training_step", training_step)
    assert call(train, *words(store, tmp_path / "run", "--save-every=0")) == 1

    assert f"weights are no longer finite in epoch {step // 4}" in capsys.readouterr().err
    assert not (tmp_path / "run/checkpoint.pt").exists()
    assert torch.load(tmp_path / "run/resume.ckpt", weights_only=True)["global_step"] == step


@pytest.mark.slow
@pytest.mark.parametrize(
    ("select_on", "told", "num_train"),
    [
        ("validation", "best top-1 on 4 clips of training subjects that were held out", 12),
        ("test", "best top-1 on the test clips themselves", 16),
    ],
)
def test_the_best_epoch_survives_a_kill_and_says_how_it_was_chosen(
    store, tmp_path, capsys, select_on, told, num_train
):
    more = [f"--select-on={select_on}", "epochs=4", "lr=0.2", "--save-every", 0]
    assert call(train, *words(store, tmp_path / "whole", *more)) == 0
    killed(num_train // 4 * 3 + 1, *words(store, tmp_path / "run", *more))
    assert call(train, *words(store, tmp_path / "run", *more)) == 0

    assert_same_run(tmp_path / "run", tmp_path / "whole")
    passport = load_checkpoint(tmp_path / "run/checkpoint.pt").passport
    with (tmp_path / "run/epochs.csv").open() as file:
        top1 = [float(row["top1"]) for row in csv.DictReader(file)]
    assert (passport.chosen_by, passport.num_train) == (told, num_train)
    assert passport.epoch == 1 + top1.index(max(top1))
    assert load_scores(tmp_path / "run/scores.npz").source["chosen_by"] == told
    assert ("ON THE TEST CLIPS" in capsys.readouterr().out) == (select_on == "test")


def test_all_folds_in_one_run_that_is_killed(store, tmp_path, capsys):
    """The first fold has 3 steps an epoch (e0 has no data), so step 18 is step 9 of the second one."""
    command = words(store, tmp_path / "run", "--protocol=kfold:3", "--save-every", 0)
    killed(18, *command)
    folds = tmp_path / "run/folds"
    assert [path.name for path in sorted(folds.iterdir())] == ["1 of 3", "2 of 3"]
    first = (folds / "1 of 3/checkpoint.pt").stat().st_mtime_ns

    assert call(train, *command) == 0

    out = capsys.readouterr()
    assert (folds / "1 of 3/checkpoint.pt").stat().st_mtime_ns == first
    assert "2 of 3 (2 of 3): resumes at step 9 of 12" in out.err
    assert "23 of 24" in next(line for line in out.out.splitlines() if line.startswith("all folds"))
    joined = load_scores(tmp_path / "run/scores.npz")
    assert len(joined.labels) == 24
    for number in (1, 2, 3):
        part = load_scores(folds / f"{number} of 3/scores.npz")
        place = [joined.clip_ids.index(clip_id) for clip_id in part.clip_ids]
        np.testing.assert_array_equal(joined.values[place], part.values)

    again = words(store, tmp_path / "again", "--protocol=kfold:3")
    assert call(train, *again) == 0
    assert (tmp_path / "again/scores.npz").read_bytes() == (tmp_path / "run/scores.npz").read_bytes()
    out_again = tmp_path / "evaluated"
    capsys.readouterr()
    assert call(evaluate, f"--checkpoint={tmp_path / 'run'}", f"--store={store}", f"--out={out_again}") == 0
    assert (out_again / "results.csv").read_bytes() == (tmp_path / "run/results.csv").read_bytes()


def test_evaluating_gives_the_scores_of_the_training(store, whole, tmp_path, capsys):
    checkpoint = f"--checkpoint={whole / 'checkpoint.pt'}"

    assert call(evaluate, checkpoint, f"--store={store}", f"--out={tmp_path}", "--device=cpu") == 0

    assert (tmp_path / "scores.npz").read_bytes() == (whole / "scores.npz").read_bytes()
    assert "trained on toy, p1, last epoch" in capsys.readouterr().out


def test_a_checkpoint_of_before_other_methods_is_read(store, whole, tmp_path):
    content = torch.load(whole / "checkpoint.pt", weights_only=True)
    del content["passport"]["facts"], content["passport"]["recipe"]["at_once"]
    torch.save(content, tmp_path / "checkpoint.pt")

    command = [f"--checkpoint={tmp_path / 'checkpoint.pt'}", f"--store={store}", f"--out={tmp_path}"]
    assert call(evaluate, *command, "--device=cpu") == 0

    assert (tmp_path / "scores.npz").read_bytes() == (whole / "scores.npz").read_bytes()


def other_store(tmp_path, facts: StoreFacts, **options):
    root = tmp_path / "other"
    train_store(root, facts=facts, **options)
    return root


def test_another_dataset_with_the_same_meaning_is_evaluated(whole, tmp_path, capsys):
    facts = with_dataset(make_facts(crops=()), name="other", class_names=("stand", "sit"))  # another order
    entries = train_entries([f"x{take}" for take in range(24)])  # none that trained
    root = other_store(tmp_path, facts, entries=entries, noise=0.0)
    command = [f"--checkpoint={whole}", f"--store={root}", f"--out={tmp_path / 'out'}", "--protocol=all"]

    assert call(evaluate, *command) == 0

    scores = load_scores(tmp_path / "out/scores.npz")
    assert scores.class_names == ("sit", "stand")  # the model's
    assert len(scores.clip_ids) == 24
    assert scores.source["trained_on"] == {"dataset": "toy", "protocol": "p1", "fold": "p1"}


def test_a_store_that_does_not_fit_is_refused(whole, tmp_path, capsys):
    facts = with_meaning(make_facts(crops=()), clock=48)
    root = other_store(tmp_path, facts)
    command = [f"--checkpoint={whole}", f"--store={root}", f"--out={tmp_path / 'out'}"]

    assert call(evaluate, *command) == 1
    error = capsys.readouterr().err
    assert "clock: the store has 48, the checkpoint wants None" in error
    assert "--accept clock" in error

    assert call(evaluate, *command, "--accept=clock") == 0
    assert "differs from the training: clock" in capsys.readouterr().out


def test_other_joints_are_refused(whole, tmp_path, capsys):
    skeleton = make_skeleton(["head", "hand"], [("head", "hand")])
    facts = make_facts(crops=())
    root = other_store(
        tmp_path,
        StoreFacts(facts.dataset, skeleton, facts.layout, facts.meaning),
        entries=train_entries(["e0", "a0"]),
    )

    assert call(evaluate, f"--checkpoint={whole}", f"--store={root}") == 1

    assert (
        "joints: the store has ['head', 'hand'], the checkpoint wants ['head', 'foot']"
        in capsys.readouterr().err
    )


def test_classes_that_the_model_does_not_know(whole, tmp_path, capsys):
    facts = with_dataset(make_facts(crops=()), class_names=("sit", "stand", "lie"))
    entries = train_entries(["a0", "e0", "e1", "e2"], labels=["sit", "sit", "stand", "lie"])
    command = [f"--checkpoint={whole}", f"--store={other_store(tmp_path, facts, entries=entries)}"]

    assert call(evaluate, *command, f"--out={tmp_path / 'out'}") == 1
    assert "1 classes" in capsys.readouterr().err
    assert call(evaluate, *command, f"--out={tmp_path / 'out'}", "--only-known-classes") == 0

    assert load_scores(tmp_path / "out/scores.npz").source["left_out_classes"] == ["lie"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_refused(store, tmp_path, capsys, content):
    path = tmp_path / "checkpoint.pt"
    if content is None:
        torch.save({"weights": {}}, path)
    else:
        path.write_bytes(content)

    assert call(evaluate, f"--checkpoint={path}", f"--store={store}") == 1

    assert f"{path}: no checkpoint of Heatpool" in capsys.readouterr().err


def test_nothing_in_a_checkpoint_is_executed(store, tmp_path, capsys):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"format": Harm()}, tmp_path / "checkpoint.pt")

    assert call(evaluate, f"--checkpoint={tmp_path / 'checkpoint.pt'}", f"--store={store}") == 1
    assert not (tmp_path / "harm").exists()


def test_mixed_precision(store, tmp_path, capsys):
    assert call(train, *words(store, tmp_path / "other", "precision=fp16")) == 1
    assert "precision is fp16, which needs a GPU" in capsys.readouterr().err
    assert call(train, *words(store, tmp_path / "run", "precision=bf16", "epochs=1")) == 0

    assert np.isfinite(load_scores(tmp_path / "run/scores.npz").values).all()


def test_another_model_and_stream(store, tmp_path):
    more = ["--model=stgcnpp", "--stream=b", "width=12", "epochs=1"]

    assert call(train, *words(store, tmp_path / "run", *more)) == 0


def test_everything_that_varies_clips_resumes_too(store, tmp_path, monkeypatch):
    """What is drawn for a batch and for a mixture comes from the seed and the step; so a test in a mirror."""
    varied = ["model=tcn", "width=8", "num_frames=2", "pose_unit=body", "mirror=0.5", "turn=10", "scale=0.1"]
    more = ["--stream=j", *varied, "mirror_test=true", "exchange=0.5", "mixup=0.5", "--save-every", 0]
    step = ClassificationTask.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batch, batch_idx)

    assert call(train, *words(store, tmp_path / "whole", *more)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTask, "training_step", training_step)
        assert call(train, *words(store, tmp_path / "run", *more)) == 130
    assert call(train, *words(store, tmp_path / "run", *more)) == 0

    assert_same_run(tmp_path / "run", tmp_path / "whole")
    checkpoint = load_checkpoint(tmp_path / "run/checkpoint.pt")
    assert checkpoint.passport.num_frames == 2
    assert checkpoint.recipe.mirror_test


def test_scores_of_a_test_in_a_mirror_are_the_mean_of_both_looks(store, tmp_path, monkeypatch):
    more = ["--stream=j", "model=tcn", "width=8", "pose_unit=body", "epochs=1"]
    assert call(train, *words(store, tmp_path / "run", *more)) == 0
    checkpoint = load_checkpoint(tmp_path / "run/checkpoint.pt")
    reader = open_store(str(store))

    def values(**changes):
        passport = replace(checkpoint.passport, recipe=checkpoint.passport.recipe | changes)
        changed = replace(checkpoint, passport=passport)
        return score_fold(
            changed, reader, folds(reader, "p1")[0], protocol="p1", device=torch.device("cpu")
        ).values

    plain, both = values(), values(mirror_test=True)
    monkeypatch.setattr("train.data.in_bodies", lambda *given: mirrored(in_bodies(*given), [0, 1]))
    turned = values()

    assert not np.allclose(plain, turned)
    np.testing.assert_allclose(both, (plain + turned) / 2, rtol=1e-4, atol=1e-5)


def test_a_run_is_found_by_its_names(store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(store, tmp_path / "data/stores/toy")
    command = ["--dataset=toy", "--device=cpu"]

    assert call(train, *command, *SMALL, "epochs=1") == 0
    assert (tmp_path / "runs/toy/p1/hpj-ctrgcn/checkpoint.pt").exists()
    assert call(evaluate, *command) == 0
    assert (tmp_path / "runs/toy/p1/hpj-ctrgcn/on-toy-p1/scores.npz").exists()


def test_two_runs_do_not_share_a_folder(store, tmp_path, capsys):
    from train.run_folder import only_run

    with only_run(tmp_path / "run"):
        assert call(train, *words(store, tmp_path / "run")) == 1

    assert "another run works here; wait for it or give --run FOLDER" in capsys.readouterr().err


def test_a_store_that_is_not_there(tmp_path, capsys):
    assert call(train, *words(tmp_path / "nothing", tmp_path / "run")) == 1

    assert "nothing" in capsys.readouterr().err
