"""The decoding process: ``python -m extract.decode_worker FD``; it imports no networks, so it is light.

It says when it is ready. Per clip: the parent sends a path; the worker answers with facts and digest; the
parent names the frames that it wants; the worker sends them one by one, then that this was the end. Whatever
takes long in between, it says now and then that it is alive.
"""

import ctypes
import hashlib
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from extract.channel import Channel, Message
from extract.errors import VideoError
from extract.video import OpenVideo, open_video

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_BLOCK_BYTES = 8 << 20  # read at once for the digest
_ALIVE_SECONDS = 1.0  # between two signs of life, well within what the parent waits for


def main(descriptor: int) -> None:
    """Answer requests until the parent closes the channel."""
    # for the parent, which finishes its clips first; a cluster's scheduler signals every process of a job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with_parent()
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        channel.send({"ready": True})
        while True:
            request = channel.receive()
            try:
                alive = _SignOfLife(channel)
                video = open_video(
                    Path(request["path"]),
                    use_pyav=request["use_pyav"],
                    interval=request["interval"],
                    on_frame=alive,
                )
                channel.send(_facts(video, alive))
                _send_frames(channel, video, channel.receive()["wanted"], alive)
            except VideoError as error:
                channel.send({"error": str(error), "status": error.status})
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or wants no more


class _SignOfLife:
    """Called for all that is done and not sent, tells the parent now and then."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._last = time.monotonic()

    def __call__(self) -> None:
        if (now := time.monotonic()) - self._last >= _ALIVE_SECONDS:
            self._channel.send({"alive": True})
            self._last = now


def _die_with_parent() -> None:
    """Ask the kernel to end this process with its parent: a decoder that hangs sees no closed channel."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _send_frames(channel: Channel, video: OpenVideo, wanted: list[int], alive: Callable[[], None]) -> None:
    for number, frame in video.frames(wanted, alive):
        height, width, _ = frame.shape
        channel.send({"frame": number, "height": height, "width": width}, frame)
    channel.send({"end": True})


def _facts(video: OpenVideo, alive: Callable[[], None]) -> Message:
    digest = hashlib.sha256()
    with video.path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            alive()
    facts = video.facts
    return {
        "num_frames": facts.num_frames,
        "fps": facts.fps,
        "width": facts.width,
        "height": facts.height,
        "header_frames": video.header_frames,
        "is_short": video.is_short,
        "decoder": video.decoder,
        "sha256": digest.hexdigest(),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
