"""Who gets which clip, and who is to blame for a death."""

from extract.dispatch import Dispatch
from store.table import ClipEntry


def dispatch(ids, most_clips=3):
    return Dispatch([ClipEntry(one, f"{one}.avi") for one in ids], most_clips=most_clips)


def take_all(deal, worker):
    ids = []
    while (entry := deal.take(worker)) is not None:
        ids.append(entry.id)
    return "".join(ids)


def test_in_order_and_no_more_than_a_worker_may_have():
    deal = dispatch("abcde", most_clips=2)

    assert take_all(deal, "w1") == "ab"
    assert take_all(deal, "w2") == "cd"
    assert take_all(deal, "w1") == ""
    deal.finish("w2", "c")
    assert take_all(deal, "w2") == "e"
    assert deal.workers == {"w1", "w2"}


def test_over_when_all_are_finished():
    deal = dispatch("ab")
    take_all(deal, "w")
    deal.finish("w", "a")
    assert not deal.is_over
    deal.finish("w", "b")

    assert deal.is_over
    assert deal.workers == frozenset()


def test_clips_of_a_dead_worker_are_tried_alone_and_before_all_others():
    deal = dispatch("abcdef", most_clips=2)
    assert (take_all(deal, "w1"), take_all(deal, "w2")) == ("ab", "cd")

    assert deal.bury("w1") == []

    assert take_all(deal, "w2") == ""  # it has clips, and nobody begins fresh ones
    deal.finish("w2", "c")
    deal.finish("w2", "d")
    assert take_all(deal, "w2") == "a"
    deal.finish("w2", "a")
    assert take_all(deal, "w2") == "b"
    assert take_all(deal, "w3") == "ef"  # no suspect waits any more
    deal.finish("w2", "b")
    deal.finish("w3", "e")
    deal.finish("w3", "f")
    assert deal.is_over


def test_clip_that_kills_three_times_is_left_out_and_its_company_is_not():
    deal = dispatch("abc")
    assert take_all(deal, "w1") == "abc"
    assert deal.bury("w1") == []

    assert take_all(deal, "w2") == "a"
    deal.finish("w2", "a")
    assert take_all(deal, "w2") == "b"
    assert deal.bury("w2") == []  # b again
    assert take_all(deal, "w3") == "c"
    deal.finish("w3", "c")
    assert take_all(deal, "w3") == "b"
    assert [entry.id for entry in deal.bury("w3")] == ["b"]
    assert deal.is_over


def test_deaths_in_a_row():
    deal = dispatch("ab", most_clips=1)
    for number in range(2):
        deal.take(f"w{number}")
        deal.bury(f"w{number}")
    assert deal.deaths_in_a_row == 2

    clip = deal.take("w2")
    deal.finish("w2", clip.id)

    assert deal.deaths_in_a_row == 0
