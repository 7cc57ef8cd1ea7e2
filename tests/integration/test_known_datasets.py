"""Every known dataset from a made, partial folder into a store, and what is said where there is no folder."""

import pytest

from extract.clips import load_clips
from extract.datasets import DATASETS
from extract.errors import DatasetError
from scripts import reindex_store
from store.manifest import verify_store
from store.reader import open_store
from tests.fake_extraction import extract
from tests.made_videos import walking_persons, write_video

UAV = "P{}S00G10B10H10UC022000LC021000A{}R0_08241716"
# a partial folder of each: video -> kind, and the clips that it must give: id -> (label, splits)
FOLDERS = {
    "ntu60": (
        {"a/S001C001P001R001A001_rgb.avi": "mjpeg", "b/S001C002P003R002A060_rgb.avi": "mpeg4"},
        {
            "S001C001P001R001A001": ("drink water", {"xsub": "train", "xview": "test"}),
            "S001C002P003R002A060": ("walking apart", {"xsub": "test", "xview": "train"}),
        },
    ),
    "ntu120": (
        {"S001C001P001R001A001_rgb.avi": "mjpeg", "S018C002P045R002A061_rgb.avi": "mpeg4"},
        {
            "S001C001P001R001A001": ("drink water", {"xsub": "train", "xset": "test"}),
            "S018C002P045R002A061": ("put on headphone", {"xsub": "train", "xset": "train"}),
        },
    ),
    "smarthome": (
        {
            "Cook.Cleandishes_p02_r00_v02_c03.mp4": "h264 with B-frames",
            "deep/er/Walk_p03_r01_v16_c06.mp4": "h264 with B-frames",
        },
        {
            "Cook.Cleandishes_p02_r00_v02_c03": ("Cook.Cleandishes", {"cs": "test"}),
            "Walk_p03_r01_v16_c06": ("Walk", {"cs": "train", "cv2": "train"}),
        },
    ),
    "uav_human": (
        {f"{UAV.format('000', '000')}.avi": "mjpeg", f"{UAV.format('003', '154')}.avi": "mpeg4"},
        {
            UAV.format("000", "000"): ("drink", {"csv1": "train", "csv2": "train"}),
            UAV.format("003", "154"): ("close an umbrella", {"csv1": "test", "csv2": "train"}),
        },
    ),
    **dict.fromkeys(
        ("demo", "demo_full"),
        (
            {
                "drink_p03_c2_s1_r1.mp4": "h264 with B-frames",
                "a/hand_over_p10_c3_s4_r2.mp4": "h264 with B-frames",
            },
            {
                "drink_p03_c2_s1_r1": ("drink", {"xsub": "train", "xview": "train"}),
                "hand_over_p10_c3_s4_r2": ("hand over", {"xsub": "test", "xview": "test"}),
            },
        ),
    ),
    "pku_mmd": (
        {"RGB/0002-L.avi": "mpeg4 with B-frames", "RGB/0003-M.avi": "mjpeg"},
        {
            "0002-L-A08-N01": ("drink water", {"xsub": "train", "xview": "test"}),
            "0002-L-A12-N02": ("giving something to other person", {"xsub": "train", "xview": "test"}),
            "0003-M-A01-N01": ("bow", {"xsub": "test", "xview": "train"}),
        },
    ),
}


def make_folder(root, dataset):
    videos, _ = FOLDERS[dataset]
    for name, kind in videos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        made = write_video(root / "made", walking_persons(60), kind=kind)
        made.rename(root / name)
    if dataset == "pku_mmd":
        (root / "labels").mkdir()
        # swapped ends, overlapping
        (root / "labels" / "0002-L.txt").write_text("8,30,10,2\n12,20,45,1\n")
        (root / "labels" / "0003-M.txt").write_text("1,50,70,2\n")  # the video has 60 frames
        lists = "Training videos:\n0002-L,0002-M,\nValidataion videos:\n0003-L,0003-M,\n"
        (root / "cross-subject.txt").write_text(lists)
    return root


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Extracts a dataset's made folder, once; neither it nor the store is to be written to."""
    stores = {}

    def extract_once(dataset):
        if dataset not in stores:
            videos = make_folder(tmp_path_factory.mktemp(dataset), dataset)
            clips = load_clips(dataset, videos)
            store = tmp_path_factory.mktemp("stores") / dataset
            extract(videos, store, entries=clips.entries, every=clips.entries, dataset=clips.facts)
            stores[dataset] = videos, store
        return stores[dataset]

    return extract_once


@pytest.mark.parametrize("dataset", DATASETS)
def test_partial_folder_becomes_a_store(done, dataset):
    _, store = done(dataset)
    reader = open_store(str(store))
    found = {row.entry.id: (row.entry.label, dict(row.entry.splits)) for row in reader.rows}

    assert found == FOLDERS[dataset][1]
    assert {row.outcome.status for row in reader.rows} <= {"ok", "short"}
    assert reader.facts.dataset == DATASETS[dataset].facts
    assert list(verify_store(store)) == []


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "pku_mmd"])
def test_names_are_enough_to_reindex(done, dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # no videos in data/raw
    _, store = done(dataset)

    assert reindex_store.main([f"--store={store}", f"--dataset={dataset}"]) == 0
    assert "2 clips, 0 changed" in capsys.readouterr().out


def test_reindex_names_a_folder_that_is_not_there(done, tmp_path, capsys):
    _, store = done("ntu60")

    assert reindex_store.main([f"--store={store}", "--dataset=ntu60", f"--videos={tmp_path / 'none'}"]) == 1
    assert f"{tmp_path / 'none'}: no such folder" in capsys.readouterr().err


def test_labels_are_needed_to_reindex_what_they_cut(done, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    videos, store = done("pku_mmd")

    assert reindex_store.main([f"--store={store}", "--dataset=pku_mmd"]) == 1
    assert "data/raw/pku_mmd holds no label file of them" in capsys.readouterr().err
    assert reindex_store.main([f"--store={store}", "--dataset=pku_mmd", f"--videos={videos}"]) == 0
    assert "3 clips, 0 changed" in capsys.readouterr().out
    for name in ("0002-L.avi", "0003-M.avi"):  # the videos themselves are not needed
        (videos / "RGB" / name).rename(tmp_path / name)
    try:
        assert reindex_store.main([f"--store={store}", "--dataset=pku_mmd", f"--videos={videos}"]) == 0
        assert "3 clips, 0 changed" in capsys.readouterr().out
    finally:
        for name in ("0002-L.avi", "0003-M.avi"):
            (tmp_path / name).rename(videos / "RGB" / name)


def test_clips_of_a_long_video_are_its_parts(done):
    reader = open_store(str(done("pku_mmd")[1]))
    outcomes = {row.entry.id: row.outcome for row in reader.rows}

    assert {clip: (one.status, one.num_frames, one.reason) for clip, one in outcomes.items()} == {
        "0002-L-A08-N01": ("ok", 20, None),
        "0002-L-A12-N02": ("ok", 25, None),
        "0003-M-A01-N01": ("short", 10, "frames 50 to 70 are the clip, the video has 60: cut there"),
    }
    # the person walks a pixel per frame, 8 being half of its width
    for clip, first in (("0002-L-A08-N01", 10), ("0002-L-A12-N02", 20)):
        assert reader.keypoints(clip)[0, 0, 0, 0] == pytest.approx(8 + first, abs=1)


@pytest.mark.parametrize(
    ("dataset", "parts"),
    [
        ("ntu120", ["https://rose1.ntu.edu.sg", "permission", "S001C002P003R002A013_rgb.avi"]),
        ("smarthome", ["https://project.inria.fr/toyotasmarthome/", "request", "p02_r00_v02_c03.mp4"]),
        ("uav_human", ["https://github.com/sutdcv/UAV-Human", "Unknown: ask", "P000S00G10B10H10UC022000LC"]),
        ("pku_mmd", ["its authors (address unknown)", "Unknown: ask", "0002-L.txt", "cross-subject.txt"]),
    ],
)
def test_without_videos_it_says_how_to_get_them(dataset, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatasetError) as caught:
        load_clips(dataset)

    for part in ("no such folder", f"into data/raw/{dataset}", "VIDEOS=", DATASETS[dataset].title, *parts):
        assert part in str(caught.value)
