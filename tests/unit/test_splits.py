"""Folds of protocols and of subjects, on stores of six subjects with four clips each."""

from dataclasses import replace

import pytest

from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store, with_dataset, with_protocol
from train.splits import SplitError, class_names_of, first_protocol, folds, hold_out


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return train_store(tmp_path_factory.mktemp("store"), failed=["e0"])


def test_a_protocol_is_one_fold(reader):
    (fold,) = folds(reader, "p1")

    assert first_protocol(reader) == fold.name == "p1"
    assert {one[0] for one in fold.train_ids} == set("abcd")
    assert fold.test_ids == ("e0", "e1", "e2", "e3", "f0", "f1", "f2", "f3")  # the failed one too
    assert fold.expected["e0"] == "sit"
    assert fold.expected["e1"] == "stand"


def test_each_subject_is_left_out_once(reader):
    found = folds(reader, "leave_one_subject_out")

    assert [fold.name for fold in found] == list("abcdef")
    assert found[1].test_ids == ("b0", "b1", "b2", "b3")
    assert len(found[1].train_ids) == 20
    assert not any(one.startswith("b") for one in found[1].train_ids)


def test_subjects_are_in_natural_order(tmp_path):
    entries = [
        replace(entry, subject={"a": "10", "b": "9"}[entry.id[0]]) for entry in train_entries(["a0", "b0"])
    ]

    assert [fold.name for fold in folds(train_store(tmp_path, entries), "leave_one_subject_out")] == [
        "9",
        "10",
    ]


def test_groups_of_subjects_have_about_as_many_clips(tmp_path):
    # 4, 2, 1 and 1 clips: the first alone, then 2 + 1 + 1
    reader = train_store(tmp_path, train_entries(["a0", "a1", "a2", "a3", "b0", "b1", "c0", "d0"]))

    found = folds(reader, "kfold:2")

    assert [fold.name for fold in found] == ["1 of 2", "2 of 2"]
    assert [fold.test_ids for fold in found] == [("a0", "a1", "a2", "a3"), ("b0", "b1", "c0", "d0")]


def test_every_clip_tests_for_models_from_elsewhere(reader):
    (fold,) = folds(reader, "all")

    assert (len(fold.test_ids), fold.train_ids) == (24, ())


def test_clips_without_a_class_of_the_protocol_are_left_out(tmp_path, caplog):
    facts = with_protocol(make_facts(crops=()), "p1", {"classes": ["stand"]})
    entries = train_entries(["a0", "a1", "e0", "e1", "e2"], labels=["sit", "stand", None, "stand", "stand"])

    reader = train_store(tmp_path, entries, facts=facts)
    (fold,) = folds(reader, "p1")

    assert class_names_of(reader, "p1") == ("stand",)
    assert (fold.train_ids, fold.test_ids) == (("a1",), ("e1", "e2"))
    assert "2 clips have no class of p1, such as a0 (sit), and are left out" in caplog.text


def test_validation_clips_neither_train_nor_test(tmp_path):
    entries = [
        replace(entry, splits={"p1": part})
        for entry, part in zip(train_entries(["a0", "b0", "c0"]), ("train", "val", "test"), strict=True)
    ]

    (fold,) = folds(train_store(tmp_path, entries), "p1")

    assert (fold.train_ids, fold.val_ids, fold.test_ids) == (("a0",), ("b0",), ("c0",))


def test_whole_subjects_are_held_out(reader):
    entries = [row.entry for row in reader.rows]
    (fold,) = folds(reader, "p1")

    held = hold_out(fold, entries, share=0.5, seed=1)

    assert (len(held.train_ids), len(held.val_ids)) == (8, 8)  # two of four subjects
    assert not {one[0] for one in held.train_ids} & {one[0] for one in held.val_ids}
    assert sorted(held.train_ids + held.val_ids) == sorted(fold.train_ids)
    assert held == hold_out(fold, entries, share=0.5, seed=1)
    assert len({hold_out(fold, entries, share=0.5, seed=seed).val_ids for seed in range(9)}) > 1


def test_one_subject_always_trains(reader):
    (fold,) = folds(reader, "p1")

    assert len(hold_out(fold, [row.entry for row in reader.rows], share=0.99, seed=1).train_ids) == 4


def test_what_a_store_cannot_serve_is_refused(reader, tmp_path):
    with pytest.raises(SplitError, match=r"has no protocol 'xsub'; it has p1.*kfold:N"):
        folds(reader, "xsub")
    for protocol in ("kfold:7", "kfold:1"):
        with pytest.raises(SplitError, match=f"{protocol} with 6 subjects; expected 2 folds or more"):
            folds(reader, protocol)
    (fold,) = folds(reader, "p1")
    with pytest.raises(SplitError, match=r"training clips are of 1 subject\(s\)"):
        hold_out(replace(fold, train_ids=("a0", "a1")), [row.entry for row in reader.rows], share=0.5, seed=1)
    bare = train_store(
        tmp_path / "bare",
        [replace(entry, subject=None, splits={}) for entry in train_entries(["a0", "b0"])],
        facts=with_dataset(make_facts(crops=()), protocols={}),
    )
    with pytest.raises(SplitError, match="has no protocol; choose PROTOCOL=leave_one_subject_out or kfold:5"):
        first_protocol(bare)
    with pytest.raises(SplitError, match="2 clips have no subject, such as a0"):
        folds(bare, "leave_one_subject_out")


def test_a_protocol_without_test_clips_is_refused(tmp_path):
    with pytest.raises(SplitError, match="fold p1: 2 clips train and 0 test; expected some of each"):
        folds(train_store(tmp_path, train_entries(["a0", "b0"])), "p1")
