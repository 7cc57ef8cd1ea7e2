"""Networks by name: each built with random weights, its levels' shapes, and a clip through the pipeline."""

import dataclasses
import hashlib
import re
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from ultralytics.utils import checks, downloads

from extract.boxes_file import WholeFrame
from extract.config import DetectorConfig, ExtractConfig
from extract.detect_yolo import PERSON, YOLO, YoloDetector
from extract.errors import WeightsError
from extract.networks import find_detector, find_pose
from extract.pipeline import Extractor
from extract.pose_mmpose import MmposeEstimator, _uses_udp
from extract.presets import DETECTORS, POSES
from extract.single import extract_clip
from scripts import extract_features, list_presets
from store import open_store
from tests.fakes import FakePose
from tests.integration.test_extract_door import logging_and_threads_as_before
from tests.made_videos import walking_persons, write_video

pytestmark = pytest.mark.usefixtures("one_thread")

PRESETS = Path(__file__).resolve().parents[2] / "extract" / "presets"
# A crop is 192 wide and 256 high; H1, H2, H3 are at strides 4, 8, 16: 64x48, 32x24, 16x12 cells.
# HRNet doubles its width from branch to branch; mmpose's deconvolutions have 256 channels; MobileNetV2's
# stages are 16, 24, 32, 64, 96, 160, 320 wide.
SHAPES = {
    "hrnet_w32_heatmap": {"H2": (64, 32, 24), "H1": (32, 64, 48), "H3": (128, 16, 12)},
    "hrnet_w48_heatmap": {"H2": (96, 32, 24), "H1": (48, 64, 48), "H3": (192, 16, 12)},
    "hrnet_w48_simcc": {"H2": (96, 32, 24), "H1": (48, 64, 48), "H3": (192, 16, 12)},
    "simcc_mobilenetv2": {"H2": (32, 32, 24), "H1": (24, 64, 48), "H3": (96, 16, 12)},
    "simcc_res50": {"H2": (256, 32, 24), "H1": (256, 64, 48), "H3": (256, 16, 12)},
}
SMALL = "simcc_mobilenetv2"
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


def config_of(name):
    return find_pose(name, checkpoint=Path("unused"), taps=None, folder=Path("unused")).config


def build(name, checkpoint=None, **options):
    torch.manual_seed(0)
    taps = tuple(POSES[name].taps.values())
    return MmposeEstimator(config_of(name), checkpoint, taps=taps, device="cpu", batch_size=1, **options)


@pytest.fixture(scope="module", params=POSES)
def built(request):
    return request.param, build(request.param)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    # one frame, and so one crop
    return write_video(tmp_path_factory.mktemp("video") / "one", walking_persons(1), kind="mjpeg")


# pose networks


def test_levels_have_their_shapes(built):
    name, estimator = built
    crop = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 256, 192, 3), np.uint8))
    maps = estimator.feature_maps(crop)

    assert estimator.crop_wh == (192, 256)
    assert {level: tuple(maps[tap].shape[1:]) for level, tap in POSES[name].taps.items()} == SHAPES[name]
    assert list(POSES[name].taps) == ["H2", "H1", "H3"]
    for tap, values in maps.items():
        assert values.std() > 0, tap


def test_joints_are_those_of_the_config(built):
    skeleton = built[1].skeleton

    assert len(skeleton.joint_names) == 17
    assert (skeleton.joint_names[0], skeleton.joint_names[-1]) == ("nose", "right_ankle")
    assert {"left_knee", "left_ankle"} in [set(link) for link in skeleton.links]


def test_clip_goes_through_the_pipeline(built, video):
    name, estimator = built
    config = ExtractConfig(clock=2, persons="top1", crops=())
    clip = extract_clip(video, Extractor(detector=None, boxes=WholeFrame(), pose=estimator, config=config))

    assert clip.outcome.status == "ok"
    assert clip.arrays["keypoints"].shape == (2, 1, 17, 2)
    for level, tap in POSES[name].taps.items():
        pooled = clip.arrays[f"pooled/{tap.replace('[', '@').rstrip(']')}"]
        assert pooled.shape == (2, 1, 17, SHAPES[name][level][0])
        assert np.isfinite(pooled).all()


def test_papers_network_has_the_papers_size():
    # specs/hpnet.md A.4
    weights = build("hrnet_w48_simcc").network.parameters()
    assert sum(values.numel() for values in weights) / 1e6 == pytest.approx(66.35, abs=0.005)


def test_addresses_are_those_of_the_zoos_own_files():
    zoo = Path(find_spec("mmpose").submodule_search_locations[0]) / ".mim"
    stated = {
        model["Config"].removeprefix("configs/"): model["Weights"]
        for file in (zoo / "configs/body_2d_keypoint").rglob("*.yml")
        for model in yaml.safe_load(file.read_text())["Models"]
    }
    ours = {preset.config: preset.weights for preset in POSES.values() if isinstance(preset.config, str)}

    assert len(ours) == 4
    for config, weights in ours.items():
        assert (zoo / "configs" / config).is_file()
        assert weights.address == stated[config]
        assert weights.address.endswith(f"/{weights.file}")
        assert weights.sha256 == re.search(r"-([0-9a-f]{8})_\d{8}\.pth$", weights.file)[1]


def test_test_time_options_of_a_config_change_nothing():
    settings = Config.fromfile(str(config_of("hrnet_w32_heatmap"))).to_dict()
    assert settings["model"]["test_cfg"] == {"flip_test": True, "flip_mode": "heatmap", "shift_heatmap": True}
    plain = {"model": {**settings["model"], "test_cfg": {}}, "train_dataloader": settings["train_dataloader"]}
    crop = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 256, 192, 3), np.uint8))
    batches = []
    for config in (settings, plain):
        torch.manual_seed(0)
        taps = ["backbone.stage4.1[1]"]
        batches.append(MmposeEstimator(config, None, taps=taps, device="cpu", batch_size=1)(crop))

    np.testing.assert_array_equal(batches[0].keypoints, batches[1].keypoints)
    np.testing.assert_array_equal(batches[0].scores, batches[1].scores)
    np.testing.assert_array_equal(*(batch.pooled[taps[0]] for batch in batches))


# checkpoints


@pytest.fixture(scope="module")
def state():
    return build(SMALL).network.state_dict()


@pytest.mark.parametrize("is_zip", [True, False])  # mmpose publishes the older format
def test_checkpoint_as_mmengine_writes_it(state, tmp_path, is_zip):
    hub = MessageHub.get_instance("test_presets")
    hub.update_scalar("train/loss", np.float64(0.5))
    metainfo = parse_pose_metainfo({"from_file": "configs/_base_/datasets/coco.py"})
    content = {
        "state_dict": state,
        "meta": {"dataset_meta": metainfo, "epoch": 210},
        "message_hub": hub.state_dict(),
    }
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=is_zip)

    estimator = build(SMALL, tmp_path / "w.pth")

    assert estimator.skeleton.joint_names[0] == "nose"
    for name, values in estimator.network.state_dict().items():
        torch.testing.assert_close(values, state[name], rtol=0, atol=0)


@pytest.mark.parametrize("is_zip", [True, False])
def test_checkpoint_that_is_cut_short(state, tmp_path, is_zip):
    torch.save({"state_dict": state}, tmp_path / "whole.pth", _use_new_zipfile_serialization=is_zip)
    whole = (tmp_path / "whole.pth").read_bytes()
    for share in (0.001, 0.01, 0.5, 0.99):
        (tmp_path / "w.pth").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ValueError, match=r"w\.pth.*(cut short|damaged)"):
            build(SMALL, tmp_path / "w.pth")


def test_checkpoint_that_would_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was run",))

    torch.save({"state_dict": {}, "meta": Evil()}, tmp_path / "w.pth")

    with pytest.raises(
        ValueError, match=r"w\.pth: cannot be loaded as plain weights \(WeightsUnpickler error"
    ):
        build(SMALL, tmp_path / "w.pth")
    assert not (tmp_path / "was run").exists()


def test_checkpoint_of_another_size(state, tmp_path):
    wrong = {name: values[:1] if values.ndim else values for name, values in state.items()}
    torch.save({"state_dict": wrong}, tmp_path / "w.pth")

    with pytest.raises(ValueError, match=r"w\.pth does not fit .*simcc_mobilenetv2.*size mismatch for"):
        build(SMALL, tmp_path / "w.pth")


def test_checkpoint_that_is_none(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "w.pth")

    with pytest.raises(ValueError, match=r"w\.pth: holds a list; expected weights by name"):
        build(SMALL, tmp_path / "w.pth")


CROP, UDP_CROP = {"type": "TopdownAffine"}, {"type": "TopdownAffine", "use_udp": True}


@pytest.mark.parametrize(
    ("pipeline", "decoder", "affine"),
    [
        ([{"type": "LoadImage"}, CROP], "MSRAHeatmap", False),
        ([{"type": "LoadImage"}, UDP_CROP], "UDPHeatmap", True),
        ([CROP], "UDPHeatmap", False),  # what it was trained with goes before what is usual
        ([], "UDPHeatmap", True),
        ([], "SimCCLabel", False),
    ],
)
def test_how_a_config_crops(pipeline, decoder, affine):
    settings = Config(
        {
            "model": {"head": {"decoder": {"type": decoder}}},
            "test_dataloader": {"dataset": {"pipeline": pipeline}},
        }
    )

    assert _uses_udp(settings) == affine


# what POSE, POSE_CHECKPOINT and TAPS name


def test_taps_of_a_preset(tmp_path):
    def taps(text):
        return find_pose("hrnet_w48_simcc", checkpoint=tmp_path, taps=text, folder=tmp_path).taps

    assert taps(None) == ("backbone.stage4.1[1]", "backbone.stage4.2[0]", "backbone.stage4.1[2]")
    assert taps("H2") == ("backbone.stage4.1[1]",)
    assert taps("H3,simcc,backbone.stage4.0.branches.1") == (
        "backbone.stage4.1[2]",
        "simcc",
        "backbone.stage4.0.branches.1",
    )


def test_taps_may_have_blanks_and_no_gaps(tmp_path):
    def taps(text):
        return find_pose("hrnet_w48_simcc", checkpoint=tmp_path, taps=text, folder=tmp_path).taps

    assert taps(" H2, H3 ") == ("backbone.stage4.1[1]", "backbone.stage4.1[2]")
    for text in ("H2,,H3", "H2,", ",", " "):
        with pytest.raises(ValueError, match=f"TAPS='{text}': a name is missing"):
            taps(text)


def test_config_of_ones_own_needs_the_rest(tmp_path):
    (tmp_path / "mine.py").write_text("")
    for checkpoint, taps in ((None, "backbone"), (tmp_path / "mine.pth", None)):
        with pytest.raises(ValueError, match=r"mine\.py: .*needs its weights and the modules to read"):
            find_pose(str(tmp_path / "mine.py"), checkpoint=checkpoint, taps=taps, folder=tmp_path)

    found = find_pose(
        str(tmp_path / "mine.py"), checkpoint=tmp_path / "mine.pth", taps="a,b[1]", folder=tmp_path
    )
    assert (found.config, found.taps) == (tmp_path / "mine.py", ("a", "b[1]"))


def test_paths_hold_in_every_folder(tmp_path, monkeypatch):
    # they go to a cluster's workers
    for file in ("mine.py", "mine.pth", "mine.json"):
        (tmp_path / file).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("extract.networks.provide_weights", lambda weights, folder: folder / weights.file)
    mine, weights = Path("mine.pth"), Path("weights")

    own = find_pose("mine.py", checkpoint=mine, taps="a", folder=weights)
    assert (own.config, own.checkpoint) == (tmp_path / "mine.py", tmp_path / "mine.pth")
    assert (
        find_pose("hrnet_w48_simcc", checkpoint=mine, taps=None, folder=weights).checkpoint == own.checkpoint
    )
    preset = find_pose(SMALL, checkpoint=None, taps=None, folder=weights)
    assert preset.checkpoint == tmp_path / "weights" / POSES[SMALL].weights.file
    assert find_detector("mine.json", folder=weights) == str(tmp_path / "mine.json")
    assert find_detector("yolo11n", folder=weights) == str(tmp_path / "weights" / "yolo11n.pt")
    assert find_detector("none", folder=weights) == "none"


def test_names_that_nobody_knows(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"hrnet_w48: no such file and no preset \(near: hrnet_w48_"):
        find_pose("hrnet_w48", checkpoint=None, taps=None, folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"yolov8n\.pt: no such file and no preset \(near: yolov8n"):
        find_detector(str(tmp_path / "yolov8n.pt"), folder=tmp_path)


def test_authors_weights_are_put_by_hand(tmp_path):
    file = tmp_path / "pose_hrnet_w48_256x192_split2_sigma4.pth"
    with pytest.raises(
        WeightsError, match=rf"{file}: not there.*SimCC_Pose_weights\.zip.*drive\.google\.com"
    ):
        find_pose("hrnet_w48_simcc", checkpoint=None, taps=None, folder=tmp_path)
    with pytest.raises(WeightsError, match=r"yolov5m: .*YOLOv5 project.*Take yolov5mu"):
        find_detector("yolov5m", folder=tmp_path)


# detectors


def save_detector(name, path):
    torch.manual_seed(0)
    network = YOLO(f"{name}.yaml")
    network.model.names[0] = PERSON
    network.save(path)


def load_detector(path):
    # random weights are sure of nothing
    config = DetectorConfig(image_size=64, confidence=0)
    return YoloDetector(Path(path), device="cpu", batch_size=1, config=config)


def test_every_family_is_tried():
    def family(name):
        return re.sub(r"(?<=\d)[a-z](?=u?$)", "", name)

    assert {family(name) for name, preset in DETECTORS.items() if not preset.refusal} == {
        family(name) for name in SMALLEST
    }


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
    ours = [preset.weights for preset in DETECTORS.values() if not preset.refusal]
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html><head><title>Quota exceeded</title>", "is a web page"),
        (b"PK\x03\x04" + bytes(100), "is cut short"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_weights_is_named(content, words, tmp_path):
    (tmp_path / "w.pt").write_bytes(content)

    with pytest.raises(WeightsError, match=rf"w\.pt {words}.*expected a file of weights"):
        load_detector(tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=rf"w\.pt {words}.*expected a file of weights"):
        build(SMALL, tmp_path / "w.pt")


# the commands, and the page


@pytest.fixture
def served(state, tmp_path, monkeypatch):
    """The small pose network's weights on a server, and what is left of them to download."""
    site, name = tmp_path / "site", POSES[SMALL].weights.file
    site.mkdir()
    torch.save({"state_dict": state}, site / name)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        digest = hashlib.sha256((site / name).read_bytes()).hexdigest()
        weights = dataclasses.replace(
            POSES[SMALL].weights,
            address=f"http://127.0.0.1:{server.server_port}/{name}",
            sha256=digest[:8],
        )
        monkeypatch.setitem(POSES, SMALL, dataclasses.replace(POSES[SMALL], weights=weights))
        yield site / name
        server.shutdown()


def extract(tmp_path, video, *more):
    (tmp_path / "made.csv").write_text(f"path\n{video}\n")
    options = [
        f"--dataset={tmp_path / 'made.csv'}", f"--store={tmp_path / 'store'}", "--detector=none",
        f"--weights-folder={tmp_path / 'weights'}", "--clock=2", "--persons=top1", "--crops=none",
        "--device=cpu", "--threads=1", "--pose-batch=1", *more,
    ]  # fmt: skip
    with logging_and_threads_as_before():
        return extract_features.main(options)


def test_preset_from_its_name_to_the_store(served, video, tmp_path, capsys):
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0

    store = open_store(str(tmp_path / "store"))
    assert list(store.facts.layout.taps) == ["backbone.layer3", "backbone.layer2", "backbone.layer5"]
    digest = hashlib.sha256(served.read_bytes()).hexdigest()
    assert store.facts.meaning["pose.checkpoint_sha256"] == digest
    assert f"sha256 {digest}, recorded in" in capsys.readouterr().err

    served.unlink()  # it is not asked for again
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0


def test_good_file_takes_the_place_of_a_damaged_one(served, video, tmp_path, monkeypatch, capsys):
    weights = dataclasses.replace(POSES[SMALL].weights, sha256="")  # so that nothing but loading tells
    monkeypatch.setitem(POSES, SMALL, dataclasses.replace(POSES[SMALL], weights=weights))
    state = torch.load(served, weights_only=True)
    torch.save(state, served, _use_new_zipfile_serialization=False)
    here = tmp_path / "weights" / served.name
    here.parent.mkdir()
    here.write_bytes(served.read_bytes()[:100_000])

    assert extract(tmp_path, video, f"--pose={SMALL}") == 1
    assert f"{here}: cannot be loaded" in (message := capsys.readouterr().err)
    assert "damaged, and a whole one has to take its place" in message

    here.write_bytes(served.read_bytes())
    assert extract(tmp_path, video, f"--pose={SMALL}") == 0
    assert here.with_name(f"{here.name}.json").is_file()


def test_weights_that_are_nowhere(served, video, tmp_path, capsys):
    served.unlink()

    assert extract(tmp_path, video, f"--pose={SMALL}") == 1

    message = capsys.readouterr().err
    assert "404 File not found" in message
    assert f"put the file by hand at {tmp_path / 'weights' / served.name}" in message
    assert not (tmp_path / "store").exists()


def test_list_says_what_is_here(tmp_path, capsys):
    (tmp_path / "yolov8n.pt").write_bytes(bytes(6_500_000))

    assert list_presets.main([f"--weights-folder={tmp_path}"]) == 0

    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert lines.keys() == {*POSES, *DETECTORS}
    assert "here, 6.5 MB" in lines["yolov8n"]
    assert "will be downloaded" in lines["yolov8s"]
    assert "AGPL-3.0" in lines["yolov8s"]
    assert "to be put by hand" in lines["hrnet_w48_simcc"]
    assert "cannot be used here" in lines["yolov5m"]


@pytest.mark.parametrize("file", ["pose/hrnet_w32_heatmap.py", "detector/yolo11.py"])
def test_page_shows_the_file_as_it_is(file):
    assert f"```python\n{(PRESETS / file).read_text()}```" in (PRESETS / "README.md").read_text()


def test_page_names_every_pose_network_with_its_taps():
    page = (PRESETS / "README.md").read_text()
    for name, preset in POSES.items():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        for channels, *_ in SHAPES[name].values():
            assert re.search(rf"\b{channels}\b", row), (name, channels)
        if not name.endswith("heatmap"):
            assert f"`{preset.taps['H1']}`" in row
