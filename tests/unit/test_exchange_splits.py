"""Splits of pyskl pickles and protocols of a store."""

import pytest

from store.exchange.errors import ExchangeError
from store.exchange.pyskl_splits import (
    own_protocols,
    pickle_names,
    protocol_facts,
    protocols_of,
    splits_by_clip,
)


def test_names_are_sorted_into_protocols():
    # NTU's files, UCF's three splits, Diving48's, and a name that says nothing
    assert protocols_of(["xsub_train", "xsub_val", "xview_train", "xview_val"]) == {
        "xsub": {"train": "xsub_train", "test": "xsub_val"},
        "xview": {"train": "xview_train", "test": "xview_val"},
    }
    assert protocols_of(["train1", "test1", "train2", "test2"]) == {
        "default_1": {"train": "train1", "test": "test1"},
        "default_2": {"train": "train2", "test": "test2"},
    }
    assert protocols_of(["train", "test"]) == {"default": {"train": "train", "test": "test"}}
    assert protocols_of(["tiny"]) == {"tiny": {"train": "tiny"}}


def test_val_is_val_where_there_is_a_test():
    assert protocols_of(["cs_train", "cs_val", "cs_test"]) == {
        "cs": {"train": "cs_train", "val": "cs_val", "test": "cs_test"}
    }


def test_a_clip_has_one_split_per_protocol():
    lists = {"p_train": ["a", "b"], "p_val": ["c"], "q_train": ["c"]}

    splits = splits_by_clip(protocols_of(lists), lists, "f.pkl")

    assert splits == {"a": {"p": "train"}, "b": {"p": "train"}, "c": {"p": "test", "q": "train"}}
    lists["p_val"].append("b")
    with pytest.raises(ExchangeError, match=r"f\.pkl: b is in both 'p_train' and 'p_val'"):
        splits_by_clip(protocols_of(lists), lists, "f.pkl")


def test_a_store_remembers_what_splits_were_called():
    lists = {"xsub_train": ["a"], "xsub_val": []}
    facts = protocol_facts({"train": "xsub_train", "test": "xsub_val"}, lists, "f.pkl")

    assert facts["expected"] == {"train": 1, "test": 0}
    assert pickle_names("xsub", facts) == {"train": "xsub_train", "test": "xsub_val"}
    assert pickle_names("cs", {}) == {"train": "cs_train", "val": "cs_val", "test": "cs_test"}
    # a val of our own is one, and what the pickle does not list is nobody's split
    assert own_protocols({"xsub": facts, "cs": {}, "gone": {}}, [*lists, "cs_val", "all"]) == {
        "xsub": {"train": "xsub_train", "test": "xsub_val"},
        "cs": {"val": "cs_val"},
    }
