"""Extraction against the bare networks, and against the release's way of driving them (design, section 7)."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from extract.config import DetectorConfig, ExtractConfig, Precision
from extract.decode import DecodedVideo, DecodePool
from extract.interfaces import VideoFacts
from extract.pipeline import Extractor
from extract.schedule import Scheduler
from scripts.bench.made import FPS, TimedDetector, make_pose_network, make_video
from scripts.bench.table import alternate, print_table
from store.table import ClipEntry

DETECT_BATCH, POSE_BATCH = 8, 16
_RELEASE_FRAMES = 300
_RELEASE_SIZE = 640  # longer side of the detector's input, on both sides; 384 is the shorter one of 16:9
_SAMPLE = 4  # batches that are timed; every batch costs the same


def bench_pipeline(*, pose: str, detector: str, num_clips: int, num_frames: int, repeats: int) -> None:
    """Time whole extractions of 1080p clips against the bare forward passes on the same frames and crops."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "clip.avi"
        make_video(video, num_frames=num_frames, width=1920, height=1080)
        estimator = make_pose_network(folder, pose, batch_size=POSE_BATCH)
        finder = TimedDetector(folder, detector, batch_size=DETECT_BATCH)
        extractor = Extractor(detector=finder, boxes=None, pose=estimator, config=ExtractConfig())
        wanted = extractor.frames_wanted(VideoFacts(num_frames, FPS, 1920, 1080))
        num_batches = {
            "detect": -(-len(wanted) * num_clips // DETECT_BATCH),
            "pose": -(-min(len(wanted), 128) * num_clips // POSE_BATCH),
        }

        def extract() -> None:
            with DecodePool(num_workers=2, limit_seconds=60, plan=extractor.frames_wanted) as pool:
                clips = (
                    (clip_id, partial(extractor.stages, ClipEntry(clip_id, ""), _already(pool.submit(video))))
                    for clip_id in map(str, range(num_clips))
                )
                for _ in Scheduler(extractor.networks(), max_active=2, news=pool.news).run(clips):
                    pass

        size = DetectorConfig().image_size_for(1920, 1080)
        bare = _bare_passes(estimator.network, finder.network.network, num_batches, image_size=size)
        bare()
        extractor.stopwatch.seconds.clear()
        extraction, forward = alternate(repeats, extract, bare)
        stages = {name: seconds / repeats for name, seconds in extractor.stopwatch.seconds.items()}
    print_table(
        f"Pipeline: {num_clips} clips of {num_frames} frames, 1920x1080, one person, {detector} + {pose}, "
        f"fp32, {torch.get_num_threads()} threads",
        ("", "seconds", "ratio"),
        [
            ("bare detector + pose forward passes", f"{forward:.1f}", "1"),
            (
                "extraction: decode to arrays",
                f"{extraction:.1f}",
                f"**{extraction / forward:.2f}** (target 1.15)",
            ),
            *(
                (f"of it: {name}", f"{seconds:.1f}", f"{seconds / forward:.2f}")
                for name, seconds in stages.items()
            ),
        ],
        f"Batches on both sides: {num_batches['detect']} of {DETECT_BATCH} frames, {num_batches['pose']} of "
        f"{POSE_BATCH} crops. Decoding runs in its own processes; only waiting for it is counted above.",
    )


def bench_release(*, pose: str, detector: str, repeats: int) -> None:
    """Time the networks as the release drives them and as we do, on one 300-frame clip."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extractor = Extractor(
            detector=None,
            boxes=None,
            pose=make_pose_network(folder, pose, batch_size=POSE_BATCH),
            config=ExtractConfig(),
        )
        facts = VideoFacts(_RELEASE_FRAMES, FPS, 1920, 1080)
        num_looks, num_poses = len(extractor.frames_wanted(facts)), 128
        rows: list[Sequence[object]] = []
        finder = TimedDetector(folder, detector, batch_size=DETECT_BATCH, image_size=_RELEASE_SIZE)
        precisions: list[Precision] = ["fp32", "bf16"] if _has_bf16() else ["fp32"]
        for precision in precisions:
            model = make_pose_network(folder, pose, batch_size=POSE_BATCH).network
            ones = _bare_passes(
                model, finder.network.network, {"detect": 2 * _SAMPLE, "pose": _SAMPLE}, sizes=(1, 1)
            )
            batches = _bare_passes(
                model,
                finder.network.network,
                {
                    "detect": -(-num_looks * _SAMPLE // num_poses * POSE_BATCH // DETECT_BATCH),
                    "pose": _SAMPLE,
                },
                precision=precision,
            )
            ones()
            batches()
            release, ours = alternate(repeats, ones, batches)
            release *= _RELEASE_FRAMES / _SAMPLE
            ours *= num_poses / (_SAMPLE * POSE_BATCH)
            rows.append(
                (f"ours in {precision}", f"{release:.0f}", f"{ours:.0f}", f"**{release / ours:.1f}**")
            )
    print_table(
        f"The release's way: one person in {_RELEASE_FRAMES} frames of 1920x1080, {detector} + {pose}, "
        f"networks only, detector input {_RELEASE_SIZE}x384, {torch.get_num_threads()} threads",
        ("", "release, s", "ours, s", "times faster (targets: fp32 3, bf16 5)"),
        rows,
        f"Release: {_RELEASE_FRAMES} frames, batch 1, fp32, two detector and one pose pass each. "
        f"Ours: {num_looks} frames looked at in batches of {DETECT_BATCH}, {num_poses} crops in batches of "
        f"{POSE_BATCH}. bf16 is measured where the processor computes in it. "
        f"Seconds are those of {_SAMPLE} passes a side, in turn, times their number.",
    )


def _has_bf16() -> bool:
    """Whether bf16 is computed and not emulated, which takes many times as long as fp32."""
    if torch.cuda.is_available():
        return True
    flags = Path("/proc/cpuinfo").read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _already(video: DecodedVideo) -> Callable[[bool], DecodedVideo]:
    return lambda _: video


def _bare_passes(
    pose: nn.Module,
    detector: nn.Module,
    num_batches: Mapping[str, int],
    *,
    sizes: tuple[int, int] = (DETECT_BATCH, POSE_BATCH),
    image_size: int = _RELEASE_SIZE,
    precision: Precision = "fp32",
) -> Callable[[], None]:
    """Return a function that runs so many forward passes on tensors that are ready."""
    device = next(pose.parameters()).device
    detector = detector.float().eval().to(device)
    height = -(-image_size * 9 // 16 // 32) * 32  # 1920x1080 as the detector sees it
    frames = torch.zeros(sizes[0], 3, height, image_size, device=device)
    crops = torch.zeros(sizes[1], 3, 256, 192, device=device)

    @torch.inference_mode()
    def run() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            for _ in range(num_batches["detect"]):
                detector(frames)
            for _ in range(num_batches["pose"]):
                pose(crops, None, mode="tensor")
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run
