"""PKU-MMD: videos cut into clips by made label files."""

import pytest

from extract.clips import load_clips
from extract.datasets.pku_mmd import PKU_MMD
from extract.errors import DatasetError

SPLITS = "Training videos:\n0002-L, 0002-M, 0002-R\nValidataion videos:\n0003-L, 0003-M, 0003-R, \n"


@pytest.fixture
def folder(tmp_path):
    """Two videos of the three cameras; all in all four clips."""
    for name in ("0002-L", "0003-M"):
        make(tmp_path / "RGB" / f"{name}.avi", "")
    make(tmp_path / "labels" / "0002-L.txt", "8,100,200,2\n13,20,80,1\n12,150,260,2\n")
    make(tmp_path / "labels" / "0003-M.txt", "1,5,9,2\n")
    make(tmp_path / "splits" / "cross-subject.txt", SPLITS)
    return tmp_path


def make(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def relabel(folder, text):
    """Give the first video other labels; return its clips, and what is noted of them."""
    make(folder / "labels" / "0002-L.txt", text)
    clips = load_clips("pku_mmd", folder)
    found = [(entry.id, *entry.interval) for entry in clips.entries if entry.id.startswith("0002")]
    return found, [note for note in clips.notes if "0002-L.txt" in note]


def test_videos_are_cut_by_their_label_files(folder):
    clips = load_clips("pku_mmd", folder)

    # the natural order of ids; overlapping actions are clips of their own
    assert [(entry.id, entry.label, *entry.interval) for entry in clips.entries] == [
        ("0002-L-A08-N02", "drink water", 100, 200),
        ("0002-L-A12-N03", "giving something to other person", 150, 260),
        ("0002-L-A13-N01", "hand waving", 20, 80),
        ("0003-M-A01-N01", "bow", 5, 9),
    ]
    first, *_, last = clips.entries
    assert (first.path, first.camera, first.subject) == ("RGB/0002-L.avi", "L", None)
    assert first.splits == {"xsub": "train", "xview": "test"}
    assert last.splits == {"xsub": "test", "xview": "train"}
    assert clips.notes == (
        "found 4 of 21545 clips; partial folders are normal",
        "xsub: train 3 of 18841, test 1 of 2704",
        "xview: train 1 of 14357, test 3 of 7188",
    )


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("1,90,10,1\n", [("0002-L-A01-N01", 10, 90)]),  # swapped
        (" 1 , 10 , 90 , 1 \n\n", [("0002-L-A01-N01", 10, 90)]),
        ("\ufeff1,10,90,1\r\n2,91,95,1", [("0002-L-A01-N01", 10, 90), ("0002-L-A02-N02", 91, 95)]),
        # equal starts: the one that ends earlier; equal ends, too: the lower label
        (
            "5,10,90,1\n1,10,90,1\n9,10,80,1\n",
            [("0002-L-A01-N02", 10, 90), ("0002-L-A05-N03", 10, 90), ("0002-L-A09-N01", 10, 80)],
        ),
        # the same action twice, overlapping
        ("7,30,60,1\n7,10,40,2\n", [("0002-L-A07-N01", 10, 40), ("0002-L-A07-N02", 30, 60)]),
        ("51,0,999999,1\n", [("0002-L-A51-N01", 0, 999999)]),  # where the video ends only its reader knows
        ("", []),
    ],
)
def test_label_files(folder, text, clips):
    found, notes = relabel(folder, text)

    assert found == clips
    assert notes == []


@pytest.mark.parametrize(
    ("line", "problem", "numbers"),
    [
        # frames 10 to 90 are the second of three actions, whatever is wrong with the rest
        ("52,10,90,1", "found the label 52; expected 1 to 51", (1, 3)),
        ("0,10,90,1", "found the label 0", (1, 3)),
        (
            "bow,10,90,1",
            "found 'bow,10,90,1'; expected label,start,end,confidence as whole numbers",
            (1, 3),
        ),
        ("1,90,10", "found '1,90,10'; expected label,start,end,confidence", (1, 3)),
        ("1,10,10,1", "found frames 10 to 10; expected some that are in the video", (1, 3)),
        ("1,-9,-2,1", "found frames -9 to -2", (2, 3)),
        # nobody knows which number these had
        ("1;10;90;1", "found '1;10;90;1'", (1, 2)),
        ("1,x,90,1", "found '1,x,90,1'; expected label", (1, 2)),
    ],
)
def test_a_line_that_says_nothing_is_lost_and_noted(folder, line, problem, numbers):
    found, (note,) = relabel(folder, f"1,5,9,1\n{line}\n2,20,30,1\n")

    assert found == [(f"0002-L-A01-N0{numbers[0]}", 5, 9), (f"0002-L-A02-N0{numbers[1]}", 20, 30)]
    assert note.startswith("1 lines of label files are left out: ")
    assert f"{folder / 'labels' / '0002-L.txt'}:2: {problem}" in note


def test_mending_a_line_renumbers_no_other(folder):
    mended, _ = relabel(folder, "1,5,9,1\n7,10,90,1\n2,20,30,1\n")
    found, _ = relabel(folder, "1,5,9,1\n77,10,90,1\n2,20,30,1\n")

    assert [clip for clip in mended if clip not in found] == [("0002-L-A07-N02", 10, 90)]
    assert found == [clip for clip in mended if clip in found]


def test_many_lost_lines_are_counted(folder):
    _, (note,) = relabel(folder, "nothing\n" * 9)

    assert note.startswith("9 lines")
    assert note.count("0002-L.txt:") == 5
    assert note.endswith("; and 4 more")


def test_an_action_that_begins_before_its_video_is_cut(folder):
    found, (note,) = relabel(folder, "1,-5,40,1\n")

    assert found == [("0002-L-A01-N01", 0, 40)]
    assert note.startswith("1 actions begin before their video and are cut to its beginning: ")
    assert note.endswith("0002-L.txt:1")


def test_folder_without_some_of_the_files(folder):
    (folder / "splits" / "cross-subject.txt").unlink()
    (folder / "labels" / "0003-M.txt").unlink()
    make(folder / "RGB" / "0002-L-depth.avi", "")

    clips = load_clips("pku_mmd", folder)

    assert len(clips.entries) == 3
    assert {tuple(entry.splits.items()) for entry in clips.entries} == {(("xview", "test"),)}
    strange, unlabelled, unlisted = clips.notes[3:]
    assert "not named like a video of PKU-MMD (0002-L.avi): 0002-L-depth.avi" in strange
    assert "1 videos are left out" in unlabelled
    assert "0003-M.avi" in unlabelled
    assert "holds no cross-subject.txt: no clip is in a split of xsub" in unlisted


def test_video_that_is_in_no_list(folder):
    make(folder / "splits" / "cross-subject.txt", SPLITS.replace("0003-M, ", ""))

    clips = load_clips("pku_mmd", folder)

    assert clips.entries[-1].splits == {"xview": "train"}
    assert "1 videos are in no split of xsub" in clips.notes[-1]
    assert clips.notes[-1].endswith("0003-M.avi")


def test_skeletons_are_no_labels(folder):
    make(folder / "skeletons" / "0002-L.txt", " ".join(["0.25"] * 150) + "\n")

    assert len(load_clips("pku_mmd", folder).entries) == 4


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        (
            "other/0002-L.txt",
            "1,2,3,1\n",
            r"a second label file of 0002-L; the first is .*labels/0002-L\.txt",
        ),
        ("zzz/cross-subject.txt", SPLITS, r"a second cross-subject\.txt; the first is .*splits"),
        (
            "splits/cross-subject.txt",
            "Training videos:\n",
            r"txt:2: found nothing; expected the videos that train",
        ),
        (
            "splits/cross-subject.txt",
            SPLITS.replace("0003-L", "0002-L"),
            r"txt:4: found 0002-L; expected the",
        ),
        ("splits/cross-subject.txt", SPLITS.replace("0002-R", "P02"), r"txt:2: found P02; .*such as 0002-L"),
    ],
)
def test_files_that_contradict_each_other(folder, file, text, problem):
    make(folder / file, text)

    with pytest.raises(DatasetError, match=problem):
        load_clips("pku_mmd", folder)


def test_without_label_files_the_message_says_what_is_missing(tmp_path):
    make(tmp_path / "RGB" / "0002-L.avi", "")

    with pytest.raises(
        DatasetError, match=r"holds no label file of them \(0002-L\.txt\): 0002-L\.avi"
    ) as caught:
        load_clips("pku_mmd", tmp_path)

    assert "come from its authors (address unknown)" in str(caught.value)
    assert "ask the dataset's authors" in str(caught.value)
    assert "cross-subject.txt" in str(caught.value)


def test_facts():
    assert len(PKU_MMD.class_names) == 51
    assert len(PKU_MMD.two_person_classes) == 8
    assert PKU_MMD.two_person_classes[:2] == ("giving something to other person", "handshaking")
    assert PKU_MMD.homepage is None
