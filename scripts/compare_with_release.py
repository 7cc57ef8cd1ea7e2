"""Which way the authors' release extracted its features: clips in eight ways against its golden .npy files.

The ways are {BatchNorm per crop, eval} x {crop aspect of the frame, of the network's input} x {tap before
stage 4's first fusion, output of stage 4}; each is an option of ``scripts.extract_features``, and the rest is
as its profile ``reference`` has it. Boxes come from a file, so that no detector can be the difference.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from extract.boxes_file import BoxesFile
from extract.clips import VIDEO_SUFFIXES
from extract.config import BatchNorm
from extract.errors import VideoError
from extract.execution import choose_device, keep_float32
from extract.networks import find_pose
from extract.pose_mmpose import MmposeEstimator
from scripts.bench.table import print_table
from scripts.logs import log_to_stderr
from scripts.release.agreement import Agreement, measure_agreement
from scripts.release.ways import TAPS, WAYS, KeptVideo, Way, extract_ways

logger = logging.getLogger(__name__)

# Another device or decoder and joints that flip by half a pixel stay below this share of the golden norm; the
# wrong answer to one question does not.
AGREES_BELOW = 0.1

Features = npt.NDArray[np.float32]
Compared = Mapping[Way, tuple[Features, Features]]  # found, golden


def main(argv: Sequence[str] | None = None) -> int:
    """Print the agreement of every way and name the nearest; return 0, or 1 if nothing could be compared."""
    options = _parse(argv)
    log_to_stderr()
    try:
        clips = dict(_compare(options))
    except (OSError, ValueError) as error:
        logger.error("%s", error)
        return 1
    if not clips:
        logger.error("nothing to compare: no file of %s has a video and boxes", options.golden)
        return 1
    for clip_id, compared in clips.items():
        _print(clip_id, {way: measure_agreement(*pair) for way, pair in compared.items()})
    overall = {way: _overall([compared[way] for compared in clips.values()]) for way in WAYS}
    if len(clips) > 1:
        _print(f"All {len(clips)} clips", overall)
    print(f"\n{_verdict(overall)}")
    return 0


def _compare(options: argparse.Namespace) -> Iterator[tuple[str, Compared]]:
    """Yield every clip that can be compared; say of the others why not."""
    boxes = BoxesFile(options.boxes)
    device = choose_device(options.device)
    keep_float32()
    network = find_pose(
        options.pose,
        checkpoint=options.pose_checkpoint,
        taps=",".join(TAPS),
        folder=options.pose_checkpoint.parent,  # not looked into: a checkpoint is given
    )
    estimators = [
        (
            batch_norm,
            MmposeEstimator(
                network.config,
                network.checkpoint,
                taps=network.taps,
                device=device,
                batch_size=options.pose_batch,
                batch_norm=batch_norm,
            ),
        )
        for batch_norm in get_args(BatchNorm)
    ]
    pose = estimators[0][1]
    paths = sorted(options.golden.glob("*.npy"))
    if not paths:
        raise FileNotFoundError(f"{options.golden}: no .npy file; expected the release's pooled features")
    for path in paths:
        try:
            golden = _read_golden(path, num_joints=len(pose.skeleton.joint_names), num_channels=pose.taps)
            num_persons = 1 if (golden[:, 0] == golden[:, 1]).all() else 2
            video = KeptVideo(_find_video(options.videos, path.stem), clock=len(golden))
            size = (video.facts.width, video.facts.height)
            most = max(len(boxes.boxes(path.stem, number, size)) for number, _ in video.frames())
            if most < num_persons:
                raise VideoError(f"has {num_persons} golden persons and {most} box per frame", "error")
            found = extract_ways(
                path.stem,
                video,
                boxes=boxes,
                estimators=estimators,
                clock=len(golden),
                num_persons=num_persons,
            )
        except (VideoError, OSError, ValueError) as error:
            logger.warning("%s is left out: %s", path.stem, error)
            continue
        # the release's copy of a lone person is no second comparison
        yield path.stem, {way: (f[:, :num_persons], golden[:, :num_persons]) for way, f in found.items()}


def _read_golden(path: Path, *, num_joints: int, num_channels: Mapping[str, int]) -> Features:
    try:
        golden: Features = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; expected an array of the release's pooled features") from error
    expected = [(2, num_joints, channels) for channels in num_channels.values()]
    if golden.ndim != 4 or any(golden.shape[1:] != shape for shape in expected):
        raise ValueError(
            f"{path}: an array of shape {golden.shape}; the taps of this pose network give "
            f"{' and '.join(f'(T, 2, {v}, {c})' for _, v, c in dict.fromkeys(expected))}. "
            "Give the config and checkpoint that the release used: HRNet-W48 with SimCC head"
        )
    return golden


def _find_video(folder: Path, clip_id: str) -> Path:
    for path in sorted(folder.glob(f"{clip_id}*")):
        if path.suffix.lower() in VIDEO_SUFFIXES and path.stem.removesuffix("_rgb") == clip_id:
            return path
    raise FileNotFoundError(f"{folder} has no video {clip_id}_rgb.avi")


def _overall(pairs: Sequence[tuple[Features, Features]]) -> Agreement:
    found, golden = (
        np.concatenate([pair[side].reshape(-1, pair[side].shape[-1]) for pair in pairs]) for side in (0, 1)
    )
    return measure_agreement(found, golden)


def _by_distance(agreements: Mapping[Way, Agreement]) -> list[Way]:
    return sorted(agreements, key=lambda way: agreements[way].relative_l2)


def _print(title: str, agreements: Mapping[Way, Agreement]) -> None:
    print_table(
        title,
        ("--batch-norm", "--pose-aspect", "--taps", "cosine", "relative L2", "max abs"),
        [
            (
                way.batch_norm,
                way.pose_aspect,
                way.tap,
                f"{found.cosine:.6f}",
                f"{found.relative_l2:.6f}",
                f"{found.max_abs:.4f}",
            )
            for way in _by_distance(agreements)
            for found in [agreements[way]]
        ],
    )


def _verdict(agreements: Mapping[Way, Agreement]) -> str:
    first, second, *_ = _by_distance(agreements)
    near, far = agreements[first].relative_l2, agreements[second].relative_l2
    times = f"{far / near:.1f} times as far" if near else "the nearest is equal"
    text = f"Nearest: {first}; relative L2 {near:.6f}. Second: {second}; {far:.6f}, {times}."
    if near >= AGREES_BELOW:
        text += (
            f" None agrees (below {AGREES_BELOW}): look at the checkpoint, the boxes and the videos before "
            "the nearest one is believed."
        )
    return text


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.compare_with_release", description=__doc__)
    parser.add_argument("--golden", type=Path, required=True, help="folder of the release's .npy files")
    parser.add_argument("--videos", type=Path, required=True, help="folder of the clips' videos")
    parser.add_argument("--boxes", type=Path, required=True, help=".json file of boxes, as DETECTOR takes it")
    parser.add_argument(
        "--pose",
        default="hrnet_w48_simcc",
        help="preset, or mmpose config of HRNet with SimCC head (default: %(default)s)",
    )
    parser.add_argument(
        "--pose-checkpoint", type=Path, required=True, help="its weights; the authors' file is imported"
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda:0, … (default: the first GPU, else the CPU)"
    )
    parser.add_argument(
        "--pose-batch", type=int, default=16, help="crops per pose call (default: %(default)s)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
