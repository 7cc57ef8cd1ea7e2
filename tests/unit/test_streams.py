"""Streams worked out by hand."""

import numpy as np
import pytest
import torch

from store.exchange.skeletons import coco_17, ntu_25
from store.skeleton import Skeleton, make_skeleton
from train.streams import STREAMS, bone_parents, clip_stream, to_slots, view_of, view_rows

PAIR = make_skeleton(["head", "foot"], [("head", "foot")])


def one_person(*values: tuple[float, float]) -> np.ndarray:
    """Return (T, 1, 2, 1): head and foot at each time."""
    return np.array(values, np.float32).reshape(-1, 1, 2, 1)


def test_joint_bone_motion_by_hand():
    clip = one_person((1, 5), (2, 9), (4, 8))

    found = {
        name: clip_stream(clip, None, name, PAIR)[0, :, :, 0].tolist()
        for name in ("hpj", "hpb", "hpjm", "hpbm")
    }

    assert found == {
        "hpj": [[1, 5], [2, 9], [4, 8]],
        "hpb": [[0, 4], [0, 7], [0, 4]],  # foot minus head; the head has no bone
        "hpjm": [[1, 4], [2, -1], [0, 0]],
        "hpbm": [[0, 3], [0, -3], [0, 0]],
    }


def test_axes():
    values = np.arange(2 * 3 * 2 * 4, dtype=np.float16).reshape(2, 3, 2, 4)  # (T, M, V, C)

    stream = clip_stream(values, np.ones((2, 3), bool), "hpj", PAIR)

    assert stream.dtype == torch.float32
    assert stream.shape == (4, 2, 2, 3)
    assert stream[3, 1, 0, 2] == values[1, 2, 0, 3]


@pytest.mark.parametrize(
    "names", [("hpj", "j"), ("hpb", "b"), ("hpjm", "jm"), ("hpbm", "bm"), ("hpj", "simcc")]
)
def test_streams_of_the_pose_are_the_same_views(names):
    values = np.random.default_rng(0).random((5, 2, 2, 2), np.float32)

    one, other = (clip_stream(values, None, name, PAIR) for name in names)

    assert torch.equal(one, other)


def test_motion_needs_the_person_at_both_times():
    clip = one_person((1, 1), (3, 3), (0, 0), (7, 7), (8, 8))
    valid = np.array([[True], [True], [False], [True], [True]])

    assert clip_stream(clip, valid, "hpjm", PAIR)[0, :, 0, 0].tolist() == [2, 0, 0, 1, 0]
    # the release reads the zeros as data
    assert clip_stream(clip, None, "hpjm", PAIR)[0, :, 0, 0].tolist() == [2, -3, 7, 1, 0]


def test_who_is_absent_all_the_time_is_zero_in_all_streams():
    clip = np.concatenate([one_person((1, 2), (3, 5)), np.zeros((2, 1, 2, 1), np.float32)], 1)
    valid = np.array([[True, False], [True, False]])

    for name in STREAMS:
        assert not clip_stream(clip, valid, name, PAIR)[..., 1].any()


def test_float16_is_subtracted_in_float32():
    clip = one_person((1, 0), (4096, 0)).astype(np.float16)  # float16 knows 4096, but not 4095

    assert clip_stream(clip, None, "hpjm", PAIR)[0, 0, 0, 0] == 4095


def test_one_time_has_no_motion():
    assert not clip_stream(one_person((3, 4)), None, "hpjm", PAIR).any()


def test_parents():
    assert bone_parents(make_skeleton("abc", [("a", "b")])) == [0, 0, 2]
    # specs/hpnet.md C.1, which counts from 1
    assert bone_parents(coco_17()) == [5, 0, 0, 1, 2, 6, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14]
    assert bone_parents(ntu_25())[20] == 20  # the spine at the shoulders is the root
    with pytest.raises(ValueError, match=r"\['b'\] two parents"):
        bone_parents(Skeleton(("a", "b", "c"), (), (("b", "a"), ("b", "c"))))


def test_unknown_stream():
    with pytest.raises(ValueError, match="no stream 'hpx'; expected one of hpj, hpb"):
        view_of("hpx")


def test_rows_go_to_their_slots():
    rows = torch.tensor([10.0, 20.0, 30.0]).reshape(3, 1, 1, 1)

    # clip 0: person 1 only; clip 1: both
    stream = to_slots(rows, torch.tensor([1, 2, 3]), num_clips=2, num_persons=2)

    assert stream.shape == (2, 1, 1, 1, 2)
    assert stream[:, 0, 0, 0].tolist() == [[0, 10], [20, 30]]


def test_full_slots_need_no_copy():
    rows = torch.arange(4.0).reshape(4, 1, 1, 1)

    stream = to_slots(rows, torch.arange(4), num_clips=2, num_persons=2)

    assert stream.data_ptr() == rows.data_ptr()
    assert stream[:, 0, 0, 0].tolist() == [[0, 1], [2, 3]]


def test_an_input_is_not_changed():
    rows = torch.rand(2, 3, 2, 1)
    before = rows.clone()

    for name in STREAMS:
        view_rows(rows, torch.tensor([[True, False, True]] * 2), view_of(name), [0, 0])

    assert torch.equal(rows, before)
