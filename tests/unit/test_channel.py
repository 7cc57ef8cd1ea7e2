"""Messages and frames over a socket."""

import socket
import threading

import numpy as np
import pytest

from extract.channel import Channel


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    ends = Channel(ours, limit_seconds=5), Channel(theirs, limit_seconds=5)
    yield ends
    for end in ends:
        end.close()


def test_message_and_frame_arrive_as_sent(ends):
    # more than the socket's buffer
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    sender = threading.Thread(target=ends[0].send, args=({"frame": 7, "path": "ü\udcff"}, frame))
    sender.start()

    assert ends[1].receive() == {"frame": 7, "path": "ü\udcff"}
    np.testing.assert_array_equal(ends[1].receive_frame(height=480, width=640), frame)
    sender.join()


def test_frame_that_is_a_view(ends):
    frame = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[:, ::2]
    ends[0].send({}, frame)
    ends[1].receive()

    np.testing.assert_array_equal(ends[1].receive_frame(height=4, width=3), frame)


def test_messages_keep_their_order(ends):
    for number in range(3):
        ends[0].send({"n": number})

    assert [ends[1].receive()["n"] for _ in range(3)] == [0, 1, 2]


def test_the_other_side_is_gone(ends):
    ends[0].close()

    with pytest.raises(EOFError):
        ends[1].receive()


def test_gone_in_the_middle_of_a_frame(ends):
    ends[0].send({})
    ends[0]._socket.sendall(b"half")
    ends[0].close()
    ends[1].receive()

    with pytest.raises(EOFError):
        ends[1].receive_frame(height=4, width=4)


def test_silence_ends():
    ours, theirs = socket.socketpair()
    channel = Channel(ours, limit_seconds=0.05)

    with theirs, pytest.raises(TimeoutError):
        channel.receive()
    channel.close()
