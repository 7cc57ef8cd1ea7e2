"""What a decoding process and its parent say to each other: JSON messages and raw frames over a socket."""

import json
import socket
import struct
from typing import Any

import numpy as np

from extract.interfaces import Frame

_LENGTH = struct.Struct("<Q")
Message = dict[str, Any]


class Channel:
    """One end of a socket pair.

    Frames go as raw bytes into a buffer of their size: no pickling, no shared memory that a killed process
    leaves behind.
    """

    def __init__(self, end: socket.socket, *, limit_seconds: float | None = None) -> None:
        self._socket = end
        self.set_limit(limit_seconds)

    def set_limit(self, seconds: float | None) -> None:
        """Let a silence of so long raise ``TimeoutError``; None: wait for ever."""
        self._socket.settimeout(seconds)

    def send(self, message: Message, frame: Frame | None = None) -> None:
        """Send a message, and the frame that it announces."""
        data = json.dumps(message).encode()
        self._socket.sendall(_LENGTH.pack(len(data)) + data)
        if frame is not None:
            self._socket.sendall(np.ascontiguousarray(frame).data.cast("B"))

    def receive(self) -> Message:
        """Receive a message.

        Raises:
            EOFError: the other side is gone.
            TimeoutError: nothing came in time.
        """
        (length,) = _LENGTH.unpack(self._receive_bytes(_LENGTH.size))
        message: Message = json.loads(self._receive_bytes(length))
        return message

    def receive_frame(self, *, height: int, width: int) -> Frame:
        """Receive the frame that a message announced."""
        frame = np.empty((height, width, 3), np.uint8)
        self._fill(frame.data.cast("B"))
        return frame

    def close(self) -> None:
        """Close this end; the other one sees the end of the stream."""
        self._socket.close()

    def _receive_bytes(self, length: int) -> bytes:
        buffer = bytearray(length)
        self._fill(memoryview(buffer))
        return bytes(buffer)

    def _fill(self, rest: memoryview) -> None:
        while rest:
            count = self._socket.recv_into(rest)
            if count == 0:
                raise EOFError("the other side closed the channel")
            rest = rest[count:]
