"""The command behind HP-Net's tables, on small stores; trainings run in this process."""

import json

import numpy as np
import pytest

from scripts import hpnet_tables, side_by_side
from scripts.demo_results.cells import markdown, mean_and_spread
from scripts.demo_results.hpnet_lines import DETECTED, FUSIONS, HARD, STREAMS
from scripts.demo_results.hpnet_results import Runs, fusion_table, hard_table, stream_table
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_stores import train_entries, train_store
from train.score_source import source_of_all, unlike_source
from train.scores import Scores, ScoresError, load_scores, save_scores

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {
    "encoder": None, "image_size": 16, "patch_size": 16, "images": 2, "video_width": 64, "video_layers": 1,
    "embed_dim": 64, "text_width": 64, "text_layers": 1, "context_length": 16, "width": 8, "batch_size": 8,
    "at_once": 8,
}  # fmt: skip


def test_cells():
    assert mean_and_spread([]) == "-"
    assert mean_and_spread([50.0]) == "50.0"
    assert mean_and_spread([40.0, 60.0]) == "50.0 ± 14.1"
    assert markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_every_training_has_a_folder_of_its_own():
    trainings = {*FUSIONS, *STREAMS}

    assert len({training.name for training in trainings}) == len(trainings) == 11
    assert [training.is_hpnet for training in STREAMS] == [False] * 4 + [True]


def test_an_ensemble_is_of_the_seeds_that_all_its_members_have(tmp_path):
    """The second hpj is right of both clips; hpb says stand of both, and is surer."""
    sit, stand, surely_stand = [1.0, 0.0], [0.0, 1.0], [0.0, 2.0]
    runs = Runs(tmp_path, (1, 2))
    for name, seed, values in (
        ("hpj", 1, [sit, sit]),
        ("hpj", 2, [sit, stand]),
        ("hpb", 2, [surely_stand, surely_stand]),
    ):
        (one,) = (training for training in STREAMS if training.name == name)
        labels = {"x": "sit", "y": "stand"}
        scores = Scores(tuple(labels), ("sit", "stand"), np.array(values, np.float32), "logits", labels)
        save_scores(runs.folder(one, seed) / "scores.npz", scores)

    table = stream_table("mine", runs).splitlines()

    assert table[0] == "| streams | seeds | all (2 clips) |"
    assert "| hpj | 2 | 75.0 ± 35.4 |" in table  # 1 of 2, 2 of 2
    assert "| hpb | 1 | 50.0 |" in table
    assert "| hpj+hpb | 1 | 50.0 |" in table
    assert "| hpj+hpb+hpnet-trmm | 0 | - |" in table
    assert fusion_table("mine", runs) == "No training is finished yet."


def test_normal_and_hard_to_see_are_the_same_clips(tmp_path):
    """Of four clips two are hard to see, v and x; of the second seed nothing hard is tested yet."""
    runs = Runs(tmp_path, (1, 2))
    labels = {"v": "sit", "w": "sit", "x": "sit", "y": "sit"}
    sit, stand = [1.0, 0.0], [0.0, 1.0]

    def save(seed, file, says):
        expected = {clip_id: labels[clip_id] for clip_id in says}
        values = np.array(list(says.values()), np.float32)
        scores = Scores(tuple(says), ("sit", "stand"), values, "logits", expected)
        save_scores(runs.folder(HARD[0], seed) / file, scores)

    save(1, "scores.npz", {"v": sit, "w": stand, "x": sit, "y": stand})  # 2 of 4, of v and x both
    save(2, "scores.npz", dict.fromkeys("vwxy", stand))
    assert hard_table("mine", runs).splitlines()[0] == "| network | seeds | normal | hard to see |"
    save(1, "on-hard.npz", {"v": sit, "x": stand})

    assert hard_table("mine", runs).splitlines() == [
        "| network | seeds | normal (2 clips) | hard to see (2 clips) |",
        "|---|---|---|---|",
        "| text + RGB | 1 | 100.0 | 50.0 |",
        "| … + TRMM + SMCLM, release | 0 | - | - |",
    ]
    labels["z"] = "sit"
    save(1, "on-hard.npz", {"z": sit})
    with pytest.raises(ScoresError, match=r"none of its 1 test clips is one of the 4 of .*scores\.npz"):
        hard_table("mine", runs)


@pytest.mark.slow
def test_tables_are_trained_and_printed_again(tmp_path, monkeypatch, capsys):
    def train_here(work, *arguments):
        work(*arguments)
        return type("Done", (), {"is_alive": lambda self: False, "exitcode": 0})()

    monkeypatch.setattr(side_by_side, "start_beside", train_here)
    monkeypatch.setattr(side_by_side, "_LOOK_EVERY_SECONDS", 0)
    entries = train_entries(["a0", "a1", "b0", "b1", "c0", "c1", "d0", "d1", "e0", "e1"])
    for name in ("store", "whole", "hard"):
        train_store(tmp_path / name, entries, facts=make_facts(crops=("person",)))
    (tmp_path / "hpnet.json").write_text(json.dumps(TINY))
    (tmp_path / "streams.json").write_text(json.dumps({"width": 8, "batch_size": 8}))
    words = [
        "epochs=1", "--seeds=1", "--only=detector,hard", f"--store={tmp_path / 'store'}",
        f"--whole-frame-store={tmp_path / 'whole'}", f"--hard-store={tmp_path / 'hard'}",
        f"--recipe={tmp_path / 'hpnet.json'}", f"--stream-recipe={tmp_path / 'streams.json'}",
        f"--out={tmp_path / 'out'}",
    ]  # fmt: skip

    assert call(hpnet_tables.main, *words) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(side_by_side, "start_beside", lambda *_: 1 / 0)
    assert call(hpnet_tables.main, *words) == 0

    assert capsys.readouterr().out == first
    written = [(tmp_path / f"out/{name}.md").read_text() for name in ("detector", "hard")]
    head = written[0].split("\n\n")[0] + "\n\n"
    assert "\n".join([written[0], written[1].removeprefix(head)]) == first
    assert [table.title in first for table in hpnet_tables.TABLES.values()] == [False, True, True, False]
    for training in DETECTED:
        assert f"| {training.title} | 1 | " in first
    assert "| network | seeds | normal (2 clips) | hard to see (2 clips) |" in first

    darker = train_store(
        tmp_path / "darker", entries, facts=make_facts(crops=("person",)), source_sha256="of dark videos"
    )
    assert call(hpnet_tables.main, *words, f"--hard-store={tmp_path / 'darker'}") == 0
    tested = load_scores(tmp_path / "out/hpnet-none-seed1/on-hard.npz")
    assert unlike_source(tested, source_of_all(darker, "p1")) == []
