"""Speed, memory and size tables of this machine: ``make bench``. Markdown on stdout."""

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from extract.execution import keep_float32
from scripts.bench.crowds import bench_persons
from scripts.bench.epam_step import bench_epam_step
from scripts.bench.freed_memory import bench_freed_memory
from scripts.bench.heatmaps import bench_heatmaps
from scripts.bench.hpnet_step import bench_hpnet_step
from scripts.bench.loading import bench_loading
from scripts.bench.memory import bench_memory
from scripts.bench.networks import bench_pipeline, bench_release
from scripts.bench.reading import bench_reading, bench_size
from scripts.bench.training_step import bench_training_step
from scripts.bench.xshift_layout import bench_xshift_layout
from scripts.logs import log_to_stderr

PARTS = (
    "size",
    "reading",
    "loading",
    "persons",
    "pipeline",
    "release",
    "memory",
    "freed",
    "training",
    "heatmaps",
    "hpnet",
    "epam",
    "xshift",
)
GOLDEN = Path("../shared/golden/hpnet/pooled")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks asked for; return 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.run_bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run (default: all)")
    parser.add_argument("--threads", type=int, help="CPU threads of the networks (default: all cores)")
    parser.add_argument(
        "--repeats", type=int, default=3, help="each side so often; medians count (default: 3)"
    )
    parser.add_argument(
        "--pose", default="HRNet-W48", choices=("HRNet-W48", "HRNet-W18"), help="default: %(default)s"
    )
    parser.add_argument(
        "--detector", default="yolov8n", help="architecture of ultralytics (default: %(default)s)"
    )
    parser.add_argument(
        # the shortest is one that decord reads (extract/video.py)
        "--minutes",
        type=float,
        nargs="+",
        default=[0.09, 1, 10],
        help="clip lengths for memory (default: 0.09 1 10)",
    )
    parser.add_argument(
        "--clips", type=int, default=16, help="clips of a training step, of heatmaps (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    log_to_stderr()
    keep_float32()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(
        f"{device}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )
    if "size" in options.only:
        bench_size(GOLDEN if GOLDEN.is_dir() else None)
    if "reading" in options.only:
        bench_reading(repeats=options.repeats)
    if "loading" in options.only:
        bench_loading(repeats=options.repeats)
    if "persons" in options.only:
        bench_persons(repeats=options.repeats)
    if "pipeline" in options.only:
        bench_pipeline(
            pose=options.pose, detector=options.detector, num_clips=2, num_frames=100, repeats=options.repeats
        )
    if "release" in options.only:
        bench_release(pose=options.pose, detector=options.detector, repeats=options.repeats)
    if "memory" in options.only:
        bench_memory(minutes=options.minutes)
    if "freed" in options.only:
        bench_freed_memory(repeats=options.repeats)
    if "training" in options.only:
        bench_training_step(batch_size=options.clips, repeats=options.repeats)
    if "heatmaps" in options.only:
        bench_heatmaps(num_clips=options.clips, repeats=options.repeats)
    if "hpnet" in options.only:
        bench_hpnet_step(repeats=options.repeats)
    if "epam" in options.only:
        bench_epam_step(batch_size=options.clips, repeats=options.repeats)
    if "xshift" in options.only:
        bench_xshift_layout(batch_size=options.clips, repeats=options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
