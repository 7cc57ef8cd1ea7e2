"""Train the demo's networks on drawn people: detector, pose network, and its twin with a heatmap head."""

import argparse
import io
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from extract.presets import DETECTORS, POSES
from scripts.demo_weights.detector import train_detector
from scripts.demo_weights.pictures import draw_pictures, picture_files, read_persons
from scripts.demo_weights.pose import train_pose
from scripts.logs import log_to_stderr
from scripts.processes import start_beside
from store.durable import make_folder, write_file

NETWORKS = ("detector", "simcc", "heatmap")
POSE_PRESETS = {"simcc": "demo", "heatmap": "demo_heatmap"}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw what is missing, train what is asked for, write the weights.

    Returns:
        0 done, 1 error, 130 stopped and resumable.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.train_demo_weights", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=NETWORKS, help="default: all three")
    parser.add_argument(
        "--minutes", type=float, default=75.0,
        help="of the detector's training (default: 75; a GPU needs a tenth)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, nargs=2, default=[9000, 2000], metavar=tuple(POSE_PRESETS),
        help="of the pose networks' training (default: 9000 2000)",
    )  # fmt: skip
    parser.add_argument("--clips", type=int, default=2000, help="to draw and learn from (default: 2000)")
    parser.add_argument(
        "--work", type=Path, default=Path("data/demo_weights"), help="pictures and states (%(default)s)"
    )
    parser.add_argument("--out", type=Path, help="folder of the weights (extract/demo_weights)")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    parser.add_argument(
        "--threads", type=int, default=2, help="of the processor; with two or more the detector is trained "
        "beside the others, each with half of them (default: 2)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    options = parser.parse_args(argv)
    log_to_stderr()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        draw_pictures(options.work, num_clips=options.clips, processes=options.threads)
        return _train_all(options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130


def _train_all(options: argparse.Namespace) -> int:
    poses = [network for network in options.only if network != "detector"]
    if "detector" not in options.only or not poses or options.threads < 2:
        return _train(options.only, options, options.threads)
    # two of one thread get further than one of two
    beside = start_beside(_exit_with, ["detector"], options, options.threads // 2)
    try:
        status = _train(poses, options, options.threads - options.threads // 2)
        beside.join()
    finally:
        beside.terminate()
    return status or int(beside.exitcode != 0)


def _exit_with(networks: Sequence[str], options: argparse.Namespace, threads: int) -> None:
    log_to_stderr()
    sys.exit(_train(networks, options, threads))


def _train(networks: Sequence[str], options: argparse.Namespace, threads: int) -> int:
    torch.set_num_threads(threads)
    try:
        for network in networks:
            _train_one(network, options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _train_one(network: str, options: argparse.Namespace) -> None:
    common = {"device": options.device, "seed": options.seed}
    if network == "detector":
        pictures = picture_files(options.work, num_clips=options.clips)
        content = train_detector(pictures, work=options.work / "detector", minutes=options.minutes, **common)
        _write(DETECTORS["demo"].weights.shipped, options.out, content)
        return
    preset = POSES[POSE_PRESETS[network]]
    assert not isinstance(preset.config, str)
    persons = read_persons(options.work, num_clips=options.clips)
    state = train_pose(
        network,
        preset.config,
        persons,
        checkpoint=options.work / f"{network}.pt",
        steps=options.steps[[*POSE_PRESETS].index(network)],
        start=_simcc_weights(options) if network == "heatmap" else None,
        **common,
    )
    _write(preset.weights.shipped, options.out, {"state_dict": state})


def _simcc_weights(options: argparse.Namespace) -> Mapping[str, Tensor]:
    """Return what the twin starts from."""
    path = options.work / "simcc.pt"
    if not path.is_file():
        raise ValueError(f"{path}: not there, and the twin starts from it; train simcc first")
    weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["averaged"]
    return weights


def _write(shipped: Path | None, out: Path | None, content: dict[str, object]) -> None:
    assert shipped is not None
    state = content["state_dict"]
    assert isinstance(state, dict)
    buffer = io.BytesIO()
    torch.save({**content, "state_dict": {name: _small(values) for name, values in state.items()}}, buffer)
    path = out / shipped.name if out else shipped
    make_folder(path.parent.absolute())
    write_file(path, buffer.getbuffer())
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def _small(values: Tensor) -> Tensor:
    """Store kernels in half precision; statistics, whose range is wide, as they are."""
    values = values.detach().cpu()
    return values.half() if values.ndim > 1 else values.clone()


if __name__ == "__main__":
    sys.exit(main())
