"""Videos to a store: ``make extract``. Resumes; a finished clip is never done twice."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from extract.build import build_extractor, store_facts
from extract.clips import load_clips
from extract.config import DetectorConfig, ExtractConfig
from extract.execution import choose_device, describe_execution, keep_float32
from extract.networks import find_detector, find_pose
from extract.persons import MAX_PERSONS
from extract.run import run_extraction
from extract.selection import select_clips
from scripts.logs import log_to_file, log_to_stderr
from store.errors import StoreError
from store.schema import CROPS
from store.writer import StoreWriter

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Extract features; return 0 done, 1 error, 3 some clips failed or short, 130 stopped and resumable."""
    options = _parse(argv)
    log_to_stderr()
    try:
        return _extract(options)
    except (StoreError, ValueError, OSError) as error:
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
    device = choose_device(options.device)
    keep_float32()
    if options.threads:
        torch.set_num_threads(options.threads)
    pose = find_pose(
        options.pose, checkpoint=options.pose_checkpoint, taps=options.taps, folder=options.weights_folder
    )
    extractor = build_extractor(
        detector=find_detector(options.detector, folder=options.weights_folder),
        detector_config=DetectorConfig(
            options.detector_size, options.detector_confidence, options.detector_iou
        ),
        pose=pose.config,
        pose_checkpoint=pose.checkpoint,
        taps=pose.taps,
        config=ExtractConfig(options.clock, options.persons, options.crops, options.jpeg_quality),
        device=device,
        detect_batch=options.detect_batch,
        pose_batch=options.pose_batch,
        batch_norm=options.batch_norm,
        precision=options.precision,
        pose_importer=pose.importer,
    )
    execution = describe_execution(
        device=device, detect_batch=options.detect_batch, pose_batch=options.pose_batch
    )
    with StoreWriter(store, store_facts(clips.facts, extractor), clips.entries, execution) as writer:
        log_to_file(writer.work / "run.log")
        summary = run_extraction(
            wanted,
            videos=clips.root,
            extractor=extractor,
            writer=writer,
            num_decoders=options.decoders,
            decode_limit_seconds=options.decode_limit,
            retry_failed=options.retry_failed,
        )
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


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    defaults = ExtractConfig()
    parser = argparse.ArgumentParser(prog="python -m scripts.extract_features", description=__doc__)
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
        required=True,
        help="a preset's name, ultralytics weights, a .json file of boxes, or none",
    )
    how.add_argument(
        "--detector-size",
        type=_positive,
        help="longer side of the detector's input (default: half of the frame's, within 640 and 1280)",
    )
    asked = DetectorConfig()
    how.add_argument(
        "--detector-confidence", type=_within(0, 1), default=asked.confidence, help="default: %(default)s"
    )
    how.add_argument("--detector-iou", type=_within(0, 1), default=asked.iou, help="default: %(default)s")
    how.add_argument("--pose", required=True, help="a preset's name, or a mmpose config file")
    how.add_argument("--pose-checkpoint", type=Path, help="its weights (a preset has its own)")
    how.add_argument(
        "--taps",
        help="module.path or module.path[i], with commas between; simcc; of a preset H1, H2, H3 too "
        "(default: all levels of the preset)",
    )
    how.add_argument(
        "--clock", type=_clock, default=defaults.clock, help="sample times, or native (default: 64)"
    )
    how.add_argument("--persons", choices=MAX_PERSONS, default=defaults.persons, help="default: %(default)s")
    how.add_argument(
        "--crops", type=_crops, default=defaults.crops, help="person, clip, person,clip (default) or none"
    )
    how.add_argument(
        "--jpeg-quality", type=_within(1, 100), default=defaults.jpeg_quality, help="default: %(default)s"
    )
    how.add_argument(
        "--batch-norm", choices=("eval", "per_image"), default="eval", help="default: %(default)s"
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
    run.add_argument("--threads", type=_positive, help="CPU threads of the networks (default: all cores)")
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
        help="clips decoded at once, each up to 128 frames in memory (default: %(default)s)",
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


def _clock(text: str) -> int | str:
    return text if text == "native" else _positive(text)


def _crops(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(text.split(","))
    if not set(names) <= set(CROPS):
        raise argparse.ArgumentTypeError(f"{text}: expected {', '.join(CROPS)}, both, or none")
    return tuple(name for name in CROPS if name in names)


if __name__ == "__main__":
    sys.exit(main())
