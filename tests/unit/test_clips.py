"""Which clips: known datasets, folders of class folders, tables."""

import json
import pickle
import unicodedata
from pathlib import Path

import pytest

from extract.clips import load_clips, load_videos
from extract.errors import DatasetError, VideoError


def make_videos(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def write_table(folder: Path, text: str, name: str = "clips.csv", encoding: str = "utf-8") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder / name)


# known datasets


def test_part_of_a_known_dataset_is_normal(tmp_path):
    make_videos(
        tmp_path,
        "part2/S017C003P020R002A058_rgb.avi",
        "part1/S001C001P001R001A002_rgb.avi",
        "part1/S001C001P001R001A001_ir.avi",
        "part1/notes.txt",
    )

    clips = load_clips("ntu60", tmp_path)

    assert [entry.id for entry in clips.entries] == ["S001C001P001R001A002", "S017C003P020R002A058"]
    assert clips.entries[0].path == "part1/S001C001P001R001A002_rgb.avi"
    assert clips.root == tmp_path
    assert clips.facts.num_expected == 56_880
    assert clips.notes[0] == "found 2 of 56880 clips; partial folders are normal"
    assert clips.notes[1] == "xsub: train 1 of 40091, test 1 of 16487"
    assert clips.notes[2] == "xview: train 1 of 37646, test 1 of 18932"
    assert "left out 1 files" in clips.notes[3]
    assert "S001C001P001R001A001_ir.avi" in clips.notes[3]


def test_known_dataset_without_videos_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatasetError) as caught:
        load_clips("ntu60")

    for part in (
        "data/raw/ntu60",
        "no such folder",
        "https://rose1",
        "permission",
        "S001C002P003R002A013_rgb.avi",
    ):
        assert part in str(caught.value)


def test_known_dataset_names_a_file_that_does_not_fit(tmp_path):
    make_videos(tmp_path, "holiday.avi")

    with pytest.raises(DatasetError, match=r"no clip found; left out 1 files.*holiday\.avi"):
        load_clips("ntu60", tmp_path)


def test_known_clip_that_is_there_twice(tmp_path):
    make_videos(tmp_path, "a/S001C001P001R001A001_rgb.avi", "b/S001C001P001R001A001.avi")

    with pytest.raises(
        DatasetError, match=r"b/S001C001P001R001A001\.avi: another clip .* the first is .*a/S001"
    ):
        load_clips("ntu60", tmp_path)


def test_neither_name_nor_file():
    with pytest.raises(DatasetError, match=r"'ntu_60' is neither .* ntu60"):
        load_clips("ntu_60")


# folders


def test_folder_of_class_folders(tmp_path):
    root = make_videos(
        tmp_path / "gestures",
        "wave/clip10.mp4",
        "wave/clip2.MP4",
        "wave/day 1/café.webm",
        "wave/.clip3.mp4",
        "wave/readme.txt",
        "Clap/a.avi",
        ".trash/b.avi",
        "walk2/c.mov",
        "walk10/c.mov",
    )

    clips = load_clips(str(root))

    assert clips.facts.class_names == ("Clap", "walk2", "walk10", "wave")
    assert [entry.id for entry in clips.entries] == [
        "Clap/a",
        "walk2/c",
        "walk10/c",
        "wave/clip2",
        "wave/clip10",
        "wave/day 1/café",
    ]
    assert [entry.label for entry in clips.entries][-1] == "wave"
    assert all((clips.root / entry.path).is_file() for entry in clips.entries)
    assert (clips.facts.name, clips.facts.title) == ("gestures", "gestures")
    assert clips.facts.protocols == {}
    assert clips.facts.num_expected is None
    assert clips.facts.may_share
    assert clips.notes == ()


def test_folder_notes_what_it_leaves_out(tmp_path):
    make_videos(tmp_path, "wave/a.mp4", "loose.mp4", "empty/readme.txt")

    clips = load_clips(str(tmp_path))

    assert [entry.id for entry in clips.entries] == ["wave/a"]
    assert len(clips.notes) == 3
    assert "empty holds no videos" in clips.notes[0]
    assert "left out 1 videos" in clips.notes[1]
    assert "one class, 'wave'" in clips.notes[2]


@pytest.mark.parametrize("names", [(), ("a.mp4", "b.mp4"), ("wave/readme.txt",)])
def test_folder_without_classes(tmp_path, names):
    make_videos(tmp_path, *names)

    with pytest.raises(DatasetError, match="expected one sub-folder per class"):
        load_clips(str(tmp_path))


def test_folder_of_splits_is_not_one_of_classes(tmp_path):
    make_videos(tmp_path, "train/wave/a.mp4", "Test/wave/b.mp4")

    with pytest.raises(DatasetError, match=r"\(Test, train\) are splits"):
        load_clips(str(tmp_path))


def test_folder_with_one_clip_in_two_formats(tmp_path):
    make_videos(tmp_path, "wave/a.mp4", "wave/a.avi")

    with pytest.raises(
        DatasetError, match=r"a\.mp4: another clip with the id 'wave/a'; the first is .*a\.avi"
    ):
        load_clips(str(tmp_path))


def test_folder_follows_links_but_not_in_circles(tmp_path):
    elsewhere = make_videos(tmp_path / "disk", "deep/a.mp4")
    root = make_videos(tmp_path / "videos", "clap/b.mp4")
    (root / "wave").symlink_to(elsewhere)
    (elsewhere / "deep" / "back").symlink_to(elsewhere)

    assert [entry.id for entry in load_clips(str(root)).entries] == ["clap/b", "wave/deep/a"]


def test_folder_with_a_name_that_is_no_text(tmp_path):
    make_videos(tmp_path, "wave/a\udcff.mp4")  # the byte 0xff, as Python shows it

    with pytest.raises(DatasetError, match="rename the clip"):
        load_clips(str(tmp_path))


def test_accents_are_equal_however_they_are_written(tmp_path):
    apart = unicodedata.normalize("NFD", "café")
    make_videos(tmp_path, f"{apart}/{apart}.mp4")

    (entry,) = load_clips(str(tmp_path)).entries

    assert (entry.id, entry.label) == ("café/café", "café")
    assert entry.path == f"{apart}/{apart}.mp4"  # the file's name stays what it is


def test_videos_of_a_folder_are_the_folder(tmp_path):
    root = make_videos(tmp_path / "gestures", "wave/a.mp4")

    assert load_clips(str(root), root).root == root
    with pytest.raises(DatasetError, match="leave VIDEOS"):
        load_clips(str(root), tmp_path)


# tables

FULL = """\
path,id,label,subject,camera,setup,replication,split,split_xview,frames,sha256,colour
a/1.mp4,one,wave,7,left,lab,1,train,test,120,{digest},red
./a/2.avi,,"push, hard",8,,,,TEST,,61.0,,
a/3.mp4,,,,,,,,val,,,
"""


def test_table_with_every_column(tmp_path):
    table = write_table(tmp_path / "mine", FULL.format(digest="AB" * 32))

    clips = load_clips(table)

    one, two, three = clips.entries
    assert (one.id, one.path, one.label) == ("one", "a/1.mp4", "wave")
    assert (one.subject, one.camera, one.setup, one.replication) == ("7", "left", "lab", "1")
    assert one.splits == {"split": "train", "xview": "test"}
    assert (one.num_frames, one.sha256) == (120, "ab" * 32)
    assert (two.id, two.path, two.label, two.subject, two.camera) == (
        "a/2",
        "a/2.avi",
        "push, hard",
        "8",
        None,
    )
    assert two.splits == {"split": "test"}
    assert (two.num_frames, two.sha256) == (61, None)
    assert (three.label, three.splits) == (None, {"xview": "val"})
    assert clips.root == tmp_path / "mine"
    assert clips.facts.name == "mine"  # clips.csv says nothing, its folder does
    assert clips.facts.class_names == ("push, hard", "wave")
    assert {name: facts["expected"] for name, facts in clips.facts.protocols.items()} == {
        "split": {"train": 1, "test": 1},
        "xview": {"test": 1, "val": 1},
    }
    assert clips.facts.protocols["xview"]["metric"] == "top1"
    assert clips.notes == (f"{table}: columns that mean nothing here: colour",)


def test_jsonl_says_the_same_as_csv(tmp_path):
    rows = [
        {
            "path": "a/1.mp4",
            "label": "wave",
            "subject": 7,
            "split": "train",
            "frames": 120,
            "more": {"x": [1]},
        },
        {"path": "a/2.mp4", "label": None, "frames": float("nan"), "camera": ""},
    ]
    as_json = write_table(tmp_path, "\n\n".join(map(json.dumps, rows)), "mine.jsonl")
    as_csv = write_table(
        tmp_path, "path,label,subject,split,frames,more\na/1.mp4,wave,7,train,120,x\na/2.mp4\n", "mine.csv"
    )

    from_json, from_csv = load_clips(as_json), load_clips(as_csv)

    assert from_json.entries == from_csv.entries
    assert from_json.facts.class_names == from_csv.facts.class_names == ("wave",)
    assert from_json.facts.name == "mine"
    assert from_json.notes == (f"{as_json}: columns that mean nothing here: more",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write(tmp_path, encoding, line_end, delimiter):
    lines = [
        (" Path ", "LABEL", ""),
        ("mein Ordner/größe 1.mp4", " 挥手 ", ""),
        ("", "", ""),
        ("b\\c.mp4", "x", ""),
    ]
    text = "".join(delimiter.join(cells) + line_end for cells in lines)

    clips = load_clips(write_table(tmp_path, text, "mine.csv", encoding))

    assert [(entry.id, entry.path, entry.label) for entry in clips.entries] == [
        ("mein Ordner/größe 1", "mein Ordner/größe 1.mp4", "挥手"),
        ("b/c", "b/c.mp4", "x"),
    ]
    assert clips.facts.protocols == {}
    assert clips.notes == ()


def test_paths_of_a_table_are_relative_to_videos(tmp_path):
    table = write_table(tmp_path / "lists", "path\na.mp4\n")
    (tmp_path / "disk").mkdir()

    assert load_clips(table, tmp_path / "disk").root == tmp_path / "disk"
    with pytest.raises(DatasetError, match="no such folder"):
        load_clips(table, tmp_path / "dist")


def test_quoted_line_ends_do_not_shift_line_numbers(tmp_path):
    table = write_table(tmp_path, 'path,remark,split\na.mp4,"two\nlines",train\nb.mp4,,both\n')

    with pytest.raises(DatasetError, match=r"clips\.csv:4: split: 'both'"):
        load_clips(table)


def test_a_protocol_nobody_is_in_is_none(tmp_path):
    clips = load_clips(write_table(tmp_path, "path,split_b,split_a,split_c\na.mp4,train,,\nb.mp4,,test,\n"))

    assert list(clips.facts.protocols) == ["b", "a"]  # the table's order: the first is the default


def test_clips_that_are_parts_of_a_video(tmp_path):
    rows = "a.mp4,,0,30,wave\na.mp4,,30.0,,clap\na.mp4,,,12,\na.mp4,named,5,6,\na.mp4,,,,\n"
    clips = load_clips(write_table(tmp_path, f"path,id,First_Frame,end_frame,label\n{rows}"))

    assert [(entry.id, entry.first_frame, entry.end_frame) for entry in clips.entries] == [
        ("a_0_30", 0, 30),
        ("a_30_end", 30, None),
        ("a_0_12", None, 12),
        ("named", 5, 6),
        ("a", None, None),
    ]
    assert [entry.interval for entry in clips.entries] == [(0, 30), (30, None), (0, 12), (5, 6), None]
    assert clips.notes == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,first_frame\na.mp4,-1\n", r":2: first_frame is '-1'; expected a whole number, or nothing"),
        ("path,end_frame\na.mp4,0\n", r":2: end_frame is '0'; expected a whole number above 0"),
        ("path,end_frame\na.mp4,2.5\n", r":2: end_frame is '2\.5'"),
        (
            "path,first_frame,end_frame\na.mp4,7,7\n",
            r":2: the clip is frames 7 to 7 \(not included\), which are none; expected an end_frame above",
        ),
        ("path,first_frame\na.mp4,1\na.mp4,1\n", r":3: another clip with the id 'a_1_end'"),
        ("", r":1: the header has no column 'path'; found nothing"),
        ("path,label\n", "names no clip"),
        ("file,label\na.mp4,x\n", r":1: the header has no column 'path'; found file, label, expected path"),
        ("a.mp4 wave\n", r":1: the header has no column 'path'"),
        ("path,label,Label\na.mp4,x,y\n", r":1: the header has the column 'label' twice"),
        ("path,label\na.mp4,x\n,y\n", r":3: path is ''; expected the path of a video"),
        ("path,label\n..,x\n", r":2: path is '\.\.'"),
        ("path,label\na.mp4,x,y\n", r":2: 3 cells under 2 columns"),
        ('path,label\n"a.mp4,x\n', r":2: not a line of a CSV file"),
        ("path\na.mp4\nb.mp4\na.avi\n", r":4: another clip with the id 'a'; the first is .*clips\.csv:2"),
        ("path,split\na.mp4,training\n", r":2: split: 'training' is no split; expected train, test, val"),
        ("path,split_x\na.mp4,0\n", r":2: x: '0' is no split"),
        ("path,frames\na.mp4,many\n", r":2: frames is 'many'; expected a whole number above 0"),
        ("path,frames\na.mp4,0\n", r":2: frames is '0'"),
        ("path,frames\na.mp4,-3\n", r":2: frames is '-3'"),
        ("path,frames\na.mp4,12.5\n", r":2: frames is '12.5'"),
        ("path,sha256\na.mp4,abc\n", r":2: sha256 is 'abc'; expected 64"),
        ("path,label\na.mp4,x\u2028y\n", r":2'.*rename the clip"),
    ],
)
def test_csv_errors_name_the_line(tmp_path, text, problem):
    with pytest.raises(DatasetError, match=rf"clips\.csv.*{problem}|clips\.csv{problem}"):
        load_clips(write_table(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n \n", "names no clip"),
        ('{"path": "a.mp4"}\n{"path": \n', r":2: not JSON: .*expected one object per line"),
        ('["a.mp4"]\n', r":1: found \[\"a\.mp4\"\]; expected an object"),
        ('{"label": "x"}\n', r":1: path is ''"),
        ('{"path": ["a.mp4"]}\n', r":1: path is \[\"a\.mp4\"\]; expected a string or a number"),
        ('{"path": "a.mp4", "label": true}\n', r":1: label is true"),
        ('{"path": "a.mp4", "frames": 1.5}\n', r":1: frames is '1\.5'"),
        ('{"path": "a.mp4", "Path": "b.mp4"}\n', r":1: has 'path' twice"),
        ('{"path": "a\\ud800.mp4"}\n', "rename the clip"),
    ],
)
def test_jsonl_errors_name_the_line(tmp_path, text, problem):
    with pytest.raises(DatasetError, match=rf"clips\.jsonl.*{problem}"):
        load_clips(write_table(tmp_path, text, "clips.jsonl"))


def test_other_encodings_and_formats_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"clips\.csv:2: not UTF-8"):
        load_clips(write_table(tmp_path, "path,label\ngröße.mp4,x\n", encoding="latin-1"))
    with pytest.raises(DatasetError, match=r"clips\.xlsx: a table of clips ends in"):
        load_clips(write_table(tmp_path, "path\na.mp4\n", "clips.xlsx"))


def test_video_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(VideoError("a.mp4: 3 bytes; expected a video", "decode_error")))

    assert str(error) == "a.mp4: 3 bytes; expected a video"
    assert error.status == "decode_error"


@pytest.mark.shared
def test_real_table():
    table = Path(__file__).parents[2].parent / "shared/real/ut_interaction/clips.csv"
    if not table.exists():
        pytest.skip(f"{table} is not here")

    clips = load_clips(str(table))

    assert clips.facts.name == "ut_interaction"
    assert clips.facts.class_names == ("handshake", "hug", "kick", "point", "punch", "push")
    assert len(clips.entries) == 60
    assert all((clips.root / entry.path).is_file() for entry in clips.entries)


# videos to predict


def test_a_video_alone_is_called_as_its_file(tmp_path):
    make_videos(tmp_path, "wave.mp4", "other.mp4")

    clips = load_videos(tmp_path / "wave.mp4")

    assert [(entry.id, entry.path, entry.label) for entry in clips.entries] == [
        ("wave.mp4", "wave.mp4", None)
    ]
    assert (clips.root, clips.facts.name) == (tmp_path, "wave")


def test_all_videos_below_a_folder(tmp_path):
    make_videos(tmp_path / "new", "b.mp4", "b.avi", "deep/er/a.mov", "notes.txt", ".hidden.mp4")

    clips = load_videos(tmp_path / "new")

    assert [entry.id for entry in clips.entries] == ["b.avi", "b.mp4", "deep/er/a.mov"]
    assert (clips.root, clips.facts.name) == (tmp_path / "new", "new")


def test_a_table_of_videos_keeps_its_parts_and_not_its_labels(tmp_path):
    table = write_table(tmp_path, "path,label,split,first_frame,end_frame\na.mp4,wave,test,5,9\n", "new.csv")

    clips = load_videos(Path(table))

    [entry] = clips.entries
    assert (entry.id, entry.interval, entry.label, entry.splits) == ("a_5_9", (5, 9), None, {})
    assert (clips.root, clips.facts.class_names, clips.facts.protocols) == (tmp_path, (), {})


@pytest.mark.parametrize(
    ("name", "words"), [("none.mp4", "no such file; expected a video"), ("empty", "no video in it or below")]
)
def test_no_video_to_predict(tmp_path, name, words):
    (tmp_path / "empty").mkdir()

    with pytest.raises(DatasetError, match=rf"{name}: {words}"):
        load_videos(tmp_path / name)
