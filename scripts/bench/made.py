"""What the benchmarks run on: videos, boxes and networks made here, so that they need nothing else."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import torch

from extract.config import DetectorConfig
from extract.detect_yolo import YOLO, YoloDetector
from extract.interfaces import Detections, Frame
from extract.pose_mmpose import MmposeEstimator

FPS = 30
_SEGMENT_FRAMES = 60
_ARRANGED = {"HRNet-W48": (48, 96, 192, 384), "HRNet-W18": (18, 36, 72, 144)}

_HRNET_SIMCC = """
def stage(block, modules, widths):
    branches = len(widths)
    blocks = (4,) * branches
    return dict(
        num_modules=modules, num_branches=branches, block=block, num_blocks=blocks, num_channels=widths
    )


codec = dict(type="SimCCLabel", input_size=(192, 256), sigma=4.0, simcc_split_ratio=2.0)
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", bgr_to_rgb=True,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
    ),
    backbone=dict(
        type="HRNet",
        in_channels=3,
        extra=dict(
            stage1=stage("BOTTLENECK", 1, (64,)),
            stage2=stage("BASIC", 1, {widths2}),
            stage3=stage("BASIC", 4, {widths3}),
            stage4=stage("BASIC", 3, {widths4}),
        ),
    ),
    head=dict(
        type="SimCCHead", in_channels={width}, out_channels=17, input_size=(192, 256),
        in_featuremap_size=(48, 64), simcc_split_ratio=2.0, deconv_out_channels=None, decoder=codec,
    ),
)
"""


def make_video(path: Path, *, num_frames: int, width: int, height: int) -> None:
    """Write an MPEG-4 AVI of moving noise; long ones repeat a two-second segment without re-encoding."""
    segment = path.with_suffix(".segment.avi")
    rng = np.random.default_rng(0)
    patch = rng.integers(0, 255, (height // 2, width // 4, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 200, width, dtype=np.uint8)[None, :, None], (height, width, 3))
    with av.open(str(segment), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 6_000_000
        for number in range(min(num_frames, _SEGMENT_FRAMES)):
            frame = ramp.copy()
            left = (width - width // 4) * number // _SEGMENT_FRAMES
            frame[height // 4 : height // 4 + height // 2, left : left + width // 4] = patch
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    _repeat(segment, path, num_frames)
    segment.unlink()


def _repeat(segment: Path, path: Path, num_frames: int) -> None:
    with av.open(str(segment)) as source, av.open(str(path), "w") as target:
        packets = [packet for packet in source.demux(source.streams.video[0]) if packet.size]
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in zip(range(num_frames), itertools.cycle(packets), strict=False):
            packet.pts = packet.dts = number
            packet.stream = stream
            target.mux(packet)


def make_pose_network(
    folder: Path, name: str, *, batch_size: int, precision: str = "fp32"
) -> MmposeEstimator:
    """Build the paper's pose network class with random weights; H2's tap (design, numerics contract 1)."""
    widths = _ARRANGED[name]
    config = folder / f"{name}.py"
    config.write_text(
        _HRNET_SIMCC.format(widths2=widths[:2], widths3=widths[:3], widths4=widths, width=widths[0])
    )
    torch.manual_seed(0)
    return MmposeEstimator(
        config,
        None,
        taps=["backbone.stage4.1[1]"],
        device="cuda:0" if torch.cuda.is_available() else "cpu",
        batch_size=batch_size,
        precision="bf16" if precision == "bf16" else "fp32",
    )


class TimedDetector:
    """A detector with random weights that does all of its work and then answers with a known box."""

    def __init__(self, folder: Path, name: str, *, batch_size: int, image_size: int | None = None) -> None:
        weights = folder / f"untrained-{name}.pt"  # under a known name ultralytics would fetch its own
        torch.manual_seed(0)
        untrained = YOLO(f"{name}.yaml")
        untrained.model.names = {number: "person" if number == 0 else str(number) for number in range(80)}
        untrained.save(str(weights))
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
        config = DetectorConfig(image_size)
        self.network = YoloDetector(weights, device=device, batch_size=batch_size, config=config)
        self.batch_size = batch_size
        self.meaning = self.network.meaning

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detect, and forget what was found."""
        self.network(frames)
        height, width, _ = frames[0].shape
        box: npt.NDArray[np.float32] = np.array(
            [[width * 0.4, height * 0.2, width * 0.6, height * 0.8]], np.float32
        )
        return [Detections(box, np.ones(1, np.float32)) for _ in frames]
