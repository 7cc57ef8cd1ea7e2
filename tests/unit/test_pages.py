"""The examples on the pages that say how to add a dataset or a network: they load, and are the real ones."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path, PurePath

import pytest

from extract.datasets import DATASETS
from extract.presets import DETECTORS, POSES
from tests.epam_stores import epam_store

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "extract/datasets/README.md", "extract/presets/README.md")


def examples():
    """Yield the Python blocks of all sections that are called "Adding …"."""
    for page in PAGES:
        text = re.sub(r"\n## ", "\n\0", (ROOT / page).read_text())
        for section in text.split("\0")[1:]:
            blocks = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
            for block in blocks if section.startswith("Adding") else ():
                yield pytest.param(block, id=f"{page}: {section.splitlines()[0]}")


def blocks_of(section):
    text = (ROOT / "README.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def load(code, folder):
    """Import a block as the file that it says it is."""
    file = folder / "example.py"
    file.write_text(code)
    spec = spec_from_file_location("example", file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("code", list(examples()))
def test_example_loads_and_is_the_real_one(code, tmp_path):
    module = load(code, tmp_path)

    presets = getattr(module, "PRESETS", ())
    datasets = getattr(module, "DATASETS", ())
    assert presets or datasets
    for preset in presets:
        assert preset == (POSES | DETECTORS)[preset.name]
    for dataset in datasets:  # shortened: the facts of one protocol
        real = DATASETS[dataset.name]
        videos = [PurePath("a/Cook.Cleandishes_p03_r00_v02_c03.mp4"), PurePath("a/other.mp4")]
        (entry,), (real_entry,) = (one.list_clips(tmp_path, videos).entries for one in (dataset, real))
        assert (entry.id, entry.label, entry.subject) == (real_entry.id, real_entry.label, real_entry.subject)
        assert entry.splits["cs"] == real_entry.splits["cs"] == "train"
        expected = dataset.protocols["cs"]["expected"]
        assert expected == real.protocols["cs"]["expected"]
        assert (dataset.num_expected, dataset.homepage) == (real.num_expected, real.homepage)


def test_there_are_examples_of_all_three():
    text = "".join(param.values[0] for param in examples())

    for example in ("Dataset(", "PosePreset(", "ultralytics_preset("):
        assert example in text


def test_the_network_on_heatmaps_runs_on_a_store(tmp_path, monkeypatch):
    epam_store(tmp_path / "data" / "stores" / "demo")
    monkeypatch.chdir(tmp_path)

    module = load("\n".join(blocks_of("A network on heatmaps")), tmp_path)

    assert module.volume.shape == (1, 48, 2, 56, 56)  # the test's people have two joints
    assert module.volume.max() > 0
    assert module.logits.shape == (1, 15)
