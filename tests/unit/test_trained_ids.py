"""Ids of training clips, as a checkpoint keeps them."""

import pytest

from train.trained_ids import digest_ids, find_trained


def test_what_trained_is_found_again_in_the_order_of_the_question():
    digests = digest_ids(["b", "a", "c"])

    assert find_trained(digests, ["x", "c", "b", "y"]) == ["c", "b"]
    assert find_trained(digests, []) == []
    assert find_trained(digest_ids([]), ["a"]) == []


def test_the_order_of_the_clips_says_nothing():
    assert digest_ids(["a", "b", "c"]) == digest_ids(["c", "a", "b"])


def test_the_clips_of_ntu_are_told_apart_and_take_less_than_a_megabyte():
    """All 113 945 clips of NTU-120 are fewer than these."""
    ids = [f"S{place // 4000:03}C001P{place // 100 % 40:03}R001A{place % 100:03}" for place in range(114_000)]
    digests = digest_ids(ids[:63_026])

    assert len(digests) < 1_000_000
    assert find_trained(digests, ids) == ids[:63_026]


@pytest.mark.parametrize("name", ["straße/läuft.mp4", "no text \udcff.avi", ""])
def test_names_need_not_be_plain(name):
    assert find_trained(digest_ids([name]), ["another", name]) == [name]
