"""Detectors by name with random weights, and what ultralytics would do by itself."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from ultralytics.utils import checks, downloads

from extract.config import ExtractConfig
from extract.detect_yolo import PERSON, YOLO
from extract.networks import find_detector
from extract.pipeline import Extractor
from extract.presets import DETECTORS
from extract.single import extract_clip
from tests.fakes import FakePose
from tests.preset_networks import load_detector, write_one_frame

pytestmark = pytest.mark.usefixtures("one_thread")

OF_ULTRALYTICS = {
    name: preset for name, preset in DETECTORS.items() if not preset.refusal and not preset.weights.shipped
}
# the smallest of each family, and what ultralytics calls its architecture
SMALLEST = {
    "yolov5nu": "yolov5n",
    "yolov8n": "yolov8n",
    "yolov9t": "yolov9t",
    "yolov10n": "yolov10n",
    "yolo11n": "yolo11n",
    "yolo12n": "yolo12n",
    "yolo26n": "yolo26n",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_one_frame(tmp_path_factory.mktemp("video"))


def save_detector(name, path):
    torch.manual_seed(0)
    network = YOLO(f"{name}.yaml")
    network.model.names[0] = PERSON
    network.save(path)


def test_every_family_is_tried():
    def family(name):
        return re.sub(r"(?<=\d)[a-z](?=u?$)", "", name)

    assert {family(name) for name in OF_ULTRALYTICS} == {family(name) for name in SMALLEST}


@pytest.mark.parametrize("name", SMALLEST)
def test_detector_by_name_finds_persons_in_a_clip(name, video, tmp_path):
    save_detector(SMALLEST[name], tmp_path / f"{name}.pt")

    detector = load_detector(find_detector(name, folder=tmp_path))

    config = ExtractConfig(clock=2, persons="top1", crops=())
    clip = extract_clip(video, Extractor(detector=detector, boxes=None, pose=FakePose(1), config=config))
    assert clip.outcome.status == "ok"
    assert clip.arrays["person_valid"].all()


def test_addresses_are_those_of_ultralytics_own_downloader(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(downloads, "safe_download", lambda url, **options: asked.append(url))
    ours = [preset.weights for preset in OF_ULTRALYTICS.values()]
    for weights in ours:
        downloads.attempt_download_asset(tmp_path / weights.file)

    assert [weights.address for weights in ours] == asked
    assert len(asked) > 30


def test_ultralytics_neither_renames_nor_downloads_nor_removes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert checks.check_yolov5u_filename("yolov5m.pt") == "yolov5m.pt"
    with pytest.raises(ConnectionError, match="nobody asked for"):
        downloads.attempt_download_asset("yolov8n.pt")

    Path("yolov8n.pt").write_bytes(b"\x80\x02 nonsense")
    with pytest.raises(ValueError, match=r"yolov8n\.pt: ultralytics cannot load it"):
        load_detector("yolov8n.pt")
    assert Path("yolov8n.pt").read_bytes() == b"\x80\x02 nonsense"

    save_detector("yolov5n", "yolov5n.pt")  # a name that ultralytics would change
    assert load_detector("yolov5n.pt").meaning["weights_sha256"]


def test_file_of_the_yolov5_project(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:  # whose classes lie in models.yolo
        for name in ("models", "models.yolo"):
            patch.setitem(sys.modules, name, ModuleType(name))
        model = type("Model", (torch.nn.Module,), {"__module__": "models.yolo"})
        sys.modules["models.yolo"].Model = model
        torch.save({"model": model()}, tmp_path / "yolov5m.pt")

    with pytest.raises(ValueError, match=r"yolov5m\.pt: weights of the YOLOv5 project.*preset yolov5mu"):
        load_detector(tmp_path / "yolov5m.pt")
