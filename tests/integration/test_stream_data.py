"""The data module: what it reads, says and refuses; with spawned workers and under a Trainer."""

import logging

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from store.errors import ClipNotFoundError, StoreFormatError
from tests.store_makers import make_facts, shrink_units
from tests.stream_stores import stream_store, there
from train.augment import Augment
from train.data import StreamDataModule
from train.memory import choose_place, free_ram
from train.poses import facing_others, in_bodies

BOTH, FIRST, SECOND, AT_TIMES = (
    there("xxx", "xxx"),
    there("xxx", "---"),
    there("---", "xxx"),
    there("-xx", "x--"),
)
VALIDS = {"a": BOTH, "b": FIRST, "c": None, "d": AT_TIMES, "e": FIRST, "f": SECOND, "g": BOTH, "h": None}
CLASSES = ("sit", "stand")  # a, c, e, g sit; the others stand


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        shrink_units(patch)
        stream_store(root, VALIDS, order="hgfedcba")
        yield str(root)


def module(root, stream="hpj", **options):
    defaults = {"train_ids": "abcdeg", "test_ids": "hfg", "class_names": CLASSES, "batch_size": 2, "seed": 1}
    return StreamDataModule(root, stream, **defaults | options)


def walk(data, loader, epoch=0):
    loader.set_epoch(epoch)
    return list(data.batches(loader))


def equal(ones, others):
    assert ones  # two epochs without a batch would be equal
    return all(
        torch.equal(one[name], other[name]) for one, other in zip(ones, others, strict=True) for name in one
    )


def test_what_a_model_needs_to_know(root):
    data = module(root)

    assert (data.in_channels, data.num_frames, data.num_persons) == (3, 3, 2)
    assert data.skeleton.joint_names == ("head", "foot")
    assert (data.class_names, data.train_ids, data.test_ids) == (CLASSES, tuple("abcdeg"), tuple("hfg"))
    assert module(root, "j").in_channels == 2
    assert module(root, tap="net.b[1]").in_channels == 1


def test_clips_without_data_are_never_read(root, caplog):
    caplog.set_level(logging.INFO)
    data = module(root, in_memory=False)

    tested = walk(data, data.test_dataloader())
    trained = walk(data, data.train_dataloader())

    places = torch.cat([batch["clip"] for batch in tested]).tolist()
    assert sorted(places) == [1, 2]  # f and g of h, f, g
    assert {data.train_ids[place] for batch in trained for place in batch["clip"]} < set("abdeg")
    assert "train: 5 of 6 clips have data (1 decode_error)" in caplog.text
    assert "test: 2 of 3 clips have data (1 decode_error)" in caplog.text
    assert "kept in the store, and read in each epoch (in_memory=False)" in caplog.text


def test_labels_are_found_by_name(root):
    for classes in (CLASSES, CLASSES[::-1], ("lie", *CLASSES)):
        data = module(root, class_names=classes, test_ids="abdefg")
        found = {
            data.test_ids[place]: classes[label]
            for batch in walk(data, data.test_dataloader())
            for place, label in zip(batch["clip"], batch["label"], strict=True)
        }
        assert found == {clip_id: "sit" if clip_id in "aeg" else "stand" for clip_id in "abdefg"}


def test_a_label_that_is_no_class_may_be_tested_but_not_trained_on(root):
    data = module(root, class_names=("sit",), test_ids="ab", train_ids="ag")
    (batch,) = walk(data, data.test_dataloader())
    assert dict(zip(batch["clip"].tolist(), batch["label"].tolist(), strict=True)) == {0: 0, 1: -1}

    data = module(root, class_names=("sit",))
    with pytest.raises(
        ValueError, match=r"training clip d .* label 'stand', and 1 more .*expected one of sit"
    ):
        data.train_dataloader()


@pytest.mark.parametrize("in_memory", [True, "device", "auto"])
def test_where_rows_are_kept_changes_no_bit(root, in_memory):
    augment = Augment(crop=0.5, jitter=1, joint_dropout=0.3, channel_dropout=0.3, person_dropout=0.5)
    for options in ({}, {"augment": augment}, {"copy_person": True}, {"absence": "zeros"}):
        read, kept = module(root, in_memory=False, **options), module(root, in_memory=in_memory, **options)
        kept.setup()
        for epoch in (0, 1):
            assert equal(
                walk(read, read.train_dataloader(), epoch), walk(kept, kept.train_dataloader(), epoch)
            )
        assert equal(walk(read, read.test_dataloader()), walk(kept, kept.test_dataloader()))


def test_a_store_at_an_address_is_read_the_same(root):
    here, there = module(root, in_memory=False), module(f"file://{root}", in_memory=False)

    assert equal(walk(here, here.train_dataloader()), walk(there, there.train_dataloader()))


def test_says_where_rows_are_kept(root, caplog):
    caplog.set_level(logging.INFO)
    module(root, in_memory="auto").setup()

    # a, d, g have two persons in them, b, e one; in the test f has one and g two: 3 x 2 x 3 float16 each
    assert f"hpj: {11 * 3 * 2 * 3 * 2 / 1e6:.1f} MB of rows are kept in RAM (" in caplog.text
    assert "of RAM are free" in caplog.text


def test_augmentation_is_of_training_alone(root):
    augment = Augment(crop=0.3, channel_dropout=0.5)
    plain, varied = module(root), module(root, augment=augment)

    assert equal(walk(plain, plain.test_dataloader()), walk(varied, varied.test_dataloader()))
    epochs = [walk(varied, varied.train_dataloader(), epoch) for epoch in (0, 0, 1)]
    assert equal(epochs[0], epochs[1])
    assert not equal(walk(plain, plain.train_dataloader()), epochs[0])


def test_a_lost_person_is_no_longer_there(root):
    data = module(root, train_ids="ag", augment=Augment(person_dropout=1))

    (batch,) = walk(data, data.train_dataloader())

    assert batch["present"].sum(1).tolist() == [1, 1]
    there = batch["stream"].abs().sum((1, 2, 3)) > 0
    assert torch.equal(there, batch["present"])


def test_spawned_workers_read_the_same(root):
    here, there = module(root, in_memory=False), module(root, in_memory=False, num_workers=2)
    loaders = here.train_dataloader(), there.train_dataloader()

    for epoch in (0, 1):
        next(iter(loaders[1]))  # an epoch that is left early leaves nothing behind
        assert equal(walk(here, loaders[0], epoch), walk(there, loaders[1], epoch))


def test_motion_and_bones(root):
    joint, bone, motion, both = (
        module(root, stream, test_ids="g") for stream in ("hpj", "hpb", "hpjm", "hpbm")
    )
    (j,), (b,), (jm,), (bm,) = (walk(data, data.test_dataloader()) for data in (joint, bone, motion, both))

    torch.testing.assert_close(b["stream"][:, :, :, 1], j["stream"][:, :, :, 1] - j["stream"][:, :, :, 0])
    torch.testing.assert_close(jm["stream"][:, :, :-1], j["stream"].diff(dim=2))
    torch.testing.assert_close(bm["stream"][:, :, :-1], b["stream"].diff(dim=2))


def test_poses_in_bodies(root):
    """Slot by slot the rows of ``in_bodies``; of bones and motion too; pooled features stay as they are."""
    options = {"test_ids": "g", "pose_unit": "body"}
    pixels, j, b, jm = (
        module(root, stream, test_ids="g") if stream == "j" and not place else module(root, stream, **options)
        for place, stream in enumerate(("j", "j", "b", "jm"))
    )
    (plain,), (body,), (bone,), (motion,) = (
        [batch["stream"] for batch in walk(data, data.test_dataloader())] for data in (pixels, j, b, jm)
    )

    rows = plain[0].permute(3, 1, 2, 0)  # of two persons who are always there
    expected = in_bodies(rows, torch.ones(2, 3, dtype=torch.bool), torch.tensor([0, 0]), 1)
    torch.testing.assert_close(body[0].permute(3, 1, 2, 0), expected)
    torch.testing.assert_close(bone[:, :, :, 1], body[:, :, :, 1] - body[:, :, :, 0])
    torch.testing.assert_close(motion[:, :, :-1], body.diff(dim=2))
    pooled, same = module(root, test_ids="g"), module(root, mirror_test=True, **options)
    assert equal(walk(pooled, pooled.test_dataloader()), walk(same, same.test_dataloader()))


def test_a_test_in_a_mirror(root):
    data = module(root, "j", test_ids="g", pose_unit="body", mirror_test=True)

    (batch,) = walk(data, data.test_dataloader())

    turned = torch.tensor([-1.0, 1])[:, None, None, None]  # of head and foot neither has another side
    torch.testing.assert_close(batch["mirrored"], batch["stream"] * turned)
    assert all("mirrored" not in made for made in walk(data, data.train_dataloader()))


def test_persons_that_face_the_others_look_the_same_in_a_mirror(root):
    options = {"pose_unit": "body", "mirror_test": True}
    plain, facing = (module(root, "j", face_others=face, **options) for face in (False, True))

    (before,), (after,) = (walk(data, data.test_dataloader()) for data in (plain, facing))

    alone, both = (after["clip"].tolist().index(place) for place in (1, 2))  # f and g of h, f, g
    rows = before["stream"][both].permute(3, 1, 2, 0)  # of two persons who are always there
    expected = facing_others(rows, torch.ones(2, 3, dtype=torch.bool), [0, 1], torch.tensor([0, 0]), 1)
    assert not torch.equal(expected, rows)
    torch.testing.assert_close(after["stream"][both].permute(3, 1, 2, 0), expected)
    torch.testing.assert_close(after["mirrored"][both].sort(3).values, after["stream"][both].sort(3).values)
    for look in ("stream", "mirrored"):
        assert torch.equal(after[look][alone], before[look][alone])
    pooled, same = module(root), module(root, face_others=True, **options)
    assert equal(walk(pooled, pooled.test_dataloader()), walk(same, same.test_dataloader()))


def test_poses_are_varied_in_training(root):
    augment = Augment(mirror=1.0, exchange=1.0)
    plain, varied = (module(root, "j", pose_unit="body", augment=one) for one in (None, augment))

    before, after = (walk(data, data.train_dataloader()) for data in (plain, varied))

    turned = torch.tensor([-1.0, 1])[:, None, None, None]
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(other["stream"], one["stream"].flip(4) * turned)
        assert torch.equal(other["present"], one["present"].flip(1))


def test_zeros_are_no_body(root):
    with pytest.raises(ValueError, match="pose_unit is 'body' and absence 'zeros'; expected 'hold'"):
        module(root, "j", pose_unit="body", absence="zeros")


def test_one_person_everywhere_is_one_slot(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    stream_store(tmp_path / "first", {"a": FIRST, "b": FIRST, "c": FIRST})
    stream_store(tmp_path / "second", {"a": FIRST, "b": SECOND})  # the one person is in another slot

    assert module(str(tmp_path / "first"), train_ids="a", test_ids="b").num_persons == 1
    assert module(str(tmp_path / "first"), train_ids="a", test_ids="b", copy_person=True).num_persons == 2
    assert module(str(tmp_path / "second"), train_ids="a", test_ids="b").num_persons == 2


def test_who_is_only_in_slots_that_are_cut_is_without_data(root, caplog):
    caplog.set_level(logging.INFO)
    data = module(root, num_persons=1, test_ids="fg")

    (batch,) = walk(data, data.test_dataloader())

    assert batch["clip"].tolist() == [1]
    assert "test: 1 of 2 clips have data (1 with nobody in slots below 1)" in caplog.text


def test_native_stores_come_on_64_times(tmp_path, monkeypatch):
    shrink_units(monkeypatch)
    stream_store(
        tmp_path,
        {"a": there("xxxxx", "xx---"), "b": there("xxx", "---")},
        facts=make_facts("native", crops=()),
    )
    data = module(str(tmp_path), "j", train_ids="a", test_ids="ba")

    (batch,) = walk(data, data.test_dataloader())

    assert data.num_frames == 64
    assert batch["stream"].shape == (2, 2, 64, 2, 2)
    assert torch.isfinite(batch["stream"]).all()


def test_refuses(root):
    with pytest.raises(ValueError, match="no stream 'hpx'"):
        module(root, "hpx")
    with pytest.raises(StoreFormatError, match=r"no tap 'net.c'"):
        module(root, tap="net.c")
    with pytest.raises(ValueError, match="train_ids name a 2 times"):
        module(root, train_ids="aba")
    with pytest.raises(ClipNotFoundError, match="no clip 'z'"):
        module(root, test_ids="z").test_dataloader()
    with pytest.raises(ValueError, match=r"0 of 2 training clips of .* have data"):
        module(root, train_ids="ch").train_dataloader()


class Recorder(LightningModule):
    """Learns a little, and remembers what it saw."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.seen, self.tested = [], []

    def _logits(self, batch):
        return self.layer(batch["stream"].mean((2, 3, 4)))

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch["clip"].tolist()))
        return torch.nn.functional.cross_entropy(self._logits(batch), batch["label"])

    def validation_step(self, batch, batch_idx):
        self.tested.append(batch["clip"].tolist())

    def test_step(self, batch, batch_idx):
        self.tested.append(batch["clip"].tolist())

    def predict_step(self, batch, batch_idx):
        return batch["clip"].tolist(), self._logits(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01, momentum=0.9)


class Save(Callback):
    def __init__(self, path, after):
        self._path, self._after = path, after

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self._after:
            trainer.save_checkpoint(self._path)


def trainer_in(folder, *callbacks, max_epochs=3, limit_val_batches=0):
    return Trainer(
        accelerator="cpu", max_epochs=max_epochs, logger=False, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False, default_root_dir=folder,
        callbacks=[*callbacks], num_sanity_val_steps=0, limit_val_batches=limit_val_batches,
    )  # fmt: skip


@pytest.mark.parametrize(("after", "in_memory"), [(1, True), (2, True), (3, False)])
def test_a_resumed_run_sees_what_was_left(root, tmp_path, after, in_memory):
    options = {"in_memory": in_memory, "augment": Augment(crop=0.5, channel_dropout=0.2)}
    torch.manual_seed(0)
    whole = Recorder()
    start = {name: values.clone() for name, values in whole.state_dict().items()}
    trainer_in(tmp_path, Save(tmp_path / "at.ckpt", after)).fit(whole, datamodule=module(root, **options))
    assert [epoch for epoch, _ in whole.seen] == [0, 0, 1, 1, 2, 2]

    resumed = Recorder()
    trainer_in(tmp_path).fit(
        resumed, datamodule=module(root, **options), ckpt_path=tmp_path / "at.ckpt", weights_only=True
    )

    assert resumed.seen == whole.seen[after:]
    for name, values in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], values)
        assert not torch.equal(start[name], values)


def test_under_a_trainer(root, tmp_path):
    model, trainer = Recorder(), trainer_in(tmp_path, max_epochs=1, limit_val_batches=1.0)
    data = module(root, test_ids="abdefg", val_ids="ga")

    trainer.fit(model, datamodule=data)
    assert model.tested == [[1, 0]] or model.tested == [[0, 1]]
    model.tested.clear()
    trainer.test(model, datamodule=data, verbose=False)
    assert sorted(place for places in model.tested for place in places) == list(range(6))
    predicted = trainer.predict(model, datamodule=data)
    assert sorted(place for places, _ in predicted for place in places) == list(range(6))
    assert predicted[0][1].shape == (2, 2)


@pytest.mark.parametrize(
    ("num_bytes", "processes", "expected"),
    [(10, 1, "ram"), (51, 1, "store"), (25, 2, "ram"), (26, 2, "store")],
)
def test_half_of_the_free_ram_may_be_taken(monkeypatch, num_bytes, processes, expected):
    monkeypatch.setattr("train.memory.free_ram", lambda: 100)

    place, reason = choose_place(num_bytes, device=torch.device("cpu"), num_processes=processes)

    assert place == expected
    assert "RAM" in reason


@pytest.mark.parametrize(("num_bytes", "expected"), [(1000, "device"), (1001, "store"), (50, "device")])
def test_a_gpu_needs_no_ram_for_what_it_holds(monkeypatch, num_bytes, expected):
    monkeypatch.setattr("train.memory.free_ram", lambda: 100)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2000, 4000))

    place, _ = choose_place(num_bytes, device=torch.device("cuda", 0), num_processes=4)

    assert place == expected


def test_a_limit_of_the_job_counts(tmp_path):
    free = free_ram(tmp_path)
    (tmp_path / "memory.current").write_text("400\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_ram(tmp_path) == pytest.approx(free, rel=0.5)
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_ram(tmp_path) == 600
