"""Trainings side by side of several folds, and tables of other recipes; nothing is trained."""

import json

import pytest

from scripts import demo_table, epam_tables, hpnet_tables, side_by_side
from scripts.train_stream import main as train
from store import open_store
from tests.doors import call
from tests.score_makers import scores
from tests.train_stores import train_store
from train.method import make_recipe
from train.run_folder import EPOCHS, RECIPE, SCORES, RunError, fold_folder
from train.score_source import source_of_all
from train.scores import save_scores


@pytest.fixture
def reader(tmp_path):
    return train_store(tmp_path / "store")


def test_epochs_of_all_folds_are_counted(reader, tmp_path, monkeypatch, in_this_process):
    machines, counts = [], []

    def train_run(reader, found, recipe, *, folder, machine, **_):
        machines.append(machine)
        for fold in found:
            place = fold_folder(folder, fold, len(found))
            place.mkdir(parents=True)
            (place / EPOCHS).write_text("epoch,loss\n0,1\n1,1\n")

    def counted(epochs, *, total, unit):
        counts.append((len(list(epochs)), total))
        return ()

    monkeypatch.setattr(side_by_side, "train_run", train_run)
    monkeypatch.setattr(side_by_side, "counted", counted)

    recipe = make_recipe({"epochs": 2})
    side_by_side.train_side_by_side(reader, "kfold:2", {tmp_path / "run": recipe})

    assert counts == [(4, 4)]
    assert [machine.num_workers for machine in machines] == [0]  # a daemon has no children


def test_the_protocol_of_the_table_can_be_chosen(reader, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(epam_tables, "train_side_by_side", lambda *words, **_: asked.append(words[1]))

    for more in ([], ["--protocol", "kfold:2"]):
        call(epam_tables.main, "--store", tmp_path / "store", "--out", tmp_path / "table", *more)

    assert asked == ["p1", "p1", "kfold:2", "kfold:2"]  # the streams, and what begins with them


def finished(folder, recipe):
    """Make a folder of a training that has ended; nobody may look at its scores."""
    folder.mkdir(parents=True)
    (folder / RECIPE).write_text(json.dumps(recipe))
    (folder / SCORES).write_bytes(b"")


@pytest.mark.parametrize(
    ("table", "name", "stream"),
    [
        (demo_table, "hpj-ctrgcn-seed1", "hpj"),
        (epam_tables, "xshift_pose-xshift", "xshift_pose"),
        (epam_tables, "epam-xshift-none", "epam"),
        (hpnet_tables, "hpnet-film-joint-seed1", "hpnet"),
        (hpnet_tables, "hpnet-none-whole-frame-seed1", "hpnet"),
    ],
)
def test_figures_of_another_recipe_are_not_printed(reader, tmp_path, capsys, table, name, stream):
    finished(tmp_path / "table" / name, make_recipe({"stream": stream, "epochs": 17}).to_json())

    words = ["--store", tmp_path / "store", "--out", tmp_path / "table", "--only-print"]
    assert call(table.main, *words) == 1

    error = capsys.readouterr().err
    assert f"{tmp_path / 'table' / name} is finished, with another recipe:" in error
    assert "epochs: 17 there, " in error


def test_a_table_looks_at_its_own_trainings_alone(reader, tmp_path, capsys):
    """Streams of another recipe are none of the fusions' business, nor does their file change."""
    recipe = make_recipe({"stream": "hpj", "epochs": 17}).to_json()
    finished(tmp_path / "table/hpj-seed1", recipe)
    (tmp_path / "table/streams.md").write_text("of the streams' own recipe")
    words = ["--store", tmp_path / "store", "--out", tmp_path / "table", "--only-print"]

    assert call(hpnet_tables.main, *words, "--only=fusion") == 0
    printed = capsys.readouterr().out
    assert call(hpnet_tables.main, *words, "--only=fusion,streams") == 1

    assert printed == (tmp_path / "table/fusion.md").read_text()
    assert (tmp_path / "table/streams.md").read_text() == "of the streams' own recipe"
    assert "hpj-seed1 is finished, with another recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (demo_table, "hpj-ctrgcn-seed1/scores.npz"),
        (epam_tables, "epam-xshift-none/scores.npz"),
        (hpnet_tables, "hpnet-film-joint-seed1/scores.npz"),
        (hpnet_tables, "hpnet-none-whole-frame-seed1/scores.npz"),
        (hpnet_tables, "hpnet-none-seed1/on-hard.npz"),
    ],
)
def test_figures_of_another_store_are_not_printed(reader, tmp_path, capsys, monkeypatch, table, name):
    """A store of the same clips, filmed anew: a recipe cannot tell."""
    monkeypatch.setattr(table, "check_recipes", lambda recipes: None)
    train_store(tmp_path / "dark", source_sha256="of dark videos")
    path = tmp_path / "table" / name
    save_scores(path, scores([[1, 0, 0]], "e", source=source_of_all(reader, "p1")))
    words = ["--out", tmp_path / "table", "--only-print"]
    if table == hpnet_tables:
        words += ["--whole-frame-store", tmp_path / "dark", "--hard-store", tmp_path / "dark"]
    theirs, ours = (
        source_of_all(store, "p1")["videos_sha256"] for store in (reader, open_store(str(tmp_path / "dark")))
    )

    assert call(table.main, "--store", tmp_path / "dark", *words) == 1

    error = capsys.readouterr().err
    assert f"{path} is of other clips than {tmp_path / 'dark'}:\n  videos_sha256: '{theirs}' there" in error
    assert f"'{ours}' in the store\nGive the store that it is of, or " in error


def test_scores_from_before_a_fact_was_noted_are_shown(reader, tmp_path):
    """They say nothing of their videos; two folds say it of each."""
    for protocol in ("p1", "kfold:2"):
        source = source_of_all(reader, protocol)
        kept = {name: source[name] for name in ("dataset", "protocol", "meaning_sha256", "fold")}
        for number, said in enumerate((source, kept)):
            path = tmp_path / f"{protocol}-{number}" / SCORES
            save_scores(path, scores([[1, 0, 0]], "e", source=said))
            side_by_side.check_scores(reader, protocol, [path.parent, tmp_path / "not begun"])
            with pytest.raises(RunError, match=r"protocol: '.*' there, 'kfold:3' in the store"):
                side_by_side.check_scores(reader, "kfold:3", [path.parent])


def test_a_recipe_from_before_a_choice_is_the_same(tmp_path):
    recipe = make_recipe({"epochs": 2})
    before = recipe.to_json()
    del before["mixup"]
    finished(tmp_path / "run", before)

    side_by_side.check_recipes({tmp_path / "run": recipe, tmp_path / "not begun": recipe})
    with pytest.raises(RunError, match=r"recipe:\n  mixup: 0.0 there, 0.2 asked for\nGive"):
        side_by_side.check_recipes({tmp_path / "run": make_recipe({"epochs": 2, "mixup": 0.2})})


def test_it_is_said_that_streams_are_trained_first(capsys):
    with pytest.raises(SystemExit):
        train(["--help"])

    assert "epam trains its streams first" in " ".join(capsys.readouterr().out.split())
