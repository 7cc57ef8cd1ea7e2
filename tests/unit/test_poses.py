"""Poses in units of bodies, mirrored, turned and scaled: answers by hand."""

import pytest
import torch

from store.exchange.skeletons import coco_17, ntu_25
from tests.unit.test_augment import draw
from train.augment import Augment
from train.poses import facing_others, in_bodies, mirror_partners, mirrored, vary_poses

ONE_CLIP = torch.tensor([0, 0])
# a pole of two joints, 4 high, and another one 6 to its right: the middle of both is at (3, 2), and each
# joint is 2 from the middle of its pole
POLES = torch.tensor([[[0.0, 0], [0, 4]], [[6, 0], [6, 4]]])[:, None]  # (R, T, V, D) = (2, 1, 2, 2)
IN_BODIES = torch.tensor([[[-1.5, -1], [-1.5, 1]], [[1.5, -1], [1.5, 1]]])[:, None]


def all_there(rows):
    return torch.ones(rows.shape[:2], dtype=torch.bool)


def test_the_middle_of_both_is_the_origin_and_their_size_the_unit():
    torch.testing.assert_close(in_bodies(POLES, all_there(POLES), ONE_CLIP, 1), IN_BODIES)


def test_where_a_clip_is_and_how_large_leaves_no_trace():
    elsewhere = POLES * 3 + torch.tensor([100.0, -20])

    torch.testing.assert_close(in_bodies(elsewhere, all_there(POLES), ONE_CLIP, 1), IN_BODIES)


def test_each_clip_has_its_own_middle():
    rows = in_bodies(POLES, all_there(POLES), torch.tensor([0, 1]), 2)

    torch.testing.assert_close(rows, IN_BODIES * torch.tensor([0.0, 1]))  # each pole stands in the middle


def test_a_walk_stays_a_walk():
    walk = torch.cat([POLES[:1], POLES[1:]], dim=1)  # one pole, there and then 6 further

    torch.testing.assert_close(in_bodies(walk, all_there(walk), ONE_CLIP[:1], 1)[0], IN_BODIES[:, 0])


def test_times_of_absence_count_nothing():
    rows = torch.cat([POLES, torch.full_like(POLES, 1000)], dim=1)
    valid = torch.tensor([[True, False]] * 2)

    torch.testing.assert_close(in_bodies(rows, valid, ONE_CLIP, 1)[:, :1], IN_BODIES)


def test_joints_in_one_place_have_no_size():
    rows = torch.full((1, 3, 2, 2), 5.0)

    assert torch.equal(in_bodies(rows, all_there(rows), ONE_CLIP[:1], 1), torch.zeros(1, 3, 2, 2))


def test_a_mirror_turns_x_round_and_exchanges_sides():
    rows = torch.tensor([[1.0, 10], [2, 20], [3, 30]])[None, None]  # nose, left hand, right hand
    partners = mirror_partners(["nose", "left_hand", "right_hand"])

    assert partners == [0, 2, 1]
    assert mirrored(rows, partners)[0, 0].tolist() == [[-1, 10], [-3, 30], [-2, 20]]


def test_sides_of_known_skeletons():
    assert mirror_partners(coco_17().joint_names) == [
        0,
        *[place for n in range(2, 17, 2) for place in (n, n - 1)],
    ]
    for names in (coco_17().joint_names, ntu_25().joint_names):
        partners = mirror_partners(names)
        assert [partners[place] for place in partners] == list(range(len(names)))
        assert all(
            ("left" in names[place]) == ("right" in names[other]) for place, other in enumerate(partners)
        )


def test_a_joint_without_another_side_is_its_own():
    assert mirror_partners(["left_horn", "tail"]) == [0, 1]


def vary(seed=0, rows=IN_BODIES, clip_of_row=ONE_CLIP, num_clips=1, **options):
    return vary_poses(rows, [0, 1], clip_of_row, num_clips, Augment(**options), draw(seed))


def test_nothing_is_varied_by_default():
    assert vary() is IN_BODIES


def test_a_mirrored_clip():
    assert torch.equal(vary(mirror=1.0), IN_BODIES * torch.tensor([-1.0, 1]))


def test_clips_are_mirrored_now_and_then():
    clips = torch.arange(400) // 2

    first = vary(rows=IN_BODIES.repeat(200, 1, 1, 1), clip_of_row=clips, num_clips=200, mirror=0.5)[
        :, 0, 0, 0
    ]

    assert torch.equal(first[::2], -first[1::2])  # persons of a clip stay on two sides
    assert 70 < (first[::2] < 0).sum() < 130


def test_a_turn_keeps_lengths_and_stays_within_its_degrees():
    for seed in range(20):
        turned = vary(seed, turn=30)
        torch.testing.assert_close(turned.norm(dim=3), IN_BODIES.norm(dim=3))
        up = turned[0, 0, 1] - turned[0, 0, 0]  # was (0, 2)
        assert up[1] >= 2 * 0.866 - 1e-3  # cos 30 degrees
    assert up[0].abs() > 1e-3


def test_a_scale_is_one_factor_for_the_whole_clip():
    factors = [vary(seed, scale=0.2) / IN_BODIES for seed in range(20)]

    assert all((one - one[0, 0, 0, 0]).abs().max() < 1e-6 for one in factors)
    drawn = [float(one[0, 0, 0, 0]) for one in factors]
    assert 0.8 <= min(drawn) < 0.9 < 1.1 < max(drawn) <= 1.2


def test_depth_grows_with_the_picture_and_does_not_turn():
    deep = torch.cat([IN_BODIES, torch.ones_like(IN_BODIES[..., :1])], dim=3)

    assert torch.equal(vary(rows=deep, turn=45)[..., 2], torch.ones(2, 1, 2))
    assert vary(rows=deep, scale=0.2)[..., 2].unique() == pytest.approx(
        float(vary(rows=deep, scale=0.2)[0, 0, 0, 0] / -1.5)
    )


def facing(rows, clips, valid=None):
    """The first joint, and a left and a right hand."""
    return facing_others(rows, all_there(rows) if valid is None else valid, [0, 2, 1], torch.tensor(clips), 2)


# the left one holds out the right hand to the other, who holds out the left hand
LEFT = torch.tensor([[-2.0, 0], [-3, 1], [-1, 1]])[None, None]
RIGHT = torch.tensor([[2.0, 0], [1, 1], [3, 1]])[None, None]


def test_everybody_has_the_others_to_the_right():
    rows = torch.cat([LEFT, RIGHT])

    # in a mirror the other's left hand at 1 is a right one at -1, as that of the first is
    assert torch.equal(facing(rows, [0, 0]), torch.cat([LEFT, LEFT]))


def test_who_is_alone_is_not_mirrored():
    rows = torch.cat([RIGHT, LEFT])

    assert torch.equal(facing(rows, [0, 1]), rows)


def test_sides_are_told_by_the_times_at_which_somebody_is_there():
    rows = torch.cat([LEFT.expand(1, 3, 3, 2), RIGHT.expand(1, 3, 3, 2)]).clone()
    rows[0, 1:] = 50  # not there any more
    valid = torch.tensor([[True, False, False], [True, True, True]])

    assert torch.equal(facing(rows, [1, 1], valid)[:, 0], torch.cat([LEFT, LEFT])[:, 0])
