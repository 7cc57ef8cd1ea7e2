"""What trained models say of videos: ``make predict``. Extracts as the models' own store was extracted.

Of one video it prints the classes that are most probable, and draws a strip of moments with boxes, skeletons
and the verdict. Of a folder, or of a table, it writes a CSV with one row per video; it resumes, and a video
that is there already is not extracted again.

Some ways to call it:
  python -m scripts.predict_videos --video wave.mp4 --checkpoint runs/demo/xsub/hpj-ctrgcn
  python -m scripts.predict_videos --video videos/ --checkpoint runs/mine/hpj-ctrgcn runs/mine/j-ctrgcn
  python -m scripts.predict_videos --video clips.csv --checkpoint runs/mine/*-ctrgcn --weights hpj=0.6 j=0.4
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from extract.clips import load_videos
from scripts.logs import log_to_stderr
from scripts.prediction.extraction import Extraction, extract_videos
from scripts.prediction.members import choose_weights, load_members
from scripts.prediction.strip import draw_verdict
from scripts.prediction.verdicts import (
    Verdict,
    count_verdicts,
    judge,
    num_failed,
    render_line,
    render_one,
    verdicts_csv,
)
from scripts.progress import counted
from store import StoreError, StoreReader, open_store
from store.durable import make_folder, write_file
from store.table import WITH_DATA
from train.checkpoint import check_fits
from train.device import find_devices
from train.ensemble import fuse
from train.evaluate import score_clips

logger = logging.getLogger(__name__)

_PREDICTIONS = Path("data/predictions")


def main(argv: Sequence[str] | None = None) -> int:
    """Predict; return 0 done, 1 error, 3 some videos failed, 130 stopped and resumable."""
    options = _parse(argv)
    log_to_stderr()
    try:
        return _predict(options)
    except (StoreError, ValueError, OSError) as error:
        logger.info("what led to it", exc_info=True)
        logger.error("%s", error)
        return 1
    except torch.OutOfMemoryError as error:
        logger.error("%s. Try a smaller --pose-batch or --detect-batch; finished videos are kept", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped at once; the same command goes on from the last finished video")
        return 130


def _predict(options: argparse.Namespace) -> int:
    members = load_members(options.checkpoint)
    weights = choose_weights(options.weights, members)
    clips, how = load_videos(options.video), _how(options)
    is_one = [entry.path for entry in clips.entries] == [options.video.name]
    out = options.out or (_PREDICTIONS if is_one else _PREDICTIONS / clips.facts.name)
    with _store_folder(options.store, None if is_one else out / "store") as store:
        if not extract_videos(clips, members, store, how):
            logger.warning("stopped; the same command goes on")
            return 130
        reader = open_store(str(store))
        rows = [reader.row(entry.id) for entry in clips.entries]
        seen = [row.entry.id for row in rows if row.outcome.status in WITH_DATA]
        device = find_devices(options.device)[0]
        parts = {
            name: score_clips(member, reader, seen, device=device, num_workers=0)
            for name, member in members.items()
        }
        verdicts = judge(rows, fuse(parts, weights), weights)
        datasets = dict.fromkeys(member.passport.dataset for member in members.values())
        asked = f"{' + '.join(members)}, trained on {', '.join(datasets)}"
        for name, member in members.items():
            for line in check_fits(member, reader, accept=how.accept):
                print(f"differs from the training of {name}: {line}")
        if is_one:
            print(f"{options.video}: {asked}\n{render_one(verdicts[0])}")
        else:
            make_folder(out.absolute())
            write_file(out / "predictions.csv", verdicts_csv(verdicts).encode())
            print("\n".join(render_line(verdict) for verdict in verdicts))
            print(f"{out / 'predictions.csv'}: {count_verdicts(verdicts)}")
        if seen and (is_one or options.pictures):
            folder = out if is_one else out / "pictures"
            _draw(reader, [verdict for verdict in verdicts if verdict.row.entry.id in seen], folder, asked)
            print(folder if len(seen) > 1 else folder / _picture(seen[0]))
    return 3 if num_failed(verdicts) else 0


def _draw(reader: StoreReader, verdicts: Sequence[Verdict], folder: Path, asked: str) -> None:
    make_folder(folder.absolute())
    for verdict in counted(verdicts, total=len(verdicts), unit="picture"):
        draw_verdict(reader, verdict, asked).savefig(folder / _picture(verdict.row.entry.id))


def _picture(clip_id: str) -> str:
    return f"{clip_id.replace('/', '__')}.png"


@contextmanager
def _store_folder(wanted: Path | None, kept: Path | None) -> Iterator[Path]:
    """Yield where the store is: as wanted, else where it is kept; without either it is gone afterwards."""
    if folder := wanted or kept:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="heatpool-predict-") as temporary:
        yield Path(temporary) / "store"


def _how(options: argparse.Namespace) -> Extraction:
    return Extraction(
        detector=options.detector,
        pose=options.pose,
        pose_checkpoint=options.pose_checkpoint,
        weights_folder=options.weights_folder,
        accept=[name for name in options.accept.split(",") if name],
        device=options.device,
        threads=options.threads,
        detect_batch=options.detect_batch,
        pose_batch=options.pose_batch,
        decode_limit_seconds=options.decode_limit,
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.predict_videos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what")
    what.add_argument(
        "--video",
        required=True,
        type=Path,
        help="a video, a folder of videos, or a CSV or JSONL file of them",
    )
    what.add_argument(
        "--checkpoint",
        required=True,
        nargs="+",
        metavar="[NAME=]PATH",
        help="a checkpoint.pt or the folder of a run; several are asked together",
    )
    what.add_argument(
        "--weights",
        nargs="+",
        default=(),
        help="of several: stream=number, stream:softmax=number, or a benchmark with published ones, such as "
        "ntu60/xsub, whose sums of logits and probabilities are told as scores (default: the mean of their "
        "probabilities)",
    )
    what.add_argument(
        "--out",
        type=Path,
        help="folder of what is written (data/predictions, of several videos a folder in it)",
    )
    what.add_argument("--pictures", action="store_true", help="also draw each video of a folder or table")
    what.add_argument(
        "--store",
        type=Path,
        help="where the features are kept (of one video: nowhere; of several: OUT/store)",
    )
    how = parser.add_argument_group("how (default: as the checkpoint's own store was made)")
    how.add_argument("--detector", help="a preset's name, ultralytics weights, or a .json file of boxes")
    how.add_argument("--pose", help="a preset's name, or a mmpose config file")
    how.add_argument("--pose-checkpoint", type=Path, help="its weights (a preset has its own)")
    how.add_argument("--accept", default="", help="settings that may differ, with commas between")
    how.add_argument(
        "--weights-folder",
        type=Path,
        default=Path("data/weights"),
        help="where presets' weights are, or are downloaded to (default: %(default)s)",
    )
    run = parser.add_argument_group("on what (may change the last bits)")
    run.add_argument("--device", default="auto", help="cpu, cuda:0 (default: the first GPU, else the CPU)")
    run.add_argument("--threads", type=int, help="CPU threads of the networks (default: all)")
    run.add_argument("--detect-batch", type=int, default=8, help="frames per call (default: %(default)s)")
    run.add_argument("--pose-batch", type=int, default=16, help="crops per call (default: %(default)s)")
    run.add_argument(
        "--decode-limit", type=float, default=60.0, help="seconds without a frame (default: %(default)s)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
