"""One real extraction in a process of its own, for ``memory.py``."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from extract.build import store_facts
from extract.clips import load_clips
from extract.config import ExtractConfig
from extract.execution import describe_execution
from extract.in_process import InProcess
from extract.interfaces import Detections, Frame
from extract.pipeline import Extractor
from extract.run import run_extraction
from scripts.bench.made import TimedDetector, make_pose_network
from store.writer import StoreWriter


class _TwoPersons(TimedDetector):
    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        self.network(frames)
        height, width, _ = frames[0].shape
        boxes = np.array([[0.2, 0.2, 0.4, 0.8], [0.6, 0.2, 0.8, 0.8]], np.float32) * [
            width,
            height,
            width,
            height,
        ]
        return [Detections(boxes.astype(np.float32), np.ones(2, np.float32)) for _ in frames]


def main(folder: Path, store: Path) -> int:
    """Extract the clips of ``folder/clips.csv``; return 0 if all are ok."""
    clips = load_clips(str(folder / "clips.csv"))
    extractor = Extractor(
        detector=_TwoPersons(folder, "yolov8n", batch_size=8, image_size=320),
        boxes=None,
        pose=make_pose_network(folder, "HRNet-W18", batch_size=16),
        config=ExtractConfig(),
    )
    execution = describe_execution(device="cpu", detect_batch=8, pose_batch=16)
    workers = InProcess(
        extractor, videos=clips.root, execution=execution, num_decoders=2, decode_limit_seconds=120
    )
    facts = store_facts(clips.facts, extractor)
    with StoreWriter(store, facts, clips.entries, execution) as writer, workers:
        summary = run_extraction(clips.entries, workers=workers, writer=writer, retry_failed=False)
    return 1 if summary.num_bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
