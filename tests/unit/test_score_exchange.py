"""Other teams' score files: every form that is known, and what is wrong with the others, by name."""

import os
import pickle

import numpy as np
import pytest

from store.exchange.errors import ExchangeError
from tests.score_makers import CLASSES, LABELS
from train.exchange.found import ExpectedClips, FoundScores, bare_name, to_scores
from train.exchange.rank_folder import read_array, read_names, read_rank_folder
from train.exchange.score_pickle import read_score_pickle
from train.scores import ScoresError

ROWS = np.array([[3, 1, 0], [0, 2, 1], [0, 5, 0]], np.float32)
NAMES = ("a.mp4", "b.mp4", "c.mp4")
EXPECTED = ExpectedClips(CLASSES, LABELS, {name: name for name in LABELS}, {}, {"dataset": "mine"})


def dump(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


class MakesFolder:
    """What unpickling this makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


NAMED = [
    dict(zip(NAMES, ROWS, strict=True)),
    dict(zip(NAMES, ROWS.tolist(), strict=True)),
    {"predictions": dict(zip(NAMES, ROWS.astype(np.float64), strict=True))},
]
PLACED = [
    dict(enumerate(ROWS)),
    {f"test_{place}": row for place, row in enumerate(ROWS)},
    {np.int64(place): row for place, row in enumerate(ROWS)},
    {2: ROWS[2], 0: ROWS[0], 1: ROWS[1]},
    list(ROWS),
    ROWS.astype(np.float16),
    {"predictions": ROWS, "labels": np.array([0, 0, 1])},
    {"predictions": list(ROWS), "labels": ["sit", "sit", "stand"]},
]


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("content", NAMED)
def test_names_in_a_pickle_are_kept(tmp_path, content, protocol):
    found = read_score_pickle(dump(tmp_path / "a.pkl", content, protocol))

    assert found.names == NAMES
    np.testing.assert_array_equal(found.values, ROWS)
    assert found.values.dtype == np.float32


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("content", PLACED)
def test_places_in_a_pickle_count_in_the_list(tmp_path, content, protocol):
    found = read_score_pickle(dump(tmp_path / "a.pkl", content, protocol), NAMES)

    by_name = dict(zip(found.names, found.values.tolist(), strict=True))
    assert by_name == dict(zip(NAMES, ROWS.tolist(), strict=True))


DIGITS = {"2": ROWS[0], "0": ROWS[1], "1": ROWS[2]}
HIGH = {"11.mp4": ROWS[0], "12": ROWS[1], "10": ROWS[2]}


@pytest.mark.parametrize(
    ("content", "names", "known"),
    [
        (DIGITS, None, {"0", "1", "2"}),
        (DIGITS, ("0", "1", "2"), ()),  # each name is at its own place
        (HIGH, ("12.mp4", "10.mp4", "11.mp4", "13.mp4"), ()),
        ({int(key.partition(".")[0]): row for key, row in HIGH.items()}, ("12", "10", "11"), ()),
        ({"7": ROWS[0], "wave": ROWS[1], "test_3": ROWS[2]}, None, {"7", "wave", "test_3", "other"}),
    ],
)
def test_names_that_are_digits_are_kept(tmp_path, content, names, known):
    found = read_score_pickle(dump(tmp_path / "a.pkl", content), names, known)

    assert found.names == tuple(map(str, content))
    np.testing.assert_array_equal(found.values, ROWS)


def test_digits_that_the_list_does_not_name_are_places(tmp_path):
    by_place = {name.replace("2", "test_2"): row for name, row in DIGITS.items()}

    assert read_score_pickle(dump(tmp_path / "a.pkl", DIGITS), NAMES).names == ("c.mp4", "a.mp4", "b.mp4")
    assert read_score_pickle(dump(tmp_path / "b.pkl", by_place), ("1", "0", "2")).names == ("2", "1", "0")
    assert read_score_pickle(dump(tmp_path / "c.pkl", list(ROWS)), ("1", "0", "2")).names == ("1", "0", "2")


@pytest.mark.parametrize("kind", [str, int])
def test_keys_that_may_be_names_or_places_are_refused(tmp_path, kind):
    path = dump(tmp_path / "a.pkl", {kind(key): row for key, row in DIGITS.items()})

    with pytest.raises(
        ScoresError, match=r"key '?0'? is a name in the list, and the place of '1'; .* 'test_0'"
    ):
        read_score_pickle(path, ("1", "0", "2"))


def test_numbers_without_a_list_could_count_in_any_order(tmp_path):
    with pytest.raises(ScoresError, match="its 3 clips have numbers instead of names"):
        read_score_pickle(dump(tmp_path / "a.pkl", dict(enumerate(ROWS))), known={"0", "1", "2"})


def test_labels_come_with_their_clips(tmp_path):
    by_name = {"predictions": NAMED[0], "labels": {"c.mp4": 1, "a.mp4": 0, "b.mp4": 0}}

    assert read_score_pickle(dump(tmp_path / "a.pkl", by_name)).labels == (0, 0, 1)
    assert read_score_pickle(dump(tmp_path / "b.pkl", PLACED[-2]), NAMES).labels == (0, 0, 1)


def test_place_that_is_missing_is_a_clip_without_scores(tmp_path):
    found = read_score_pickle(dump(tmp_path / "a.pkl", {0: ROWS[0], 2: ROWS[2]}), NAMES)

    assert found.names == ("a.mp4", "c.mp4")


@pytest.mark.parametrize("wrap", [lambda bad: bad, lambda bad: {"a": ROWS[0], "b": bad}, lambda bad: [[bad]]])
def test_pickle_that_would_run_something_is_refused(tmp_path, wrap):
    path = dump(tmp_path / "bad.pkl", wrap(MakesFolder(tmp_path / "made")))

    with pytest.raises(ExchangeError, match=r"bad.pkl: names posix.mkdir, which is no plain data"):
        read_score_pickle(path, NAMES)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("content", "names", "message"),
    [
        (7, None, "holds int; expected name -> vector"),
        ({}, None, "holds dict of 0; expected"),
        (np.zeros(3), None, r"holds an array \(3,\); expected"),
        ({"a": ROWS}, None, r"clip 'a' has ndarray float32 \(3, 3\); expected a vector"),
        ({"a": "high"}, None, "clip 'a' has str"),
        ({"a": [[1], [2, 3]]}, None, "clip 'a' has list"),
        ({"a": ROWS[0], "b": ROWS[0, :2]}, None, "clip 'b' has 2 scores, 'a' has 3"),
        ({"a": ROWS[0], 1: ROWS[1]}, None, "keys such as 'a' beside others"),
        ({("a",): ROWS[0]}, None, r"keys such as \('a',\)"),
        (list(ROWS), None, "its 3 clips have numbers instead of names; give the list"),
        (list(ROWS), NAMES[:2], "places up to 2, 3 of them different, for 3 clips; the list has 2 names"),
        (list(ROWS), (*NAMES, "d.mp4"), "3 clips, counted from 0, for 4 names"),
        ({"predictions": ROWS, "labels": [0, 1]}, NAMES, "labels 2 for 3 clips"),
        ({"predictions": NAMED[0], "labels": {"a.mp4": 0}}, None, "2 clips have no label, such as 'b.mp4'"),
        ({"predictions": ROWS, "labels": [0, 1, 0.5]}, NAMES, "label 0.5; expected numbers"),
    ],
)  # fmt: skip
def test_pickle_of_something_else_is_refused_by_name(tmp_path, content, names, message):
    with pytest.raises(ScoresError, match=rf"a\.pkl: {message}"):
        read_score_pickle(dump(tmp_path / "a.pkl", content), names)


def test_file_that_is_no_pickle_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"not a pickle")

    with pytest.raises(ExchangeError, match=r"a\.pkl: no pickle of plain data"):
        read_score_pickle(tmp_path / "a.pkl")


@pytest.fixture
def release(tmp_path):
    """Return a folder as HP-Net's release writes it: two ranks, one more head, one pickle."""
    for rank, places in enumerate(([2, 0], [1])):
        np.save(tmp_path / f"{rank}_best_score.npy", ROWS[places])
        np.save(tmp_path / f"{rank}_best_jm_score.npy", ROWS[places] + 1)
        (tmp_path / f"{rank}_best_name.txt").write_text("".join(f"{NAMES[place]}\n" for place in places))
    dump(tmp_path / "BM_epoch1_test_score.pkl", NAMED[0])
    (tmp_path / "test_CS.txt").write_text("\n".join(NAMES))
    return tmp_path


def test_ranks_are_joined_with_their_names(release):
    found = read_rank_folder(release)

    assert found.keys() == {"hpnet", "hpnet_jm", "hpbm"}
    assert found["hpnet"].names == ("c.mp4", "a.mp4", "b.mp4")
    np.testing.assert_array_equal(found["hpnet"].values, ROWS[[2, 0, 1]])
    np.testing.assert_array_equal(found["hpnet_jm"].values, ROWS[[2, 0, 1]] + 1)
    assert found["hpbm"].names == NAMES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("1_best_name.txt", "a.mp4\nb.mp4\n", r"1_best_score.npy has 1 rows, 1_best_name.txt names 2 clips"),
        ("1_best_score.npy", np.zeros((1, 4)), r"1_best_score.npy: 4 scores per clip; expected 3"),
        ("0_best_score.npy", np.zeros(3), r"0_best_score.npy: float64 \(3,\); expected numbers"),
        ("0_best_score.npy", np.array([["a"]]), r"0_best_score.npy: <U1 \(1, 1\); expected numbers"),
        ("0_best_score.npy", None, "0_best_score.npy: no .npy of numbers, or cut short"),
        ("B_epoch2_test_score.pkl", {}, "B_epoch2_test_score.pkl: holds dict of 0"),
        ("BM_epoch2_test_score.pkl", NAMED[0], "two files of hpbm, one is BM_epoch2_test_score.pkl"),
    ],
)
def test_folder_that_does_not_fit_itself_is_refused(release, name, content, message):
    if isinstance(content, str):
        (release / name).write_text(content)
    elif isinstance(content, np.ndarray):
        np.save(release / name, content)
    elif content is None:
        (release / name).write_bytes((release / name).read_bytes()[:90])
    else:
        dump(release / name, content)

    with pytest.raises(ScoresError, match=message):
        read_rank_folder(release)


def test_rank_that_is_missing_is_named(release):
    for path in release.glob("0_*"):
        path.rename(release / path.name.replace("0_", "2_"))
    (release / "BM_epoch1_test_score.pkl").unlink()

    with pytest.raises(ScoresError, match=r"0_best_score\.npy is missing, of 2 ranks"):
        read_rank_folder(release)


def test_list_of_names_that_is_missing_is_named(release):
    (release / "1_best_name.txt").unlink()

    with pytest.raises(ScoresError, match=r"1_best_name\.txt is missing"):
        read_rank_folder(release)


def test_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ScoresError, match="no scores of HP-Net's release in it"):
        read_rank_folder(tmp_path)


def test_array_that_holds_objects_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)

    with pytest.raises(ScoresError, match=r"a\.npy: no \.npy of numbers"):
        read_array(tmp_path / "a.npy")


def test_list_holds_the_first_word_of_each_line(tmp_path):
    (tmp_path / "a.txt").write_text("one.mp4 12\n\n  two.mp4\n")

    assert read_names(tmp_path / "a.txt") == ("one.mp4", "two.mp4")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScoresError, match=r"b\.txt: no list of names"):
        read_names(tmp_path / "b.txt")


def test_names_with_spaces_are_those_that_are_expected(tmp_path):
    (tmp_path / "a.txt").write_text("hand over 01.mp4\nhand over 02  3\nhand 4\nhand over\nface 2\n")
    known = {"hand over 01", "hand over 02", "hand", "face off"}

    names = ("hand over 01.mp4", "hand over 02", "hand", "hand", "face")
    assert read_names(tmp_path / "a.txt", known) == names


def test_found_scores_are_keyed_by_id_and_class():
    made = to_scores(FoundScores("a.pkl", NAMES, ROWS, (0, "sit", 1)), EXPECTED, stream="hpj", kind=None)

    assert made.clip_ids == ("a", "b", "c")
    assert made.labels == LABELS
    assert made.kind == "logits"
    assert made.source == {"dataset": "mine", "stream": "hpj", "imported_from": "a.pkl"}


def test_rows_that_sum_to_one_are_probabilities():
    half = np.array([[0.5, 0.25, 0.2502], [1, 0, 0], [0.1, 0.2, 0.7]], np.float32)
    found = FoundScores("a.pkl", NAMES, half)

    assert to_scores(found, EXPECTED, stream="x", kind=None).kind == "softmax"
    assert to_scores(found, EXPECTED, stream="x", kind="logits").kind == "logits"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((NAMES, ROWS[:, :2]), "vectors of 2 scores; expected 3, one for each class of mine"),
        ((("a", "x.mp4", "y"), ROWS), "2 of 3 clips are not expected, such as 'x.mp4'; expected .* as 'a'"),
        ((("a", "b", "a.mp4"), ROWS), "clip 'a' is there twice"),
        ((NAMES, ROWS, (0, 1, 1)), "clip 'b' has the label 'stand', expected 'sit'"),
        ((NAMES, ROWS, (0, 3, 1)), "label 3; expected a number from 0 to 2"),
        ((NAMES, ROWS, (0, "fall", 1)), "label 'fall'"),
    ],
)  # fmt: skip
def test_found_scores_of_something_else_are_refused(found, message):
    with pytest.raises(ScoresError, match=f"other.pkl: {message}"):
        to_scores(FoundScores("other.pkl", *found), EXPECTED, stream="hpj", kind=None)


def test_dot_in_a_name_is_no_ending():
    assert bare_name("Cook.Cleanup_p02_r00_v02_c03") == "Cook.Cleanup_p02_r00_v02_c03"
    assert bare_name("Cook.Cleanup_p02_r00_v02_c03.mp4") == "Cook.Cleanup_p02_r00_v02_c03"
