"""X-ShiftNet on the CPU, pixel by pixel in memory, against channel by channel."""

import torch
from torch import Tensor
from torch.autograd import backward

from scripts.bench.plain_xshift import plain_xshift
from scripts.bench.table import alternate, print_table
from train.epam.xshift import XShiftNet, xshift_pose, xshift_rgb
from train.freed_memory import keep_freed_memory


def bench_xshift_layout(*, batch_size: int, repeats: int) -> None:
    """Time forward and backward at the published sizes, same weights and clips."""
    keep_freed_memory()
    torch.manual_seed(0)
    print_table(
        f"X-ShiftNet: forward and backward of {batch_size} clips, fp32, cpu, "
        f"{torch.get_num_threads()} threads",
        ("network", "channel by channel, s", "ours, pixel by pixel, s", "ratio"),
        [
            ("X-ShiftNet-Pose", *_compare(xshift_pose(), torch.rand(batch_size, 48, 17, 56, 56), repeats)),
            ("X-ShiftNet-RGB", *_compare(xshift_rgb(), torch.rand(batch_size, 16, 3, 224, 224), repeats)),
        ],
    )


def _compare(network: XShiftNet, frames: Tensor, repeats: int) -> tuple[str, str, str]:
    def plain() -> None:
        backward(plain_xshift(network, frames).square().mean())

    def ours() -> None:
        backward(network(frames).square().mean())

    plain()
    ours()
    before, after = alternate(repeats, plain, ours)
    return f"{before:.2f}", f"{after:.2f}", f"**{before / after:.2f}x**"
