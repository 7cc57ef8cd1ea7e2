"""A plan -> an H.264 file and its truth; the only file of the demo that imports PyAV."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from scripts.demo_videos.clips import FPS, WH, ClipPlan
from scripts.demo_videos.scene import build_scene
from scripts.demo_videos.truth import ClipTruth, read_truth, write_truth
from store.durable import write_file

_CRF = (18, 29)  # x264's constant rate factor, from good to visibly compressed


def is_written(plan: ClipPlan, folder: Path) -> bool:
    """Whether a clip and its truth are in ``folder``.

    Raises:
        ValueError: another clip of that name is, or something else.
    """
    video, told = (folder / f"{plan.id}{suffix}" for suffix in (".mp4", ".json"))
    if not (video.is_file() and told.is_file()):
        return False
    truth = read_truth(told)
    if (truth.seed, truth.condition) != (plan.seed, plan.condition):
        raise ValueError(
            f"{video} was drawn with seed {truth.seed}, condition {truth.condition}; asked for seed "
            f"{plan.seed}, condition {plan.condition}. Give another folder (--out), or remove this one"
        )
    return True


def write_clip(plan: ClipPlan, folder: Path) -> None:
    """Draw a clip into ``<folder>/<id>.mp4`` and ``<id>.json``.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    scene = build_scene(plan)
    truths = []
    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp4") as file:
        stream = file.add_stream("h264", rate=FPS)
        stream.width, stream.height = WH
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FPS)
        crf = _CRF[0] + (plan.subject * 7 + plan.replication * 5 + plan.setup * 3) % (_CRF[1] - _CRF[0])
        stream.options = {
            "crf": str(crf),
            "preset": "veryfast",
            "bf": "0",
        }  # decord reads files without B-frames
        stream.codec_context.thread_count = 1  # so that the same plan gives the same file
        for index in range(scene.num_frames):
            moment = scene.render(index)
            truths.append(moment.truth)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(moment.picture, format="rgb24")))
        file.mux(stream.encode())
    write_file(folder / f"{plan.id}.mp4", encoded.getvalue())
    write_truth(
        folder / f"{plan.id}.json",
        ClipTruth(
            label=plan.action.replace("_", " "),
            seed=plan.seed,
            condition=plan.condition,
            num_actors=scene.num_actors,
            boxes_xyxy=np.stack([truth.boxes_xyxy for truth in truths]),
            keypoints_xy=np.stack([truth.keypoints_xy for truth in truths]),
            visibility=np.stack([truth.visibility for truth in truths]),
        ),
    )
