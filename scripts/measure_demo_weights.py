"""Measure the demo's networks on people and places that they have not seen. Markdown on stdout."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from extract.config import DetectorConfig
from extract.detect_yolo import YoloDetector
from extract.errors import WeightsError
from extract.networks import find_detector, find_pose
from extract.pose_mmpose import MmposeEstimator
from scripts.demo_videos.clips import CONDITIONS
from scripts.demo_weights.held_out import held_out_moments, measure
from scripts.logs import log_to_stderr

POSES = ("demo", "demo_heatmap")


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row per condition; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure_demo_weights", description=__doc__)
    parser.add_argument("--clips", type=int, default=60, help="per condition (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=2, help="of each clip (default: %(default)s)")
    parser.add_argument(
        "--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS, help="default: all"
    )
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="of the processor (default: %(default)s)")
    options = parser.parse_args(argv)
    log_to_stderr()
    torch.set_num_threads(options.threads)
    folder = Path("data/weights")  # of presets that are not in the repository, which these are
    try:
        weights = Path(find_detector("demo", folder=folder))
        detector = YoloDetector(weights, device=options.device, batch_size=8, config=DetectorConfig())
        poses = {}
        for name in POSES:
            files = find_pose(name, checkpoint=None, taps="H2", folder=folder)
            # few persons are in a frame, so crops go in small batches
            poses[name] = MmposeEstimator(
                files.config, files.checkpoint, taps=files.taps, device=options.device, batch_size=2
            )
        print("condition | frames | persons | recall | precision | " + " | ".join(
            f"PCK {name}, true boxes | found boxes" for name in POSES
        ))  # fmt: skip
        print("|".join(["---"] * (5 + 2 * len(POSES))))
        for condition in options.conditions:
            moments = [*held_out_moments(condition, num_clips=options.clips, frames_per_clip=options.frames)]
            reached = measure(moments, detector, poses)
            shares = [reached.boxes.recall, reached.boxes.precision]
            for name in POSES:
                shares += [reached.pck_true[name], reached.pck_found[name]]
            numbers = " | ".join(f"{share:.3f}" for share in shares)
            print(f"{condition} | {len(moments)} | {reached.boxes.num_true} | {numbers}", flush=True)
    except (WeightsError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
