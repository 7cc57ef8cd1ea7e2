"""Which way imports go (design, section 3), read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("extract", "store", "train", "scripts")
FORBIDDEN = {
    "store": {"extract", "train", "scripts", "tests", "torch"},
    "extract": {"train", "scripts", "tests"},
    "train": {"extract", "scripts", "tests"},
    "scripts": {"tests"},
}
# a heavy library has one importing file, so that everything else is tested without it
ONE_IMPORTER = {
    "decord": {"extract/video_decord.py"},
    "av": {"extract/video_pyav.py"},
    "ultralytics": {"extract/detect_yolo.py"},
    "mmpose": {"extract/pose_mmpose.py"},
    "mmengine": {"extract/pose_mmpose.py"},
    "dask": {"extract/cluster.py"},
    "distributed": {"extract/cluster.py"},
    "requests": {"extract/download.py"},
    "transformers": {"train/hpnet/xclip.py"},
    "tokenizers": {"train/hpnet/xclip.py"},
    "huggingface_hub": {"train/hpnet/hub.py"},
}
WRITERS = {"scripts/bench/made.py", "scripts/demo_videos/write.py"}  # of videos


def sources():
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path):
    """Names of the top-level packages that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names.add((node.module or "").partition(".")[0])
    return names


def test_sources_are_found():
    assert {path.relative_to(ROOT).parts[0] for path in sources()} >= {"extract", "store", "scripts"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_in_one_direction(room):
    wrong = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in sources()
        if path.is_relative_to(ROOT / room) and (found := imported(path) & FORBIDDEN[room])
    }

    assert not wrong


@pytest.mark.parametrize("library", ONE_IMPORTER)
def test_heavy_library_has_one_importer(library):
    importers = {str(path.relative_to(ROOT)) for path in sources() if library in imported(path)}

    assert importers - WRITERS == ONE_IMPORTER[library]


@pytest.mark.parametrize("library", ["zarr", "numcodecs"])
def test_arrays_on_disk_are_the_stores_business(library):
    importers = {str(path.relative_to(ROOT)) for path in sources() if library in imported(path)}

    assert len(importers) == 1, importers
    assert importers.pop().startswith("store/")


def test_ensembles_do_without_torch():
    check = "import sys, train, train.ensemble; sys.exit('torch' in sys.modules or hasattr(train, 'nothing'))"

    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("method", ["hpnet", "epam"])
def test_processes_that_read_frames_know_no_network(method):
    """They are spawned, and import what the data module is sent with."""
    check = f"import sys, train.{method}.data; sys.exit('train.{method}.model' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0


def test_trainer_draws_in_one_file():
    importers = {str(path.relative_to(ROOT)) for path in sources() if "matplotlib" in imported(path)}

    assert {path for path in importers if path.startswith("train/")} == {"train/report_confusion.py"}
