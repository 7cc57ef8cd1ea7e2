"""A store's clip as a page: what is drawn where."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.pictures.clip_page import draw_clip_page
from scripts.pictures.poses import to_crop_pixels
from store import open_store
from store.errors import ClipNotFoundError
from tests.walkers_store import (
    CLIP,
    CLIP_BOX,
    FPS,
    HEIGHT,
    JOINTS,
    LOUD_CHANNEL,
    SPOTS,
    TAP,
    WIDTH,
    Scene,
    make_scene,
)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("clocked") / "walkers", clock=64, crops=("person", "clip"))


@pytest.fixture(scope="module")
def native(tmp_path_factory) -> Scene:
    return make_scene(
        tmp_path_factory.mktemp("native") / "walkers", clock="native", num_steps=2000, crops=("clip",)
    )


@pytest.fixture(scope="module")
def frame_free(tmp_path_factory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("free") / "walkers", clock=64)


def panel(figure: Figure, label: str) -> Axes:
    (axes,) = [axes for axes in figure.axes if axes.get_label() == label]
    return axes


def labels(figure: Figure, start: str = "") -> list[str]:
    return [str(axes.get_label()) for axes in figure.axes if str(axes.get_label()).startswith(start)]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def joints(axes: Axes, person: int) -> np.ndarray:
    (points,) = [found for found in axes.collections if found.get_gid() == f"joints of person {person}"]
    return np.asarray(points.get_offsets())


# what is on the page


def test_both_crops_and_both_persons_have_their_panels(clocked):
    expected = [f"clip_crops {number}" for number in range(8)] + [
        f"person_crops {number}" for number in range(8)
    ]
    expected += ["validity", "score", "centre"]
    for person in (0, 1):
        expected += [f"joints {person}", f"scale of joints {person}"]
        expected += [f"channels {person}", f"scale of channels {person}"]

    assert labels(clocked.figure) == expected


def test_the_head_says_what_is_known_of_the_clip(clocked):
    text = words(clocked.figure)

    for fact in (CLIP, "wave", "subject 3", "camera 1", "status ok", "120 frames", "30 fps", "4.00 s"):
        assert fact in text
    for fact in (
        "320 x 240 px",
        "2 persons",
        "64 sample times",
        "● person 0",
        "● person 1",
        f"{TAP}  (C = 64)",
    ):
        assert fact in text
    assert "setup" not in text


def test_time_stamps_are_seconds_of_the_source(clocked):
    # the middle of the second of eight parts is sample time 12, at frame 12.5 * 120 / 64 - 0.5
    assert f"{(12.5 * 120 / 64 - 0.5) / FPS:.2f} s" in words(clocked.figure)


def test_frames_stand_above_their_own_time(clocked):
    picture = panel(clocked.figure, "clip_crops 3").get_position()
    curve = panel(clocked.figure, "score")
    place, _ = clocked.figure.transFigure.inverted().transform(
        curve.transData.transform(((28.5 * 120 / 64 - 0.5) / FPS, 0))
    )

    assert abs((picture.x0 + picture.x1) / 2 - place) < curve.get_position().width / 64


# where poses are drawn


def test_source_pixels_go_through_the_crop_box():
    # a box of 100 x 50 source pixels at (10, 20) that was stretched to 200 x 200
    points = to_crop_pixels(np.array([[9.5, 19.5], [10, 20], [109.5, 69.5]]), (10, 20, 110, 70), (200, 200))

    np.testing.assert_allclose(points, [[-0.5, -0.5], [0.5, 1.5], [199.5, 199.5]])


@pytest.mark.parametrize("crop", ["clip", "person"])
def test_a_joint_is_drawn_on_the_pixel_that_it_marks(clocked, crop):
    for number, person in ((1, 0), (1, 1), (3, 0), (3, 1), (4, 0), (7, 1)):
        axes = panel(clocked.figure, f"{crop}_crops {number}")
        x, y = np.rint(joints(axes, person)[0]).astype(int)

        pixel = np.asarray(axes.images[0].get_array())[y, x].astype(int)

        assert np.abs(pixel - SPOTS[person]).max() < 60, (crop, number, person)


def test_a_joint_of_the_clip_crop_is_where_the_box_says(clocked):
    x, y = clocked.keypoints[12, 1, 0]
    x1, y1, x2, y2 = CLIP_BOX

    drawn = joints(panel(clocked.figure, "clip_crops 1"), 1)[0]

    expected = ((x + 0.5 - x1) * 224 / (x2 - x1) - 0.5, (y + 0.5 - y1) * 224 / (y2 - y1) - 0.5)
    np.testing.assert_allclose(drawn, expected, atol=1e-3)


def test_without_frames_poses_are_in_source_pixels_on_a_canvas_of_its_proportions(frame_free):
    axes = panel(frame_free.figure, "no_frames 1")
    place = axes.get_position()
    width, height = frame_free.figure.get_size_inches()

    assert labels(frame_free.figure, "no_frames") == [f"no_frames {number}" for number in range(8)]
    assert not axes.images
    np.testing.assert_allclose(joints(axes, 0), frame_free.keypoints[12, 0])
    np.testing.assert_allclose((place.width * width) / (place.height * height), WIDTH / HEIGHT, rtol=0.01)


def test_persons_differ_in_colour_and_unsure_joints_fade(clocked):
    axes = panel(clocked.figure, "clip_crops 1")
    first, second = (found.get_facecolors() for found in axes.collections if found.get_gid())

    assert np.abs(first[0, :3] - second[0, :3]).max() > 0.3
    assert first[0, 3] == 1.0
    assert first[1, 3] < 0.2


# absence


def test_nobody_is_called_absent_and_not_drawn(clocked):
    axes = panel(clocked.figure, "clip_crops 0")

    assert [text.get_text() for text in axes.texts] == ["absent"]
    assert not axes.collections
    assert not panel(clocked.figure, "clip_crops 1").texts


def test_one_of_two_persons_is_drawn_alone(clocked):
    axes = panel(clocked.figure, "clip_crops 5")  # sample time 44, in the third quarter

    assert {found.get_gid() for found in axes.collections if found.get_gid()} == {"joints of person 0"}


def test_absent_times_are_no_data_in_images_and_curves(clocked):
    image = np.ma.getmaskarray(panel(clocked.figure, "joints 1").images[0].get_array())
    curve = panel(clocked.figure, "centre").lines[1].get_ydata()

    np.testing.assert_array_equal(image, np.broadcast_to(~clocked.valid[:, 1], image.shape))
    np.testing.assert_array_equal(np.isnan(curve), ~clocked.valid[:, 1])
    assert [text.get_text() for text in panel(clocked.figure, "validity").texts] == [
        "88 % there",
        "62 % there",
    ]


# features


def test_rows_are_the_norms_of_named_joints(frame_free):
    axes = panel(frame_free.figure, "joints 0")
    image = axes.images[0].get_array()

    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(JOINTS)
    assert image.shape == (3, 64)
    swing = np.sin(33 / 3)  # at sample time 33, in one of 64 equal channels
    np.testing.assert_allclose(
        image[:, 33], [np.sqrt(63 / 64 * n**2 + (n / 8 + swing) ** 2) for n in (1, 2, 3)], rtol=2e-3
    )


def test_the_channel_that_varies_most_comes_first(frame_free):
    axes = panel(frame_free.figure, "channels 0")
    image = axes.images[0].get_array()

    assert axes.get_yticklabels()[0].get_text() == str(LOUD_CHANNEL)
    assert image.shape == (48, 64)
    assert np.abs(image[0]).max() > 0.5
    assert np.abs(image[1:]).max() < 0.01


def test_another_tap(clocked):
    figure = draw_clip_page(open_store(str(clocked.root)), CLIP, tap="head.x[1]")

    assert "head.x[1]  (C = 8)" in words(figure)
    assert panel(figure, "channels 0").images[0].get_array().shape == (8, 64)


# any clip


def test_thousands_of_steps_are_averaged_to_what_a_page_can_show(native):
    assert labels(native.figure, "clip_crops") == [f"clip_crops {number}" for number in range(8)]
    assert panel(native.figure, "joints 0").images[0].get_array().shape == (3, 1200)
    assert f"{2000 / FPS:.2f} s" in words(native.figure)
    assert "clock: every frame" in words(native.figure)
    drawn = joints(panel(native.figure, "clip_crops 1"), 0)[0]
    x, y = native.keypoints[375, 0, 0]
    np.testing.assert_allclose(
        drawn, [(x + 0.5 - 20) * 224 / 280 - 0.5, (y + 0.5 - 10) * 224 / 220 - 0.5], atol=1e-3
    )


@pytest.mark.parametrize("num_steps", [1, 3])
def test_a_clip_of_a_few_frames(tmp_path, num_steps):
    scene = make_scene(tmp_path / "s", clock="native", num_steps=num_steps, num_persons=1, crops=("clip",))

    assert len(labels(scene.figure, "clip_crops")) == num_steps
    assert panel(scene.figure, "joints 0").images[0].get_array().shape == (3, num_steps)


def test_one_person_crops_of_persons_only_and_no_features(tmp_path):
    scene = make_scene(tmp_path / "s", clock=16, num_steps=16, num_persons=1, crops=("person",), taps={})

    assert labels(scene.figure, "person_crops") == [f"person_crops {number}" for number in range(8)]
    assert not labels(scene.figure, "clip_crops")
    assert not labels(scene.figure, "joints")
    assert "1 person" in words(scene.figure)


def test_texts_do_not_overlap(clocked, native, frame_free):
    for scene in (clocked, native, frame_free):
        scene.figure.canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in scene.figure.texts]
        for axes in scene.figure.axes:
            ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
            boxes += [(tick.get_text(), tick.get_window_extent()) for tick in ticks if in_view(axes, tick)]
        for place, (text, box) in enumerate(boxes):
            assert scene.figure.bbox.x0 <= box.x0, text
            assert box.x1 <= scene.figure.bbox.x1, text
            for other, other_box in boxes[:place]:
                assert not box.padded(-2).overlaps(other_box.padded(-2)), (text, other)


def in_view(axes: Axes, tick) -> bool:
    if not tick.get_visible() or not tick.get_text():
        return False
    is_x = tick in axes.get_xticklabels()
    if is_x and not axes.xaxis.get_tick_params()["labelbottom"]:
        return False
    low, high = sorted(axes.get_xlim() if is_x else axes.get_ylim())
    return low <= tick.get_position()[0 if is_x else 1] <= high


def test_the_page_refuses_a_clip_without_data(clocked):
    with pytest.raises(ClipNotFoundError, match="no_person: nobody in 50 frames"):
        draw_clip_page(open_store(str(clocked.root)), "empty")
