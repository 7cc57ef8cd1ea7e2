"""``make show``: which clips it draws, and how it answers."""

from pathlib import Path

import matplotlib.image
import pytest

from scripts import draw_clip
from store import open_store
from tests.walkers_store import TAP, Scene, make_scene


@pytest.fixture(scope="module")
def clocked(tmp_path_factory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("clocked") / "walkers", clock=64, crops=("person", "clip"))


def test_the_picture_is_a_png_of_the_pages_size_where_stdout_says(clocked, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert draw_clip.main(["--store", str(clocked.root)]) == 0

    printed = Path(capsys.readouterr().out.strip())
    assert printed == Path("data/pictures/walkers/day1__wave.png")
    image = matplotlib.image.imread(printed)
    width, height = clocked.figure.get_size_inches() * clocked.figure.dpi
    assert image.shape[1] == 1820 == round(width)
    assert abs(image.shape[0] - height) <= 1
    assert 0.02 < (image[..., :3].min(2) < 0.9).mean() < 0.9  # neither blank nor black


def test_several_clips_go_into_a_folder(clocked, tmp_path, capsys):
    wanted = ["--clip", "day1/clap,day1/wave", "--out", str(tmp_path / "p")]

    assert draw_clip.main(["--store", str(clocked.root), *wanted]) == 0

    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert paths == [tmp_path / "p" / "day1__clap.png", tmp_path / "p" / "day1__wave.png"]
    assert all(path.is_file() for path in paths)


def test_random_clips_are_the_same_every_time(clocked):
    reader = open_store(str(clocked.root))

    assert draw_clip.choose_clips(reader, "random:5") == draw_clip.choose_clips(reader, "random:5")
    assert sorted(draw_clip.choose_clips(reader, "random:5")) == ["day1/clap", "day1/wave"]
    assert len(draw_clip.choose_clips(reader, "random:1")) == 1


@pytest.mark.parametrize(
    ("clip_id", "said"),
    [
        ("empty", "status is no_person: nobody in 50 frames"),
        ("broken", "status is decode_error: no moov atom"),
        ("nowhere", "no clip 'nowhere'"),
    ],
)
def test_a_clip_without_data_says_why(clocked, tmp_path, capsys, clip_id, said):
    out = tmp_path / "x.png"

    assert draw_clip.main(["--store", str(clocked.root), "--clip", clip_id, "--out", str(out)]) == 1

    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert not out.exists()


def test_one_bad_clip_does_not_cost_the_others(clocked, tmp_path, capsys):
    wanted = ["--clip", "empty,day1/clap", "--out", str(tmp_path)]

    assert draw_clip.main(["--store", str(clocked.root), *wanted]) == 1

    captured = capsys.readouterr()
    assert captured.out.splitlines() == [str(tmp_path / "day1__clap.png")]
    assert "no_person" in captured.err


def test_unknown_tap_names_the_taps_there_are(clocked, tmp_path, capsys):
    wanted = ["--tap", "neck", "--out", str(tmp_path)]

    assert draw_clip.main(["--store", str(clocked.root), *wanted]) == 1
    assert TAP in capsys.readouterr().err


def test_no_store(tmp_path, capsys):
    assert draw_clip.main(["--store", str(tmp_path / "none")]) == 1
    assert "no store" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wanted",
    [
        ["--clip", "random:none"],
        ["--clip", "random:0"],
        ["--clip", "day1/clap,day1/wave", "--out", "one.png"],
        ["--colour", "red"],
    ],
)
def test_usage(clocked, wanted, capsys):
    with pytest.raises(SystemExit) as exit_:
        draw_clip.main(["--store", str(clocked.root), *wanted])

    assert exit_.value.code == 2
    assert "usage: draw_clip" in capsys.readouterr().err
