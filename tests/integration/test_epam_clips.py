"""Clips of a store for EPAM-Net: which steps, in which box, and crops that show the same as heatmaps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from store import open_store
from store.errors import StoreFormatError
from store.spool import SpooledClip
from store.writer import StoreWriter
from tests.epam_stores import crops, jpeg
from tests.store_makers import EXECUTION, make_entries, make_facts, shrink_units
from tests.stream_stores import stream_clip, there
from train.crops import Crops
from train.epam.boxes import into_boxes
from train.epam.clips import at_steps, check_poses, read_poses
from train.epam.heatmaps import joint_volume
from train.epam.sampling import published_draw, rgb_steps, steps_in_test


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    shrink_units(monkeypatch)


def make_store(root, *, clock="native", valid=None, points=None, scores=1, frames=None, **outcome):
    """Write a store of one clip of 64 x 48 pixels, of two persons of two joints each."""
    facts = make_facts(clock, crops=("clip",) if frames else ())
    valid = there("xxxx", "xx--") if valid is None else valid
    clip = stream_clip("a", facts, valid)
    arrays = {name: values for name, values in clip.arrays.items() if not name.startswith("frames/")}
    if points is not None:
        arrays["keypoints"] = points * valid[..., None, None].astype(np.float32)
    arrays["keypoint_scores"] = scores * np.ones((*valid.shape, 2), np.float32) * valid[..., None]
    arrays |= crops(*frames) if frames else {}
    with StoreWriter(root, facts, make_entries(["a"]), EXECUTION) as writer:
        writer.put(SpooledClip("a", replace(clip.outcome, **outcome), arrays))
        writer.pack(["a"], last=True)
    return open_store(str(root))


def in_grid(clip, steps, size_wh, **options):
    """Return points in pixels of heatmaps, with what ``at_steps`` found."""
    found = at_steps(clip, np.array(steps), **options)
    return into_boxes(found.points[None], found.known[None], found.box[None], size_wh)[0], found


# (T, M, V, xy): the first person stands, the second one is far to the right and leaves
POINTS = np.array([[[[10, 8], [20, 24]], [[50, 8], [60, 24]]]] * 4, np.float32)


def test_poses_are_in_the_box_of_the_crops(tmp_path):
    reader = make_store(tmp_path, points=POINTS, frames=([[8, 0, 64, 28]] * 4, [jpeg((9, 9, 9))] * 4))

    clip = read_poses(reader, "a")
    points, found = in_grid(clip, [3, 0], (28, 56))

    assert clip.box.tolist() == [8, 0, 64, 28]
    assert clip.image_wh == (64, 48)
    # 56 pixels on 28, 28 on 56
    assert points[1].tolist() == [[[1, 16], [6, 48]], [[21, 16], [26, 48]]]
    assert points[0].tolist() == [[[1, 16], [6, 48]], [[0, 0], [0, 0]]]
    assert found.scores[0].tolist() == [[1, 1], [0, 0]]
    assert found.known[:, :, 0, 0].tolist() == [[True, False], [True, True]]


def test_without_crops_the_box_is_around_all_poses(tmp_path):
    clip = read_poses(make_store(tmp_path, points=POINTS), "a")

    alone = [2, 3]  # the second person has left
    of_all, _ = in_grid(clip, alone, (100, 100))
    of_drawn, _ = in_grid(clip, alone, (100, 100), box_rule="published")
    free = at_steps(clip, np.array(alone), box_rule="published", is_clamped=False)

    assert clip.box is None
    # all: x 10 to 60, half of 50 * 1.25 is 31.25: x 3 to 64, y 0 to 47
    torch.testing.assert_close(of_all[0, 0], torch.tensor([[700 / 61, 800 / 47], [1700 / 61, 2400 / 47]]))
    # drawn: y 8 to 24, half of 16 * 1.25 is 10: x 5 to 25, y 6 to 26
    torch.testing.assert_close(of_drawn[0, 0], torch.tensor([[25.0, 10], [75, 90]]))
    assert free.box.tolist() == [5, 6, 25, 26]


def test_a_joint_that_is_missing_is_not_in_the_box(tmp_path):
    """In a pickle of poses it is at 0, 0, with the score 0 (specs/posec3d.md 3.4)."""
    scores, points = np.ones((4, 2, 2), np.float32), POINTS.copy()
    scores[2, 0, 0], points[2, 0, 0] = 0, 0

    clip = read_poses(make_store(tmp_path, points=points, scores=scores), "a")
    _, found = in_grid(clip, [2, 3], (100, 100))

    assert found.box.tolist() == [3, 0, 64, 47]  # as with that joint
    assert found.known[:, 0, :, 0].tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("clock", ["native", 64])
def test_both_clocks_give_both_streams_their_steps(tmp_path, clock):
    num_steps = 64 if clock == 64 else 103
    frames = ([[0, 0, 64, 48]] * num_steps, [jpeg((2 * step, 0, 0)) for step in range(num_steps)])
    valid = there("x" * num_steps, "-" * num_steps)
    reader = make_store(tmp_path, clock=clock, valid=valid, frames=frames)

    [steps] = steps_in_test(len(reader.person_valid("a")), 48, published_draw())
    points, found = in_grid(read_poses(reader, "a"), steps, (56, 56))
    seen = Crops(reader, "clip", ["a"], size=224).read(0, rgb_steps(steps, 16))

    assert points.shape == (48, 2, 2, 2)
    assert joint_volume(points[None], found.scores[None]).shape == (1, 48, 2, 56, 56)
    assert seen.shape == (16, 224, 224, 3)
    assert abs(seen[..., 0].mean((1, 2)) - 2 * steps[::3]).max() < 2  # JPEG
    if clock == "native":
        assert steps[::3].tolist() == [1, 7, 12, 19, 25, 32, 38, 46, 51, 57, 64, 70, 77, 84, 91, 97]


def test_what_a_store_lacks_is_said(tmp_path):
    reader = make_store(tmp_path, width=None, height=None)
    with pytest.raises(StoreFormatError, match="how large the frames of 1 clips are, such as a; heatmaps"):
        check_poses(reader)
