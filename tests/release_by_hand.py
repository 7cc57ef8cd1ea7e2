"""The release's arithmetic from the formulas of specs/hpnet.md: one crop at a time, every frame, no batches.

Nothing of ``extract/`` is used, so that both can be wrong only in the same way by chance.
"""

import copy
from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

Box = Sequence[float]  # x1, y1, x2, y2

# Between a vector's two fullest bins, in its standard deviations. A batch and a single crop differ by 7e-6 of
# float noise; where bins are as near as that a joint moves, and the features are others by right.
LEAST_GAP = 1e-4


def release_features(
    frames: Sequence[np.ndarray],
    boxes: Sequence[Sequence[Box]],
    network: nn.Module,
    *,
    crop_wh: tuple[int, int],
    batch_norm: str,
    pose_aspect: str,
    tap: str,
    is_two_person_class: bool = False,
    num_times: int = 64,
    split_ratio: float = 2.0,
) -> np.ndarray:
    """Return (num_times, 2, V, C) float32.

    Args:
        frames: all frames of a clip, RGB.
        boxes: per frame the boxes, most confident first.
        network: the mmpose network, not replaced.
        crop_wh: its input.
        batch_norm: "per_image": train mode and batches of one; "eval".
        pose_aspect: "frame_hw" or "input".
        tap: ``backbone.stage4.0.branches.1`` or ``backbone.stage4.1[1]``.
        is_two_person_class: A.2.
        num_times: A.6.
        split_ratio: of the SimCC head.
    """
    network = copy.deepcopy(network)  # train mode changes the running statistics
    network.train(batch_norm == "per_image")
    rows = []
    for frame, found in zip(frames, boxes, strict=True):
        features = [
            _features(frame, box, network, crop_wh, pose_aspect, tap, split_ratio)
            for box in found[: 2 if is_two_person_class else 1]
        ]
        rows.append((features * 2)[:2] if features else None)  # one: copied to both slots
    shape = next(row[0].shape for row in rows if row is not None)
    every = np.stack([np.zeros((2, *shape), np.float32) if row is None else np.stack(row) for row in rows])
    # A.6: rows M V C, columns T
    columns = torch.from_numpy(every.reshape(len(rows), -1).T.copy())
    resized = F.interpolate(
        columns[None, None], size=(len(columns), num_times), mode="bilinear", align_corners=False
    )
    return resized[0, 0].numpy().T.reshape(num_times, 2, *shape)


@torch.no_grad()
def _features(frame, box, network, crop_wh, pose_aspect, tap, split_ratio) -> np.ndarray:
    x1, y1, x2, y2 = (float(np.rint(value)) for value in box)  # A.1
    width, height = crop_wh
    aspect = frame.shape[0] / frame.shape[1] if pose_aspect == "frame_hw" else width / height
    k = width / (1.25 * max(x2 - x1, aspect * (y2 - y1)))  # A.3
    matrix = np.array(
        [[k, 0, width / 2 - k * (x1 + x2) / 2], [0, k, height / 2 - k * (y1 + y2) / 2]], np.float32
    )
    crop = cv2.warpAffine(frame, matrix, crop_wh, flags=cv2.INTER_LINEAR)
    image = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    kept = {}
    module, item = (0, None) if tap.endswith("branches.1") else (1, 1)
    place = network.backbone.stage4[module]
    hook = (place.branches[1] if item is None else place).register_forward_hook(
        lambda _, inputs, output: kept.update(map=(output if item is None else output[item]).clone())
    )
    x, y = network.head(network.backbone((image - mean.view(3, 1, 1)) / std.view(3, 1, 1)))
    hook.remove()
    assert _gap(x) > LEAST_GAP < _gap(y), "bins of random weights as good as equal: take another SEED"
    joints = torch.stack([x.argmax(-1), y.argmax(-1)], -1) / split_ratio  # A.4
    grid = joints / torch.tensor([width / 2, height / 2]) - 1  # A.5
    return F.grid_sample(kept["map"], grid[:, :, None], align_corners=True)[0, :, :, 0].T.numpy()


def _gap(vectors: torch.Tensor) -> float:
    first, second = vectors.topk(2).values.unbind(-1)
    return float(((first - second) / vectors.std(-1)).min())
