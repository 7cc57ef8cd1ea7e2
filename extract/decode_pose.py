"""Network output to keypoints and scores, on the device and in batches. Pure.

Both functions give what mmpose's codecs give, which work crop by crop on the CPU; a test holds them together.
"""

import torch
from torch import Tensor


def decode_simcc(simcc_x: Tensor, simcc_y: Tensor, *, split_ratio: float) -> tuple[Tensor, Tensor]:
    """Decode SimCC vectors.

    Args:
        simcc_x: (N, V, Wx) logits over x bins.
        simcc_y: (N, V, Wy) logits over y bins.
        split_ratio: bins per pixel.

    Returns:
        keypoints (N, V, 2) in crop pixels: the fullest bin; scores (N, V) in [0, 1]: the smaller of the two
        peaks of
        the softmax (design, numerics contract 5).

    Source: specs/hpnet.md A.4.
    """
    bins = torch.stack([simcc_x.argmax(-1), simcc_y.argmax(-1)], dim=-1)
    peaks = torch.minimum(simcc_x.softmax(-1).amax(-1), simcc_y.softmax(-1).amax(-1))
    return bins.to(simcc_x.dtype) / split_ratio, peaks


def decode_heatmaps(heatmaps: Tensor, *, crop_wh: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Decode heatmaps: the peak, moved a quarter of a cell towards its higher neighbour.

    Args:
        heatmaps: (N, V, h, w).
        crop_wh: (width, height) of the crops in pixels.

    Returns:
        keypoints (N, V, 2) in crop pixels, outside the crop where a map has no positive value; scores
        (N, V): the peak, cut to [0, 1].

    Source: mmpose's MSRAHeatmap decoder, whose borders it keeps: a coordinate moves if it is neither in the
    last nor in the first two cells of its own axis, and not in the first cell of the other.
    """
    height, width = heatmaps.shape[2:]
    flat = heatmaps.flatten(2)
    peaks, places = flat.max(-1)
    x, y = places % width, places // width

    def at(column: Tensor, row: Tensor) -> Tensor:
        return flat.gather(2, (row.clamp(0, height - 1) * width + column.clamp(0, width - 1))[..., None])[
            ..., 0
        ]

    step_x = torch.sign(at(x + 1, y) - at(x - 1, y)) * 0.25
    step_y = torch.sign(at(x, y + 1) - at(x, y - 1)) * 0.25
    step_x = torch.where((x > 1) & (x < width - 1) & (y > 0), step_x, 0)
    step_y = torch.where((y > 1) & (y < height - 1) & (x > 0), step_y, 0)
    cells = torch.stack([x + step_x, y + step_y], dim=-1)
    cells = torch.where(peaks[..., None] > 0, cells, -1)
    scale = cells.new_tensor([crop_wh[0] / width, crop_wh[1] / height])
    return cells * scale, peaks.clamp(0, 1)
