"""`make import-scores` and `make ensemble`: a user's own table, pickles of a team, one table of results."""

import csv
import pickle
import shutil

import cv2
import numpy as np
import pytest

from scripts import ensemble_scores, import_scores
from tests.doors import call
from tests.score_makers import scores
from tests.store_makers import make_clip, make_facts, make_failure, write_store
from train.metrics import measure
from train.report_confusion import draw_confusion
from train.scores import load_scores, save_scores

TABLE = """path,label,subject,split
a.mp4,sit,anna,test
b.mp4,sit,ben,test
c.mp4,stand,anna,test
d.mp4,wave,ben,test
e.mp4,wave,cleo,train
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "mine.csv").write_text(TABLE)
    return tmp_path / "mine.csv"


def dump(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


def rows(values):
    return {name: np.array(row, np.float32) for name, row in values.items()}


@pytest.fixture
def two_streams(tmp_path, table):
    """Return a folder with hpj, which takes b for wave, and hpb, which has no d; labels from the table."""
    hpj = rows({"a.mp4": [3, 1, 0], "b.mp4": [0, 1, 2], "c.mp4": [0, 5, 0], "d.mp4": [1, 0, 4]})
    hpb = rows({"c": [0, 1, 0], "b": [9, 0, 0], "a": [1, 0, 0]})
    for name, content in (("hpj", hpj), ("hpb", hpb)):
        source = dump(tmp_path / f"{name}.pkl", content)
        assert call(import_scores.main, "--from", source, "--to", tmp_path / "runs", "--dataset", table) == 0
    return tmp_path / "runs"


def table_of(folder):
    with (folder / "table.csv").open(newline="") as file:
        return {line["name"]: line for line in csv.DictReader(file)}


def test_table_of_a_users_own_clips(two_streams, capsys):
    words = ("--scores", two_streams, "--weights", "hpj=1", "hpb=1")
    assert call(ensemble_scores.main, *words) == 0

    found = table_of(two_streams / "ensemble")
    assert {name: (line["wrong"], line["scored"], line["expected"]) for name, line in found.items()} == {
        "hpj": ("1", "4", "4"),
        "hpb": ("1", "3", "4"),  # d is missing
        "hpb+hpj": ("1", "3", "4"),  # so it is here
    }
    assert found["hpb+hpj"]["weights"] == "hpb 1, hpj 1; given"
    page = capsys.readouterr().out
    assert "mine test" not in page
    assert "3 of 4 expected clips have scores in the last line; a clip without counts as wrong" in page
    fused = load_scores(two_streams / "ensemble" / "scores.npz")
    assert dict(zip(fused.clip_ids, fused.values.tolist(), strict=True))["b"] == [9, 1, 2]
    assert measure(fused).num_wrong == 1
    with (two_streams / "ensemble" / "confusion.csv").open(newline="") as file:
        assert list(csv.reader(file))[-1] == ["wave", "0", "0", "0", "1"]
    assert cv2.imread(str(two_streams / "ensemble" / "confusion.png")).std() > 10


def test_clips_called_by_digits_or_with_spaces(tmp_path):
    """A pickle has names that look like places; an array has a list of names with spaces, and labels."""
    table = tmp_path / "mine.csv"
    table.write_text(
        "id,path,label,split\n2,2.mp4,sit,test\n0,0.mp4,stand,test\nhand over,hand over.mp4,sit,test\n"
    )
    values = {"2": [3, 0], "0": [0, 1], "hand over": [2, 1]}
    source = dump(tmp_path / "named.pkl", rows({name: values[name] for name in ("2", "0")}))
    np.save(tmp_path / "listed.npy", np.array(list(values.values()), np.float32))
    (tmp_path / "list.txt").write_text("2 0\n0 1\nhand over 0\n")
    words = ("--to", tmp_path / "runs", "--dataset", table)

    assert call(import_scores.main, "--from", source, *words) == 0
    listed = ("--from", tmp_path / "listed.npy", "--list", tmp_path / "list.txt")
    assert call(import_scores.main, *listed, *words) == 0

    for stream, names in (("named", ["2", "0"]), ("listed", list(values))):
        found = load_scores(tmp_path / f"runs/{stream}.npz")
        by_name = dict(zip(found.clip_ids, found.values.tolist(), strict=True))
        assert by_name == {name: values[name] for name in names}


def test_clips_without_scores_can_be_left_out(two_streams):
    call(ensemble_scores.main, "--scores", two_streams, "--leave-out-missing", "--weights", "equal")

    assert table_of(two_streams / "ensemble")["hpb"]["expected"] == "3"


def test_weights_of_a_benchmark_are_found_by_its_name(two_streams):
    assert call(ensemble_scores.main, "--scores", two_streams, "--weights", "ntu60/xsub") == 0

    weights = table_of(two_streams / "ensemble")["hpb+hpj"]["weights"]
    assert weights.startswith("hpb 0.1 logits, hpj 0.1 logits; published for ntu60/xsub")


def test_weights_fitted_on_a_subject_are_reported_on_the_others(two_streams, capsys):
    words = ("--scores", two_streams, "--weights", "fit", "--fit-on", "subjects:anna")
    assert call(ensemble_scores.main, *words) == 0

    assert capsys.readouterr().out.startswith(
        "Weights are fitted on 2 of 4 clips (subjects anna); all figures are of the other 2."
    )
    found = table_of(two_streams / "ensemble")
    assert found["hpj"]["expected"] == "2"
    assert found["hpb+hpj"]["weights"].endswith("; fitted on subjects anna, which are left out here")


def test_weights_fitted_on_other_files_leave_nothing_out(two_streams, tmp_path, capsys):
    for name in ("hpj", "hpb"):
        others = scores(np.eye(3), "xyz", labels={"x": "sit", "y": "stand", "z": "wave"})
        save_scores(tmp_path / f"val/{name}.npz", others)
    words = ("--scores", two_streams, "--weights", "fit", "--fit-scores", tmp_path / "val")

    assert call(ensemble_scores.main, *words) == 0

    files = ", ".join(f"{tmp_path}/val/{name}.npz" for name in ("hpb", "hpj"))
    assert capsys.readouterr().out.startswith(f"Weights are fitted on 3 clips of {files}.")
    found = table_of(two_streams / "ensemble")
    assert {line["expected"] for line in found.values()} == {"4"}
    assert found["hpb+hpj"]["weights"].endswith(f"; fitted on 3 clips of {files}")


@pytest.mark.parametrize("words", [["--weights", "equal", "--fit-scores", "x"], ["--fit-on", "half"]])
def test_what_to_fit_on_is_for_fits(two_streams, capsys, words):
    with pytest.raises(SystemExit, match="2"):
        call(ensemble_scores.main, "--scores", two_streams, *words)

    assert "--fit-on and --fit-scores are for --weights fit" in capsys.readouterr().err


def test_files_can_be_given_names(two_streams):
    words = (f"one={two_streams}/hpj.npz", f"two={two_streams}/hpj.npz")
    assert call(ensemble_scores.main, "--scores", *words, "--streams", "one+two") == 0

    assert table_of(two_streams / "ensemble").keys() == {"one+two"}


def test_a_folder_of_one_file_can_be_given_a_name(two_streams, tmp_path):
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        shutil.copy(two_streams / "hpj.npz", tmp_path / seed / "scores.npz")

    words = (f"first={tmp_path / '1'}", f"second={tmp_path / '2'}")
    assert call(ensemble_scores.main, "--scores", *words) == 0

    assert table_of(tmp_path / "1/ensemble").keys() == {"first", "second", "first+second"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scores", "{}/hpj.npz", "{}/hpj.npz"], "are both called 'hpj'; name one: other="),
        (["--scores", "{}/none.npz"], "none.npz: no such file"),
        (["--scores", "all={}"], "has 2 score files, such as "),
        (["--scores", "{}/.."], "no .npz and no run in it; `make train`"),
        (["--scores", "{}", "--streams", "hpj+hpx"], "'hpj+hpx': no such stream; there are hpb, hpj"),
        (["--scores", "{}", "--weights", "hpj=1"], "no weight for hpb; add it to WEIGHTS or leave it out"),
        (["--scores", "{}", "--weights", "ntu25"], "WEIGHTS 'ntu25': expected stream=number, fit, equal"),
        (["--scores", "{}", "--weights", "fit", "--fit-on", "subjects:x"], "its subjects are anna, ben"),
        (
            ["--scores", "{}", "--weights", "fit", "--fit-scores", "{}/hpj.npz"],
            "no scores to fit on for hpb; there are those of hpj. Name files alike: name=file",
        ),
        (
            ["--scores", "{}", "--weights", "fit", "--fit-scores", "{}"],
            "hpb.npz: 4 of its 4 clips are reported too, such as 'a'",
        ),
    ],
)
def test_what_cannot_be_done_is_said(two_streams, capsys, words, message):
    assert call(ensemble_scores.main, *(word.format(two_streams) for word in words)) == 1

    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": [1, 2]}, "bad.pkl: vectors of 2 scores; expected 3, one for each class of mine split. Give"),
        ({"e.mp4": [1, 2, 3]}, "bad.pkl: 1 of 1 clips are not expected, such as 'e.mp4'"),
        ([[1, 2, 3]], "bad.pkl: its 1 clips have numbers instead of names; give the list"),
        ({"a": print}, "bad.pkl: names builtins.print, which is no plain data"),
    ],
)
def test_file_that_does_not_fit_is_refused_and_nothing_written(tmp_path, table, capsys, content, message):
    source = dump(tmp_path / "bad.pkl", content)

    assert call(import_scores.main, "--from", source, "--to", tmp_path / "no", "--dataset", table) == 1

    assert message in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_predictions_with_labels_need_no_dataset(tmp_path):
    source = dump(tmp_path / "team.pkl", {"predictions": np.eye(3)[[0, 1, 1]], "labels": np.array([0, 1, 2])})
    (tmp_path / "names.txt").write_text("x\ny\nz\n")
    (tmp_path / "classes.txt").write_text("sit\nstand\nwave\n")
    words = ("--list", tmp_path / "names.txt", "--classes", tmp_path / "classes.txt", "--stream", "theirs")

    assert call(import_scores.main, "--from", source, "--to", tmp_path / "runs", *words) == 0

    found = load_scores(tmp_path / "runs" / "theirs.npz")
    assert found.labels == {"x": "sit", "y": "stand", "z": "wave"}
    assert measure(found).num_wrong == 1


def test_store_knows_its_clips_and_those_that_failed(tmp_path):
    facts = make_facts()
    # p1 tests b and d, both of them stand; of d nothing was extracted
    clips = [make_clip("a", facts.layout), make_clip("b", facts.layout), make_clip("c", facts.layout)]
    write_store(tmp_path / "store", facts, [*clips, make_failure("d")])
    source = dump(tmp_path / "hpj.pkl", rows({"b": [0, 1]}))

    words = ("--from", source, "--to", tmp_path / "runs", "--store", tmp_path / "store", "--protocol", "p1")
    assert call(import_scores.main, *words) == 0

    found = load_scores(tmp_path / "runs" / "hpj.npz")
    assert found.labels == {"b": "stand", "d": "stand"}
    assert found.source["dataset"] == "toy"
    assert measure(found).top1 == 1 / 2


def test_known_dataset_needs_all_clips_or_a_list(tmp_path, capsys):
    names = ["Walk_p02_r00_v02_c03", "Cook.Cut_p10_r00_v02_c03.mp4"]
    source = dump(tmp_path / "hpj.pkl", {names[0]: np.eye(31)[29]})
    (tmp_path / "list.txt").write_text("\n".join(names))
    words = ("--from", source, "--to", tmp_path / "runs", "--dataset", "smarthome")

    assert call(import_scores.main, *words) == 1
    assert "1 of the 5433 test clips of smarthome cs are named, so nobody can say" in capsys.readouterr().err
    assert call(import_scores.main, *words, "--list", tmp_path / "list.txt") == 0

    found = measure(load_scores(tmp_path / "runs" / "hpj.npz"))
    assert (found.num_scored, found.num_expected, found.num_wrong) == (1, 2, 1)


@pytest.mark.parametrize("main", [import_scores.main, ensemble_scores.main])
def test_help_is_for_people(main, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])

    assert "python -m scripts." in capsys.readouterr().out


def test_picture_is_dark_where_clips_are_right(tmp_path):
    draw_confusion(tmp_path / "a.png", measure(scores(np.eye(3)[[0, 0, 1, 2]])), "four clips, all right")

    grey = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE)
    dark = np.argwhere(cv2.erode((grey < 80).astype(np.uint8), np.ones((60, 60))))
    height, width = dark.max(0) - dark.min(0)
    assert height > 100  # three squares from the upper left to the lower right
    assert width > 100
    assert np.corrcoef(dark[:, 0], dark[:, 1])[0, 1] > 0.8


def test_picture_of_many_classes_with_any_names(tmp_path):
    classes = [f"$class_{number} with a name that is much too long for a picture$" for number in range(120)]
    labels = {"a": classes[0], "b": classes[119]}
    values = np.eye(120)[[0]]

    draw_confusion(tmp_path / "a.png", measure(scores(values, "a", classes=classes, labels=labels)), "$a_")

    assert cv2.imread(str(tmp_path / "a.png")).shape[0] > 2000


def test_names_of_streams_in_files_need_not_be_theirs(tmp_path, two_streams):
    save_scores(tmp_path / "other.npz", load_scores(two_streams / "hpj.npz"))

    assert call(ensemble_scores.main, "--scores", tmp_path / "other.npz", "--to", tmp_path / "out") == 0
    assert table_of(tmp_path / "out").keys() == {"hpj"}
