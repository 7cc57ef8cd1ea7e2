"""Clips drawn for the pipeline, and what it computes, one frame at a time and without batches."""

import numpy as np
import torch

from extract.crop import crop_affine, crop_person, to_source_pixels
from tests.made_videos import draw_frame


def same(one, other):
    """Whether two clips have the same outcome and the same bits."""
    assert one.outcome == other.outcome
    assert list(one.arrays) == list(other.arrays)
    for name in one.arrays:
        np.testing.assert_array_equal(one.arrays[name], other.arrays[name], err_msg=name)
        assert one.arrays[name].dtype == other.arrays[name].dtype


def person_at(x, number):
    return draw_frame(number, [(0, (x, 16, x + 12, 40))])


def two_persons(number, *, second=True, x=(8, 44)):
    persons = [(0, (x[0], 16, x[0] + 10, 40))]
    if second:
        persons.append((1, (x[1], 18, x[1] + 10, 42)))
    return draw_frame(number, persons)


def crossing(num_frames=90):
    """The red one walks to the right, the blue one to the left and in front of the red one."""
    step = 44 / (num_frames - 1)
    return [
        two_persons(number, x=(5 + round(step * number), 49 - round(step * number)))
        for number in range(num_frames)
    ]


def alone(frames, detector, pose):
    """Every frame by itself, in order: boxes, keypoints, scores and features of the most confident person."""
    rows = []
    for frame in frames:
        found = detector([frame] + [np.zeros_like(frame)] * (detector.batch_size - 1))[0]
        if not len(found):
            rows.append(None)
            continue
        box = found.boxes_xyxy[np.argmax(found.scores)]
        matrix = crop_affine(box, crop_wh=pose.crop_wh, affine=pose.affine)
        crops = np.zeros((pose.batch_size, *reversed(pose.crop_wh), 3), np.uint8)
        crops[0] = crop_person(frame, matrix, crop_wh=pose.crop_wh)
        batch = pose(torch.from_numpy(crops))
        rows.append(
            {
                "boxes": box,
                "keypoints": to_source_pixels(batch.keypoints[:1], matrix[None])[0],
                "keypoint_scores": batch.scores[0],
                **{tap: values[0] for tap, values in batch.pooled.items()},
            }
        )
    return rows


def around(num_frames, num_times):
    """Yield the two frames around each sample time, and the share of the second one (specs/hpnet.md A.6)."""
    for i in range(num_times):
        s = max(0, (i + 0.5) * num_frames / num_times - 0.5)
        i0 = int(s)
        i1 = min(i0 + 1, num_frames - 1) if s > i0 else i0
        yield i0, i1, np.float32(s - i0 if i1 > i0 else 0)


def on_the_clock(rows, name, num_times=64):
    """What a sample time gets, with the rule of absence, one by one."""
    values = [None if row is None else row[name] for row in rows]
    shape = next(value.shape for value in values if value is not None)
    resampled = np.zeros((num_times, *shape), np.float32)
    for i, (i0, i1, f) in enumerate(around(len(rows), num_times)):
        first, second = values[i0], values[i1]
        if first is not None and second is not None:
            resampled[i] = (1 - f) * first + f * second
        elif first is not None or second is not None:
            resampled[i] = first if first is not None else second
    return resampled
