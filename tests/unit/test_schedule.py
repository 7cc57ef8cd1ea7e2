"""Batches across clips."""

import threading
from functools import partial

import numpy as np
import pytest

from extract.errors import VideoError
from extract.schedule import Ask, Network, Scheduler


class Doubler:
    """Answers a row with twice its first value, and remembers what it was given."""

    def __init__(self, batch_size):
        self.batch_size = batch_size
        self.batches = []

    def __call__(self, rows):
        assert len({row.shape for row in rows}) == 1
        self.batches.append([int(row.flat[0]) for row in rows])
        return [2 * int(row.flat[0]) for row in rows]


def row(value, shape=(1,)):
    return np.full(shape, value, np.uint8)


def clip(*asks, shape=(1,)):
    """A clip that asks for each list of values in turn: (network, values)."""

    def stages():
        answers = []
        for network, values in asks:
            answers.append((yield Ask(network, (row(value, shape) for value in values))))
        return answers

    return stages


def run(clips, *, detect=3, pose=2, max_active=2, **options):
    networks = {"detect": Doubler(detect), "pose": Doubler(pose)}
    scheduler = Scheduler(
        {name: Network(doubler.batch_size, doubler) for name, doubler in networks.items()},
        max_active=max_active,
        **options,
    )
    return list(scheduler.run(clips.items())), networks


def test_answers_come_in_the_order_of_the_rows():
    results, _ = run({"a": clip(("detect", [1, 2, 3, 4, 5]), ("pose", [6, 7, 8]))})

    assert results == [("a", [[2, 4, 6, 8, 10], [12, 14, 16]])]


def test_batches_are_shared_and_padded_only_where_nothing_is_left():
    results, networks = run({"a": clip(("detect", [1, 2])), "b": clip(("detect", [3, 4, 5]))})

    assert dict(results) == {"a": [[2, 4]], "b": [[6, 8, 10]]}
    assert networks["detect"].batches == [[1, 2, 3], [4, 5, 0]]


def test_a_batch_has_rows_of_one_shape():
    results, networks = run({"a": clip(("detect", [1, 2])), "b": clip(("detect", [3, 4]), shape=(2, 2))})

    assert dict(results) == {"a": [[2, 4]], "b": [[6, 8]]}
    assert sorted(networks["detect"].batches) == [[1, 2, 0], [3, 4, 0]]


def test_poses_go_before_detections():
    # a is at its poses when b begins to detect
    _, networks = run(
        {"a": clip(("detect", [1, 2, 3]), ("pose", [4, 5])), "b": clip(("detect", [6, 7, 8]))}, max_active=1
    )

    assert networks["pose"].batches == [[4, 5]]
    assert networks["detect"].batches == [[1, 2, 3], [6, 7, 8]]


def test_asking_for_nothing_is_answered_with_nothing():
    results, networks = run({"a": clip(("detect", []), ("pose", []))})

    assert results == [("a", [[], []])]
    assert networks["detect"].batches == []


def test_clip_that_asks_nothing():
    assert run({"a": clip()})[0] == [("a", [])]


def test_no_clips():
    assert run({})[0] == []


@pytest.mark.parametrize("max_active", [1, 2, 3, 10])
def test_results_do_not_depend_on_how_many_are_under_way(max_active):
    clips = {
        str(number): clip(("detect", range(number, number + number % 5)), ("pose", range(number % 4)))
        for number in range(20)
    }
    results, networks = run(clips, max_active=max_active)

    expected = {
        str(n): [[2 * v for v in range(n, n + n % 5)], [2 * v for v in range(n % 4)]] for n in range(20)
    }
    assert dict(results) == expected
    if max_active == 10:  # 40 rows in batches of 3: none but the last is padded while others could fill it
        assert len(networks["detect"].batches) <= 40 // 3 + 2


def test_no_more_than_asked_for_are_under_way():
    begun, ended = [], []

    def stages(key):
        begun.append(key)
        assert len(begun) - len(ended) <= 2
        yield Ask("detect", iter([row(1)] * 4))
        ended.append(key)

    run({key: (lambda key=key: stages(key)) for key in "abcdef"})

    assert begun == list("abcdef")


def test_a_clip_is_drawn_only_when_there_is_room():
    drawn = []

    def clips():
        for key in "abc":
            drawn.append(key)
            yield key, clip(("detect", [1]))

    scheduler = Scheduler({"detect": Network(1, Doubler(1))}, max_active=1)
    running = scheduler.run(clips())
    next(running)

    assert drawn == ["a"]


def failing_rows(num_good):
    for value in range(num_good):
        yield row(value + 1)
    raise VideoError("ends early", "decode_error")


def test_error_in_the_rows_ends_the_clip_and_no_other():
    def broken():
        yield Ask("detect", failing_rows(2))

    results, networks = run({"broken": broken, "good": clip(("detect", [7, 8]))})

    assert dict(results)["good"] == [[14, 16]]
    assert str(dict(results)["broken"]) == "ends early"
    assert dict(results)["broken"].status == "decode_error"
    assert networks["detect"].batches == [[7, 8, 0]]  # nobody waits for the rows of the broken one


def test_error_in_the_rows_is_told_to_the_clip_which_may_begin_anew():
    def stages():
        try:
            yield Ask("detect", failing_rows(4))
        except VideoError as error:
            return str(error), (yield Ask("detect", iter([row(9)])))

    results, networks = run({"a": stages})

    assert results == [("a", ("ends early", [18]))]
    assert networks["detect"].batches == [[1, 2, 3], [9, 0, 0]]


def test_clip_that_ends_at_once_when_told_of_an_error():
    def stages():
        try:
            yield Ask("detect", failing_rows(0))
        except VideoError:
            return "nobody"

    assert run({"a": stages})[0] == [("a", "nobody")]


def test_error_between_the_asks():
    def stages():
        yield Ask("detect", iter([row(1)]))
        raise VideoError("wrong digest", "error")

    results, _ = run({"a": stages, "b": clip(("detect", [1]))})

    assert str(dict(results)["a"]) == "wrong digest"
    assert dict(results)["b"] == [[2]]


def test_our_own_mistakes_are_not_swallowed():
    def stages():
        yield Ask("detect", iter([row(1)]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run({"a": stages})


def test_stop_lets_clips_under_way_finish():
    finished = []
    clips = {key: clip(("detect", [1, 2, 3, 4])) for key in "abcdef"}

    def stages_that_count(key):
        result = yield from clips[key]()
        finished.append(key)
        return result

    results, _ = run(
        {key: (lambda key=key: stages_that_count(key)) for key in clips},
        should_stop=lambda: len(finished) >= 2,
    )

    assert [key for key, _ in results] == ["a", "b", "c"]  # c was under way when b ended


def test_nobody_waits_for_a_decoder_while_another_clip_has_rows():
    order, news = [], threading.Event()

    def stages(key, network, is_ready):
        def rows():
            for value in range(2):
                order.append(key)
                news.set()
                yield row(value)

        yield Ask(network, rows(), is_ready)

    for network in ("detect", "pose", None):
        order.clear()
        clips = {
            "slow": partial(stages, "slow", network, lambda: "fast" in order and len(order) >= 2),
            "fast": partial(stages, "fast", "detect", lambda: True),
        }
        run(clips, detect=1, pose=1, news=news)

        assert order == ["fast", "fast", "slow", "slow"]


def test_a_clip_that_is_being_opened_stops_nobody():
    order, news = [], threading.Event()

    def opening():
        yield Ask(None, iter(()), lambda: len(order) == 2)
        order.append("opened")

    def rows():
        for value in range(2):
            order.append(value)
            news.set()
            yield row(value)

    def other():
        yield Ask("pose", rows())

    run({"opening": opening, "other": other}, pose=1, news=news)

    assert order == [0, 1, "opened"]


def test_waits_for_news_where_nothing_is_ready():
    is_there, news = threading.Event(), threading.Event()

    def arrive():
        is_there.set()
        news.set()

    def stages():
        return (yield Ask("pose", iter([row(3)]), is_there.is_set))

    threading.Timer(0.05, arrive).start()
    results, _ = run({"late": stages}, news=news)

    assert results == [("late", [6])]


def test_clips_may_come_later():
    news = threading.Event()

    def clips():
        yield None
        news.set()
        yield "late", clip(("pose", [1]))

    scheduler = Scheduler({"pose": Network(1, Doubler(1))}, max_active=2, news=news)

    def tell():
        news.set()

    threading.Timer(0.05, tell).start()

    assert list(scheduler.run(clips())) == [("late", [[2]])]


def test_rows_that_no_network_is_asked_about():
    seen = []

    def rows():
        for value in range(3):
            seen.append(value)
            yield

    def stages():
        answers = yield Ask(None, rows())
        return answers, list(seen)

    results, _ = run({"a": stages})

    assert results == [("a", ([], [0, 1, 2]))]
