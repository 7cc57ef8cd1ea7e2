"""The recipe files that come with the project, and what `make` does without variables."""

import subprocess
from pathlib import Path

import pytest

from train.config import parse_recipe
from train.method import make_recipe

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "train/recipes").glob("*.json"))


def test_recipe_files_are_found():
    assert {path.stem for path in RECIPES} >= {"demo", "demo_epam", "demo_full", "demo_hpnet", "few_clips"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_file_is_one(path):
    recipe = make_recipe(parse_recipe(path.read_text(), path.name))

    assert recipe.select_on == "none"  # the last epoch: nothing is chosen on clips that are reported


def printed(*words):
    """Return what make would run, without the set-up."""
    run = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in run.stdout.splitlines() if "scripts." in line and "set_up" not in line]


@pytest.mark.parametrize(
    ("target", "script"), [("train", "train_stream"), ("evaluate", "evaluate_checkpoint")]
)
def test_without_a_dataset_it_is_the_demo(target, script):
    assert f'-m scripts.{script} --dataset "demo"' in " ".join(printed(target)[0].split())
    (with_store,) = printed(target, "STORE=data/stores/mine")
    assert '--store "data/stores/mine"' in with_store
    assert "--dataset" not in with_store
    assert '--dataset "ntu60"' in printed(target, "DATASET=ntu60")[0]


def test_a_checkpoint_is_evaluated_on_its_own_store():
    assert '--checkpoint "runs/mine"' in " ".join(printed("evaluate", "CHECKPOINT=runs/mine")[0].split())
    assert "--dataset" not in printed("evaluate", "CHECKPOINT=runs/mine")[0]
    assert '--dataset "ntu60"' in printed("evaluate", "CHECKPOINT=runs/mine", "DATASET=ntu60")[0]
    assert '--store "s"' in printed("evaluate", "CHECKPOINT=runs/mine", "STORE=s")[0]


def test_the_demo_ends_with_two_networks():
    assert [line.split("scripts.")[1].split()[0] for line in printed("demo")] == [
        "make_demo_videos", "extract_features", "show_info", "draw_contact_sheet", "train_demo"
    ]  # fmt: skip
