"""`make train STREAM=hpnet` and what follows, on a store of 24 clips with crops of one colour per class."""

import json
import os
import signal
from math import exp
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.ensemble_scores import main as ensemble
from scripts.evaluate_checkpoint import main as evaluate
from scripts.train_stream import main as train
from store import open_store
from store.facts import StoreFacts
from store.skeleton import make_skeleton
from tests.authors_xclip import AuthorsXClip
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_runs import assert_same_run
from tests.train_stores import train_entries, train_store, with_dataset
from train.checkpoint import load_checkpoint
from train.hpnet import method as hpnet_method
from train.hpnet import xclip
from train.hpnet.encoders import encoder_sizes, first_encoders
from train.hpnet.hub import PretrainedError
from train.hpnet.loss import hpnet_loss
from train.hpnet.smclm import SMCLM_STREAMS
from train.hpnet.xclip import Sizes
from train.method import make_recipe, method_of
from train.passport import make_passport
from train.scores import load_scores
from train.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("one_thread")

# 16 training clips are 2 steps of 2 parts with 4 clips each
TINY = [
    "--stream=hpnet", "encoder=none", "image_size=16", "patch_size=8", "images=2", "video_width=64",
    "video_layers=1", "embed_dim=64", "text_width=64", "text_layers=1", "context_length=16", "width=8",
    "epochs=3", "warmup_epochs=1", "batch_size=8", "at_once=4", "lr=1e-3", "message_rate=1",
    "integration_rate=1", "fusion_rate=10", "eps=1e-8", "dropout=0.2",
]  # fmt: skip


def words(store, run, *more):
    return [f"--store={store}", f"--run={run}", "--device=cpu", *TINY, *map(str, more)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    train_store(root, facts=make_facts(crops=("person",)), failed=["e0"])
    return root


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    """An uninterrupted run, whose texts are encoded once."""
    run, calls = tmp_path_factory.mktemp("runs") / "whole", []
    with pytest.MonkeyPatch.context() as patch:
        encode = hpnet_method.text_features
        patch.setattr(hpnet_method, "text_features", lambda *given: calls.append(1) or encode(*given))
        assert call(train, *words(store, run)) == 0
    assert calls == [1]
    return run


def test_a_run_that_is_stopped_within_an_epoch_goes_on(store, whole, tmp_path, monkeypatch, capsys):
    """Asked to stop at the first part of the third step, it ends that step: gradients are in no file."""
    step = ClassificationTask.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 2 and batch_idx == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTask, "training_step", training_step)
        assert call(train, *words(store, tmp_path / "run")) == 130
    assert call(train, *words(store, tmp_path / "run")) == 0

    assert "resumes at step 3 of 6" in capsys.readouterr().err
    assert_same_run(tmp_path / "run", whole)


def test_what_it_learned_is_scored_again_without_any_encoder(store, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(hpnet_method, "first_encoders", lambda *_: 1 / 0)
    monkeypatch.setattr(xclip.XCLIPModel, "_init_weights", lambda *_: 1 / 0)  # nor drawn ones
    checkpoint = load_checkpoint(whole / "checkpoint.pt")

    command = [f"--checkpoint={whole}", f"--store={store}", f"--out={tmp_path}", "--device=cpu"]
    assert call(evaluate, *command) == 0

    assert (tmp_path / "scores.npz").read_bytes() == (whole / "scores.npz").read_bytes()
    assert len(load_scores(whole / "scores.npz").clip_ids) == 7  # e0 failed
    assert checkpoint.passport.facts["texts"] == ["sit", "stand"]
    assert (checkpoint.passport.array, checkpoint.passport.tap) == ("pooled/net.a", "net.a")
    assert not any(name.startswith("text_model") for name in checkpoint.weights)


def test_statistics_of_the_batch_are_a_choice_of_the_test(store, whole, tmp_path):
    command = [f"--checkpoint={whole}", f"--store={store}", "--device=cpu"]
    for name in ("true", "false"):
        words = [*command, f"--out={tmp_path / name}", f"batch_statistics={name}"]
        assert call(evaluate, *words) == 0

    own = load_scores(whole / "scores.npz")
    by_batch, same = (load_scores(tmp_path / name / "scores.npz") for name in ("true", "false"))
    assert by_batch.clip_ids == same.clip_ids == own.clip_ids
    assert (same.values == own.values).all()
    assert not np.allclose(by_batch.values, own.values, atol=1e-3)


def test_four_clips_are_scored_together_where_the_batch_counts():
    batches = {
        switch: method_of(make_recipe({"stream": "hpnet", "batch_statistics": switch})).test_batch
        for switch in (False, True)
    }

    assert batches == {False: 16, True: 4}


def test_its_scores_join_an_ensemble(store, whole, tmp_path, capsys):
    joint = tmp_path / "hpj"
    assert call(train, f"--store={store}", f"--run={joint}", "--device=cpu", "width=8", "epochs=1") == 0
    capsys.readouterr()

    files = [joint / "scores.npz", whole / "scores.npz"]
    assert call(ensemble, "--scores", *files, "--to", tmp_path / "both") == 0

    assert "hpj+hpnet" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        ["fusion=none"],
        ["fusion=cross_attention", "streams=joint", "auxiliary_labels=own", "freeze_video=true"],
        ["fusion=trmm_paper", "streams=paper", "blend_streams=true", "precision=bf16"],
        ["fusion=film", "batch_statistics=true", "scale=100", "template=a person: {}"],
    ],
)
def test_every_switch_trains(store, tmp_path, more):
    assert call(train, *words(store, tmp_path / "run", "epochs=1", *more)) == 0

    weights = load_checkpoint(tmp_path / "run/checkpoint.pt").weights
    assert all(value.isfinite().all() for value in weights.values())


def a_recipe(*more):
    return make_recipe(dict(word.split("=", 1) for word in ["stream=hpnet", *TINY[1:], *more]))


def first_model(store, *more):
    """Return the network as a training begins with it, and its method."""
    reader, names = open_store(str(store)), ("sit", "stand")
    recipe = a_recipe(*more)
    method = method_of(recipe)
    passport = make_passport(
        reader, recipe, method.source(reader), protocol="p1", fold="p1", class_names=names, num_frames=3,
        num_persons=2, train_ids=None, facts=method.facts(reader, names),
    )  # fmt: skip
    return method.first_model(passport, Path())


def the_batch(store, part, *more):
    """Return a batch of four training clips, or of four that are tested."""
    reader, names = open_store(str(store)), ("sit", "stand")
    recipe = a_recipe(*more)
    ids = {f"{part}_ids": ["a0", "a1", "b0", "b1"]}
    data = method_of(recipe).data(reader, **ids, class_names=names, batch_size=4)
    (batch,) = data.batches(data.train_dataloader() if part == "train" else data.test_dataloader())
    return batch


def test_statistics_decide_which_colour_is_zero(store):
    """Every pixel of a channel is moved alike: red by 123.675 and 58.395, or by 122.7709 and 68.5005."""
    imagenet, clip = (
        the_batch(store, "test", f"statistics={name}")["frames"] for name in ("imagenet", "clip")
    )

    red = imagenet[:, :, 0] * 58.395 + 123.675
    torch.testing.assert_close(clip[:, :, 0], (red - 122.7709) / 68.5005, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(clip, imagenet, atol=1e-3)


@pytest.mark.parametrize("per", ["frame", "clip"])
def test_jitter_is_of_each_frame_or_of_the_clip(store, per):
    """Colours are off and only brightness moves, so frames of nearly one colour stay so, or flicker."""
    brightness = ["jitter=1", "gray=1", "flip=0", "blend=0", "contrast=0", "saturation=0", "hue=0"]
    frames = the_batch(store, "train", *brightness, f"jitter_per={per}")["frames"]

    apart = (frames[:, 0] - frames[:, 1]).abs().mean((1, 2, 3))
    assert (apart < 0.05).all() == (per == "clip")


@pytest.mark.parametrize("streams", ["release", "paper", "joint"])
def test_the_release_alone_shows_motion_to_the_joint_model(store, streams):
    skeleton = first_model(store, f"streams={streams}").skeleton

    assert skeleton.uses_motion_for_joint == (streams == "release")


@pytest.mark.parametrize("mask", ["true", "false"])
def test_what_is_in_the_slot_of_somebody_absent_counts_if_it_is_not_masked(store, mask):
    batch = the_batch(store, "test")
    absent = ~batch["present"]
    assert absent.any()
    haunted = {name: stream.clone() for name, stream in batch["streams"].items()}
    for stream in haunted.values():
        stream.movedim(-1, 1)[absent] = 9.0
    model, method = first_model(store).eval(), method_of(a_recipe(f"mask_absent={mask}"))

    with torch.no_grad():
        plain, changed = (
            method.logits(model, batch | {"streams": one}) for one in (batch["streams"], haunted)
        )

    assert torch.equal(plain, changed) == (mask == "true")


@pytest.mark.parametrize("weight", [0, 1])
def test_auxiliary_is_the_weight_of_the_other_heads(store, weight):
    model, batch = first_model(store).eval(), the_batch(store, "train")
    with torch.no_grad():
        scores = model(batch["frames"], batch["streams"], batch["present"])
        loss = method_of(a_recipe(f"auxiliary={weight}")).loss(model, batch)

    heads = [scores.logits, *scores.auxiliary.values()]
    own, *others = (torch.nn.functional.cross_entropy(logits, batch["target"]) for logits in heads)
    assert len(others) == 3
    torch.testing.assert_close(loss, own + weight * sum(others))


def test_streams_are_blended_as_frames_are_if_that_is_wanted(store):
    """Mixup gives each clip the target, frames and streams of its partner, all by the same share."""
    mixup = ["cutmix=0", "seed=2", "label_smoothing=0"]
    plain, frames_only, all_blended = (
        the_batch(store, "train", *mixup, *more)
        for more in (["blend=0"], ["blend_streams=false"], ["blend_streams=true"])
    )

    assert torch.equal(all_blended["frames"], frames_only["frames"])
    assert not torch.allclose(frames_only["frames"], plain["frames"])
    for name, stream in plain["streams"].items():
        assert torch.equal(frames_only["streams"][name], stream)
        assert not torch.allclose(all_blended["streams"][name], stream)


@pytest.mark.parametrize("labels", ["own", "blended"])
def test_auxiliary_heads_are_told_their_own_labels_or_the_blended_ones(store, labels):
    """0.1 shared by two classes: 0.95 and 0.05."""
    batch = the_batch(store, "train", "cutmix=0", "seed=2", f"auxiliary_labels={labels}")

    own = torch.tensor([[0.95, 0.05], [0.05, 0.95]])[batch["label"]]
    assert not torch.allclose(batch["target"], own)  # so they are blended
    expected = own if labels == "own" else batch["target"]
    torch.testing.assert_close(batch["auxiliary_target"], expected)


def test_scale_and_template_replace_the_encoders(store):
    torch.manual_seed(0)
    published = first_model(store)
    torch.manual_seed(0)
    chosen = first_model(store, "scale=50", "template=a person: {}")

    assert float(chosen.scale) == 50 != float(published.scale)
    assert not torch.allclose(chosen.text, published.text)  # of the same encoder


def test_a_frozen_encoder_costs_no_gradients(store):
    features = first_model(store, "freeze_video=true").video(torch.zeros(1, 2, 3, 16, 16))

    assert not features.requires_grad  # so nothing of the encoder is kept for a backward pass


@pytest.mark.parametrize("fusion", ["none", "trmm", "trmm_paper", "film", "cross_attention"])
def test_every_parameter_learns(store, fusion):
    """Several processes would wait for the gradients of one that does not."""
    model = first_model(store, f"fusion={fusion}")
    streams = {name: torch.randn(2, 3, 3, 2, 2) for name in SMCLM_STREAMS}

    scores = model(torch.randn(2, 2, 3, 16, 16), streams)
    torch.autograd.backward(hpnet_loss(scores, torch.tensor([[0.9, 0.1], [0.2, 0.8]])))

    assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]


def test_it_begins_with_the_authors_own_file(store, tmp_path):
    """Sizes are those of the file; a vocabulary is none in it."""
    sizes = Sizes(
        image_size=12, patch_size=4, num_frames=3, video_width=64, video_layers=1, embed_dim=64,
        vocab_size=514, context_length=16, text_width=64, text_layers=1,
    )  # fmt: skip
    torch.manual_seed(5)
    authors = AuthorsXClip(sizes).eval()
    state = authors.state_dict() | {"logit_scale": torch.tensor(2.0)}
    torch.save({"model": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "k.pth")
    encoder, frames = f"encoder={tmp_path / 'k.pth'}", torch.randn(2, 3, 3, 12, 12)

    model = first_model(store, encoder, "tokenizer=letters")

    with torch.no_grad():
        torch.testing.assert_close(model.video(frames), authors.video(frames), atol=1e-4, rtol=1e-4)
    assert float(model.scale) == pytest.approx(exp(2))
    with pytest.raises(PretrainedError, match=r"has no vocabulary; put vocab.json .*tokenizer=FOLDER"):
        first_model(store, encoder)
    torch.save({"epoch": 3}, tmp_path / "k.pth")
    with pytest.raises(PretrainedError, match=r"k\.pth: no weights of X-CLIP by name"):
        first_model(store, encoder)
    (tmp_path / "k.pth").unlink()
    with pytest.raises(
        PretrainedError, match=r"k\.pth: No such file .* such as k600_16_8\.pth of its authors"
    ):
        first_model(store, encoder)


def test_only_the_beginning_of_a_training_reads_the_authors_weights(tmp_path, monkeypatch):
    """They are 0.8 GB; for their sizes the file's table of contents is enough."""
    sizes = Sizes(
        image_size=12, patch_size=4, num_frames=3, video_width=64, video_layers=1, embed_dim=64,
        vocab_size=514, context_length=16, text_width=64, text_layers=1,
    )  # fmt: skip
    state = AuthorsXClip(sizes).half().state_dict() | {"logit_scale": torch.tensor(2.0).half()}
    torch.save({"model": state}, tmp_path / "k.pth")
    recipe = make_recipe({"stream": "hpnet", "encoder": str(tmp_path / "k.pth")})

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "float", lambda *_: 1 / 0)
        assert encoder_sizes(recipe) == sizes
    encoders = first_encoders(recipe)

    weights = encoders.video.state_dict()["visual_projection.weight"]
    assert weights.dtype == encoders.scale.dtype == torch.float32
    assert torch.equal(weights, state["visual.proj"].T.float())


def test_text_and_rgb_alone_learn_colours(store, tmp_path):
    more = ["fusion=none", "epochs=12", "jitter=0", "gray=0", "blend=0", "lr=3e-3", "scale=20"]

    assert call(train, *words(store, tmp_path / "run", *more)) == 0

    scores = load_scores(tmp_path / "run/scores.npz")
    found = [scores.class_names[place] for place in scores.values.argmax(1)]
    assert found == [scores.labels[clip_id] for clip_id in scores.clip_ids]


def test_a_store_without_crops_says_how_to_get_them(tmp_path, capsys):
    train_store(tmp_path / "store", train_entries(["a0", "a1", "e0", "e1"]))

    assert call(train, *words(tmp_path / "store", tmp_path / "run")) == 1

    error = capsys.readouterr().err
    assert "was made without 'person' crops" in error
    assert "--crops person" in error


def test_a_class_without_text_is_named(store, tmp_path, capsys):
    (tmp_path / "said.json").write_text('{"sit": "a person sits down"}')

    said = f"descriptions={tmp_path / 'said.json'}"
    assert call(train, *words(store, tmp_path / "run", said)) == 1

    assert "1 of 2 classes have no text: 'stand'" in capsys.readouterr().err


def test_a_run_is_of_what_the_descriptions_said_then(store, tmp_path, capsys):
    """Else a finished run would be shown as that of the new texts."""
    said, run = tmp_path / "said.json", tmp_path / "run"
    command = words(store, run, "epochs=1", "fusion=none", f"descriptions={said}")
    said.write_text('{"sit": "goes down", "stand": "gets up"}')
    assert call(train, *command) == 0
    assert call(train, *command) == 0

    said.write_text('{"sit": "goes down slowly", "stand": "gets up"}')
    assert call(train, *command) == 1
    assert "recipe.descriptions_sha256: '" in capsys.readouterr().err
    noted = json.loads((run / "run.json").read_text())
    del noted["recipe.descriptions_sha256"]  # a run of before that was noted
    (run / "run.json").write_text(json.dumps(noted))
    assert call(train, *command) == 0


def test_too_many_clips_at_once_say_so_and_fewer_begin_anew(store, tmp_path, capsys, monkeypatch):
    def training_step(self, batch, batch_idx):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    command = words(store, tmp_path / "run", "epochs=1", "fusion=none")
    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTask, "training_step", training_step)
        assert call(train, *command) == 1
    assert 'Tried to allocate 2 GiB. Show the network fewer clips at once: ARGS="at_once=N"' in (
        capsys.readouterr().err
    )

    assert call(train, *command, "at_once=2") == 0


def test_stores_of_other_classes_or_joints_are_refused(whole, tmp_path, capsys):
    facts = make_facts(crops=("person",))
    entries = train_entries(["a0", "e0", "e1"], labels=["lie"])
    lying = with_dataset(facts, class_names=("lie", "sit"))
    hands = StoreFacts(
        facts.dataset, make_skeleton(["head", "hand"], [("head", "hand")]), facts.layout, facts.meaning
    )
    for name, its_facts, its_entries in (("classes", lying, entries), ("joints", hands, None)):
        train_store(tmp_path / name, its_entries, facts=its_facts)
        assert call(evaluate, f"--checkpoint={whole}", f"--store={tmp_path / name}", "--device=cpu") == 1

    error = capsys.readouterr().err
    assert "such as 'lie'; it knows sit, stand" in error
    assert "joints: the store has ['head', 'hand'], the checkpoint wants ['head', 'foot']" in error


def test_without_a_connection_the_files_that_are_missing_are_named(store, tmp_path, capsys):
    (tmp_path / "encoder").mkdir()

    choice = f"encoder={tmp_path / 'encoder'}"
    assert call(train, *words(store, tmp_path / "run", choice)) == 1

    assert "holds nothing; expected config.json + model.safetensors" in capsys.readouterr().err
    # nothing was learned yet, so the same folder takes the choice that does have what it needs
    assert call(train, *words(store, tmp_path / "run", "epochs=1")) == 0
    assert call(train, *words(store, tmp_path / "run", "epochs=2")) == 1
    assert "recipe.epochs: 1 there, 2 asked for" in capsys.readouterr().err
