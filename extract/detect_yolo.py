"""Frames to person boxes; the only file that imports ultralytics."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import torch
import torchvision  # noqa: F401  # ultralytics suppresses double boxes by it if somebody imported it
from torch import nn

from extract.config import DetectorConfig
from extract.interfaces import Detections, Frame
from extract.weights_check import check_weights_file

# Read on import: no telemetry, no look-ups on the network, no pip behind the user's back, and a settings
# folder of our own, because many processes corrupt the shared one (specs/ecosystem.md Y2, Y3).
_CONFIG_FOLDER = tempfile.TemporaryDirectory(prefix="heatpool-ultralytics-")
os.environ.update(
    YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false", YOLO_CONFIG_DIR=_CONFIG_FOLDER.name
)
from ultralytics import YOLO as YOLO  # noqa: E402  # re-exported: whoever needs it gets it with the guards
from ultralytics import settings  # noqa: E402
from ultralytics.utils import checks, downloads, nms  # noqa: E402

settings.update({"sync": False})


def _refuse_download(url: str, *args: object, **options: object) -> None:
    raise ConnectionError(f"it would download {url}, which nobody asked for")


# Presets are fetched by extract/weights.py, and a file is the one that was named: ultralytics would take
# yolov5m.pt for its own yolov5mu.pt and download that.
downloads.safe_download = _refuse_download
checks.check_yolov5u_filename = lambda file, verbose=True: file
# Its suppression of double boxes gives up after some seconds, without the rest of the batch: a machine that
# was asleep for a while would lose persons. On a clock that stands still it never does.
nms.time = SimpleNamespace(time=lambda: 0.0)

PERSON = "person"  # class name in COCO weights
_YOLOV5 = (
    "weights of the YOLOv5 project, whose own Python classes ultralytics 8 does not have. Take the preset "
    "yolov5mu (trained again: other boxes), or give DETECTOR boxes that YOLOv5 found, as a .json file"
)


class YoloDetector:
    """Any ultralytics detector with a class "person".

    Args:
        weights: a file of ultralytics' weights, or of plain ones with their architecture, as
            ``scripts/train_demo_weights.py`` writes them.
        device: "cpu", "cuda:0", …
        batch_size: frames per call.
        config: input size and thresholds.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: the file holds no weights that ultralytics can load, or no class "person".
    """

    def __init__(self, weights: Path, *, device: str, batch_size: int, config: DetectorConfig) -> None:
        if not weights.is_file():
            raise FileNotFoundError(
                f"{weights}: no such detector weights; give DETECTOR a file of ultralytics weights "
                "(for example yolov8n.pt), a .json file of boxes, or none"
            )
        check_weights_file(weights)
        self.batch_size = batch_size
        plain = _read_plain(weights)
        if plain and config.image_size is None:
            config = replace(config, image_size=plain["image_size"])  # what it was trained for
        self._config = config
        try:
            # not by a bare name: under a known one it would remove a damaged file and download another
            self._yolo = _build(plain) if plain else YOLO(str(weights.absolute()))
        except Exception as error:  # it raises whatever unpickling a wrong file happens to raise
            found = _YOLOV5 if _is_yolov5(error) else f"ultralytics cannot load it ({error})"
            raise ValueError(f"{weights}: {found}; expected weights of ultralytics 8") from error
        persons = [index for index, name in self._yolo.names.items() if name == PERSON]
        if not persons:
            names = ", ".join(list(self._yolo.names.values())[:10])
            raise ValueError(f'{weights}: has no class "person"; its classes are {names}')
        self._options = {
            "device": device,
            "conf": config.confidence,
            "iou": config.iou,
            "classes": persons,
            "verbose": False,
            "save": False,
        }
        self._set_up()
        self.meaning: Mapping[str, object] = {
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            **config.meaning(),
        }

    @property
    def network(self) -> nn.Module:
        """The network as predictions use it (fused), without letterbox and suppression; for benchmarks."""
        return cast(nn.Module, self._yolo.predictor.model.backend.model)

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        """Find the persons in ``batch_size`` frames of one size, (H, W, 3) uint8 RGB."""
        if len(frames) != self.batch_size:
            raise ValueError(
                f"{len(frames)} frames; every call takes {self.batch_size}, so that results repeat"
            )
        height, width, _ = frames[0].shape
        results = self._yolo.predict(
            [cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in frames],
            imgsz=self._config.image_size_for(width, height),
            **self._options,
        )
        return [_detections(result.boxes) for result in results]

    def _set_up(self) -> None:
        """Let ultralytics choose its device now: it then sets PyTorch's threads for the whole process."""
        num_threads = torch.get_num_threads()
        self([np.zeros((64, 64, 3), np.uint8)] * self.batch_size)
        torch.set_num_threads(num_threads)


def _read_plain(weights: Path) -> dict[str, Any]:
    """Return what a file of ours holds (scripts/demo_weights/detector.py); nothing if it is none."""
    try:
        content = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception:  # ultralytics' files hold Python objects, and a damaged one is for it to refuse
        return {}
    is_ours = isinstance(content, dict) and {"yaml", "names", "image_size", "state_dict"} <= content.keys()
    return content if is_ours else {}


def _build(plain: Mapping[str, Any]) -> YOLO:
    """Make the architecture that a file of ours names, and give it its weights."""
    with tempfile.TemporaryDirectory() as folder:
        architecture = Path(folder) / "architecture.yaml"
        architecture.write_text(json.dumps(plain["yaml"]), encoding="utf-8")  # JSON is YAML
        yolo = YOLO(str(architecture), task="detect")
    yolo.model.load_state_dict(plain["state_dict"])
    yolo.model.names = plain["names"]
    return yolo


def _is_yolov5(error: BaseException) -> bool:
    cause = error.__cause__
    return isinstance(cause, ModuleNotFoundError) and str(cause.name).partition(".")[0] == "models"


def _detections(boxes: object) -> Detections:
    corners = boxes.xyxy.cpu().numpy().astype(np.float32)  # type: ignore[attr-defined]
    scores = boxes.conf.cpu().numpy().astype(np.float32)  # type: ignore[attr-defined]
    has_area = (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
    corners, scores = corners[has_area], scores[has_area]
    order = np.argsort(-scores, kind="stable")
    return Detections(corners[order], scores[order])
