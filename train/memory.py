"""Where the rows of a store are kept while a model trains: on the device, in RAM, or in the store's files."""

from pathlib import Path
from typing import Literal

import psutil
import torch

Place = Literal["device", "ram", "store"]

# Half of what is free is left: to the model and its activations, and to the page cache and other programs.
SHARE = 0.5


def choose_place(num_bytes: int, *, device: torch.device | None, num_processes: int = 1) -> tuple[Place, str]:
    """Choose the fastest place that has room.

    RAM needs none for what is kept on the device: rows come there a few clips at a time.

    Args:
        num_bytes: of all rows.
        device: what the model trains on; None if nobody knows yet.
        num_processes: processes on this machine that keep their own rows.

    Returns:
        The place, and why, in words.
    """
    if device is not None and device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if num_bytes <= SHARE * free:
            return "device", f"{_in_words(free)} are free on {device}"
    free = free_ram()
    if num_bytes * num_processes <= SHARE * free:
        return "ram", f"{_in_words(free)} of RAM are free"
    return "store", f"{num_processes} x {_in_words(num_bytes)} are too much for {_in_words(free)} of free RAM"


def free_ram(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that may still be taken, also inside a container or a job with a limit of its own."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no such limit, or the word "max"
        return free
    return min(free, max(limit - used, 0))


def _in_words(num_bytes: float) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
