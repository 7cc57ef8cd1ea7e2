"""Videos to a store: ``make extract``. Resumes; a finished clip is never done twice."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from extract.build import build_extractor, store_facts
from extract.clips import load_clips
from extract.config import BoxEdges, DetectorConfig, ExtractConfig, Pooling, PoseAspect
from extract.errors import WorkersError
from extract.networks import find_detector, find_pose, record_loaded
from extract.persons import MAX_PERSONS
from extract.profiles import PROFILES
from extract.run import run_extraction
from extract.selection import select_clips
from extract.worker import Job, load
from extract.workers import Workers, check_scheduler
from scripts.logs import log_to_file, log_to_stderr
from store.clock import Absence
from store.errors import StoreError
from store.facts import StoreFacts
from store.schema import CROPS
from store.writer import StoreWriter

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Extract features; return 0 done, 1 error, 3 some clips failed or short, 130 stopped and resumable."""
    options = _parse(argv)
    log_to_stderr()
    try:
        return _extract(options)
    except (StoreError, WorkersError, ValueError, OSError) as error:
        logger.info("what led to it", exc_info=True)
        logger.error("%s", error)
        return 1
    except torch.OutOfMemoryError as error:
        logger.error("%s. Try a smaller --pose-batch or --detect-batch; finished clips are kept", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped at once; the same command goes on from the last finished clip")
        return 130


def _extract(options: argparse.Namespace) -> int:
    clips = load_clips(options.dataset, options.videos)
    store = options.store or Path("data/stores") / clips.facts.name
    for note in clips.notes:
        logger.info("%s", note)
    wanted = select_clips(clips.entries, ids=options.ids, limit=options.limit)
    if options.detector is None or options.pose is None:
        raise ValueError("DETECTOR and POSE are needed to extract; `make presets` lists those known by name")
    pose = find_pose(
        options.pose, checkpoint=options.pose_checkpoint, taps=options.taps, folder=options.weights_folder
    )
    build = partial(
        build_extractor,
        detector=find_detector(options.detector, folder=options.weights_folder),
        detector_config=DetectorConfig(
            options.detector_size, options.detector_confidence, options.detector_iou
        ),
        pose=pose.config,
        pose_checkpoint=pose.checkpoint,
        taps=pose.taps,
        config=ExtractConfig(
            options.clock,
            options.persons,
            options.crops,
            options.jpeg_quality,
            pose_aspect=options.pose_aspect,
            box_edges=options.box_edges,
            absence=options.absence,
            pooling=options.pooling,
        ),
        detect_batch=options.detect_batch,
        pose_batch=options.pose_batch,
        batch_norm=options.batch_norm,
        precision=options.precision,
        two_person_classes=clips.facts.two_person_classes or (),
    )
    if options.persons == "by_label" and not clips.facts.two_person_classes:
        logger.info("%s names no two-person classes, so --persons by_label is top1", clips.facts.name)
    job = Job(
        build=build,
        describe=partial(store_facts, clips.facts),
        videos=clips.root.resolve(),
        device=options.device,
        threads=options.threads,
        detect_batch=options.detect_batch,
        pose_batch=options.pose_batch,
        num_decoders=options.decoders,
        decode_limit_seconds=options.decode_limit,
    )
    with (
        _workers(options.scheduler, job) as (workers, facts),
        StoreWriter(store, facts, clips.entries, workers.execution) as writer,
    ):
        record_loaded(
            options.detector,
            options.pose,
            checkpoint=options.pose_checkpoint,
            folder=options.weights_folder,
            meaning=facts.meaning,
        )
        log_to_file(writer.work / "run.log")
        summary = run_extraction(wanted, workers=workers, writer=writer, retry_failed=options.retry_failed)
    print(f"{store}: {summary.line()}")
    if summary.was_stopped:
        logger.warning("stopped; the same command goes on")
        return 130
    if summary.num_bad:
        logger.warning(
            "%d clips failed or are short: `make info` lists them, --retry-failed tries them again",
            summary.num_bad,
        )
        return 3
    return 0


@contextmanager
def _workers(scheduler: str, job: Job) -> Iterator[tuple[Workers, StoreFacts]]:
    """Begin who extracts, networks loaded; yield them and what the store will say of them."""
    if scheduler == "here":
        if job.threads:
            torch.set_num_threads(job.threads)
        in_process, facts = load(job, job.device)
        with in_process:
            yield in_process, facts
        return
    from extract.cluster import Cluster  # takes a second, and most runs do without

    with Cluster(scheduler, job) as cluster:
        yield cluster, cluster.describe()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    profiles = argparse.ArgumentParser(add_help=False)
    profiles.add_argument(
        "--profile",
        choices=PROFILES,
        default="default",
        help="defaults of the options below (default: default)",
    )
    profile = PROFILES[profiles.parse_known_args(argv)[0].profile]
    defaults = profile.extract
    parser = argparse.ArgumentParser(
        prog="python -m scripts.extract_features", description=__doc__, parents=[profiles]
    )
    what = parser.add_argument_group("what")
    what.add_argument(
        "--dataset", required=True, help="a known dataset, a folder of class folders, or a CSV/JSONL table"
    )
    what.add_argument("--videos", type=Path, help="where the videos are (known datasets: data/raw/DATASET)")
    what.add_argument("--store", type=Path, help="folder; one that exists is continued (data/stores/NAME)")
    what.add_argument(
        "--ids", help="only these clips: ids with commas between, or @file with one id per line"
    )
    what.add_argument(
        "--limit", type=_positive, help="only the first so many clips of the dataset (after --ids)"
    )
    what.add_argument(
        "--retry-failed", action="store_true", help="also try clips again that failed or were short"
    )
    how = parser.add_argument_group("how (all of these are part of the store's meaning)")
    how.add_argument(
        "--detector",
        help="a preset's name, ultralytics weights, a .json file of boxes, or none",
    )
    how.add_argument(
        "--detector-size",
        type=_positive,
        default=profile.detector.image_size,
        help="longer side of the detector's input (default: half of the frame's, within 640 and 1280; "
        "reference: 640)",
    )
    asked = profile.detector
    how.add_argument(
        "--detector-confidence", type=_within(0, 1), default=asked.confidence, help="default: %(default)s"
    )
    how.add_argument("--detector-iou", type=_within(0, 1), default=asked.iou, help="default: %(default)s")
    how.add_argument("--pose", help="a preset's name, or a mmpose config file")
    how.add_argument("--pose-checkpoint", type=Path, help="its weights (a preset has its own)")
    how.add_argument(
        "--taps",
        default=",".join(profile.taps) or None,
        help="module.path or module.path[i], with commas between; simcc; of a preset H1, H2, H3 too "
        "(default: all levels of the preset)",
    )
    how.add_argument(
        "--clock", type=_clock, default=defaults.clock, help="sample times, or native (default: 64)"
    )
    how.add_argument(
        "--persons",
        choices=MAX_PERSONS,
        default=defaults.persons,
        help="who is in a clip; by_label looks at its class, as published on NTU (default: %(default)s)",
    )
    how.add_argument(
        "--crops", type=_crops, default=defaults.crops, help="person, clip, person,clip (default) or none"
    )
    how.add_argument(
        "--jpeg-quality", type=_within(1, 100), default=defaults.jpeg_quality, help="default: %(default)s"
    )
    how.add_argument(
        "--batch-norm",
        choices=("eval", "per_image"),
        default=profile.batch_norm,
        help="statistics of the training, or of each single crop (default: %(default)s)",
    )
    how.add_argument(
        "--pose-aspect",
        choices=get_args(PoseAspect),
        default=defaults.pose_aspect,
        help="a box is widened to the network's input, or to the frame's height/width (default: %(default)s)",
    )
    how.add_argument(
        "--box-edges",
        choices=get_args(BoxEdges),
        default=defaults.box_edges,
        help="boxes as detected, or in whole pixels (default: %(default)s)",
    )
    how.add_argument(
        "--absence",
        choices=get_args(Absence),
        default=defaults.absence,
        help="an absent person is marked, or zeros that are interpolated (default: %(default)s)",
    )
    how.add_argument(
        "--pooling",
        choices=get_args(Pooling),
        default=defaults.pooling,
        help="at each joint, or in a region of 3x3 or 5x5 cells around it (default: %(default)s)",
    )
    how.add_argument(
        "--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="default: %(default)s"
    )
    run = parser.add_argument_group("on what (recorded, may change the last bits)")
    run.add_argument(
        "--weights-folder",
        type=Path,
        default=Path("data/weights"),
        help="where presets' weights are, or are downloaded to (default: %(default)s)",
    )
    run.add_argument("--device", default="auto", help="cpu, cuda:0, … (default: the first GPU, else the CPU)")
    run.add_argument(
        "--scheduler",
        type=_scheduler,
        default="here",
        help="who extracts: here (this process, the default), local:N (N processes of this machine), or the "
        "address of a dask scheduler, such as tcp://10.0.0.5:8786, whose workers see the same paths",
    )
    run.add_argument(
        "--threads", type=_positive, help="CPU threads of a worker's networks (default: all it has)"
    )
    run.add_argument(
        "--detect-batch", type=_positive, default=8, help="frames per detector call (default: %(default)s)"
    )
    run.add_argument(
        "--pose-batch", type=_positive, default=16, help="crops per pose call (default: %(default)s)"
    )
    run.add_argument(
        "--decoders",
        type=_positive,
        default=2,
        help="clips decoded at once per worker, each up to 128 frames in memory (default: %(default)s)",
    )
    run.add_argument(
        "--decode-limit",
        type=_within(0.1, 86400),
        default=60.0,
        help="seconds without a frame (default: %(default)s)",
    )
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a number from 1 on")
    return value


def _within(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}: expected a number from {low:g} to {high:g}")
        return int(value) if value == int(value) and "." not in text else value

    return number


def _scheduler(text: str) -> str:
    try:
        return check_scheduler(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _clock(text: str) -> int | str:
    return text if text == "native" else _positive(text)


def _crops(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(text.split(","))
    if not set(names) <= set(CROPS):
        raise argparse.ArgumentTypeError(f"{text}: expected {', '.join(CROPS)}, both, or none")
    return tuple(name for name in CROPS if name in names)


if __name__ == "__main__":
    sys.exit(main())
