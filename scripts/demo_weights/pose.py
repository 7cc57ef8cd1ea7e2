"""Training of a pose network: a plain loop around mmpose's network, codec and loss."""

import copy
import hashlib
import io
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from extract.pose_mmpose import MmposeEstimator
from scripts.demo_weights.crops import draw_crop
from scripts.demo_weights.pictures import Person
from scripts.demo_weights.things import ThingMaps
from store.durable import write_file

logger = logging.getLogger(__name__)

BATCH_SIZE = 16
_LEARNING_RATE, _WEIGHT_DECAY = 1.5e-3, 1e-2
_WARM_UP = 0.03  # share of the steps in which the learning rate rises
_AVERAGE = 0.998  # how much of the averaged weights stays, per step
_SAVE_EVERY_SECONDS = 60.0
_MARGINAL_BINS = 6.0  # width of a bin's first look at the columns or rows
_THINGS_WEIGHT = 1.0  # of the loss of objects; its gradients are then a third of the joints'
_HEATMAPS_WEIGHT = 100.0  # the mean square of maps that are nearly all 0 is so much smaller than a SimCC loss
_MAP_SIGMA = 2.0  # cells, of the heatmaps that a SimCC head's maps are drawn towards
_MAP_WEIGHT = 0.05  # of their loss; both losses then begin near 0.4


def train_pose(
    name: str,
    config: Mapping[str, object],
    persons: Sequence[Person],
    *,
    checkpoint: Path,
    steps: int,
    device: str,
    seed: int,
    start: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train for ``steps`` steps, over as many runs as it takes.

    Args:
        name: for the log.
        config: of the network, as ``extract/pose_mmpose.py`` reads it.
        persons: to learn from.
        checkpoint: where the state is kept, every minute; a run that was killed goes on from there.
        steps: of ``BATCH_SIZE`` crops, in all.
        device: "cpu", "cuda:0", …
        seed: of the first weights and of what is drawn by lot.
        start: weights of another network, whose backbone's this one's begins with.

    Returns:
        the averaged weights by name.

    Raises:
        ValueError: ``checkpoint`` holds something else.
        OSError: it cannot be written.
    """
    torch.manual_seed(seed)
    network = MmposeEstimator(config, None, taps=[], device=device, batch_size=1).network
    network.requires_grad_(True)
    if start is not None:
        prefix = "backbone."
        network.backbone.load_state_dict(
            {name.removeprefix(prefix): values for name, values in start.items() if name.startswith(prefix)}
        )
    if _is_simcc(network.head):
        start_as_marginals(network.head)
    else:
        nn.init.normal_(network.head.final_layer.weight, std=0.001)  # near zero: most of a heatmap is
        nn.init.zeros_(network.head.final_layer.bias)
    network.to(memory_format=torch.channels_last)  # faster on a processor
    made_of: dict[str, int | float | str] = {"seed": seed, "persons": len(persons), "start": _digest(start)}
    averaged = copy.deepcopy(network)
    things = ThingMaps(network.backbone).to(device)
    parameters = [*network.parameters(), *things.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    first = step = 0
    if checkpoint.is_file():
        first = step = _load(checkpoint, network, averaged, things, optimizer, made_of)
        logger.info("%s: goes on after %d of %d steps", name, step, steps)
    network.train()
    begin = saved = time.monotonic()
    recent = None
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * rate_at(step / steps)
        losses = _step(network, things, optimizer, persons, np.random.default_rng((seed, step)), device)
        step += 1
        _average(averaged, network, step)
        recent = losses if recent is None else 0.98 * recent + 0.02 * losses
        now = time.monotonic()
        if now - saved > _SAVE_EVERY_SECONDS or step == steps:
            saved = now
            _save(checkpoint, network, averaged, things, optimizer, {**made_of, "step": step})
            left = tqdm.format_interval((now - begin) / (step - first) * (steps - step))
            logger.info(
                "%s: step %d of %d, loss of joints %.4g, of objects %.4g, %s left",
                name, step, steps, *recent, left,
            )  # fmt: skip
    state: dict[str, Tensor] = averaged.state_dict()
    return state


def rate_at(share: float) -> float:
    """Return the share of the learning rate after a share of the steps.

    It rises, then falls as a cosine does to a hundredth.
    """
    if share < _WARM_UP:
        return 0.05 + 0.95 * share / _WARM_UP
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min((share - _WARM_UP) / (1 - _WARM_UP), 1))) / 2


@torch.no_grad()
def start_as_marginals(head: Any) -> None:  # noqa: ANN401 - mmpose is untyped
    """Let each bin of a SimCC head look at its own columns or rows of the map first.

    A bin's logit then begins as the sum of the map near it, which needs no learning: trained from random
    weights, the layers would spend most of a short time on finding out where their inputs lie.
    """
    width, height = head.heatmap_size
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    for layer, cells, count in ((head.mlp_head_x, columns, width), (head.mlp_head_y, rows, height)):
        bins = layer.out_features
        middles = (cells.flatten().float() + 0.5) * bins / count
        distances = (torch.arange(bins)[:, None] - middles) / _MARGINAL_BINS
        layer.weight.mul_(0.2).add_(0.1 * torch.exp(-distances.square() / 2).to(layer.weight))


def draw_maps(
    keypoints: npt.NDArray[np.float32], *, crop_wh: tuple[int, int], map_wh: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return heatmaps (V, rows, columns), 1 where a keypoint (V, 2), in pixels of the crop, lies."""
    cells = keypoints * (np.array(map_wh) / crop_wh).astype(np.float32)
    over_x, over_y = (
        np.exp(-np.square(np.arange(map_wh[axis]) - cells[:, axis, None]) / (2 * _MAP_SIGMA**2))
        for axis in range(2)
    )
    maps: npt.NDArray[np.float32] = over_y[:, :, None] * over_x[:, None]
    return maps


def _step(
    network: Any,  # noqa: ANN401
    things: ThingMaps,
    optimizer: torch.optim.Optimizer,
    persons: Sequence[Person],
    dice: np.random.Generator,
    device: str,
) -> npt.NDArray[np.float64]:
    """Learn from a batch; return the losses of joints and objects."""
    decoder = network.head.decoder
    crops, targets, weights = [], [], []
    for number in dice.integers(0, len(persons), BATCH_SIZE):
        crop = draw_crop(persons[number], dice, crop_wh=tuple(decoder.input_size))
        encoded = decoder.encode(crop.keypoints[None], crop.weights[None])
        crops.append(crop)
        if _is_simcc(network.head):
            maps = draw_maps(
                crop.keypoints, crop_wh=tuple(decoder.input_size), map_wh=tuple(network.head.heatmap_size)
            )
            targets.append([encoded["keypoint_x_labels"][0], encoded["keypoint_y_labels"][0], maps])
        else:
            targets.append([encoded["heatmaps"]])
        weights.append(encoded["keypoint_weights"])
    images = (
        torch.from_numpy(np.stack([crop.picture for crop in crops])).to(device).permute(0, 3, 1, 2).float()
    )
    preprocessor = network.data_preprocessor  # our crops are RGB, as its mean is
    images = (images - preprocessor.mean) / preprocessor.std
    images = images.contiguous(memory_format=torch.channels_last)
    wanted = [torch.from_numpy(np.stack(part)).float().to(device) for part in zip(*targets, strict=True)]
    known = torch.from_numpy(np.concatenate(weights)).float().to(device)
    features = network.backbone(images)
    of_joints = _loss(network.head, features, wanted, known)
    of_things = things.loss(features[-1], crops)
    total: Any = of_joints + _THINGS_WEIGHT * of_things  # torch: untyped backward
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return np.array([float(of_joints.detach()), float(of_things.detach())])


def _loss(head: Any, features: Any, wanted: Sequence[Tensor], known: Tensor) -> Tensor:  # noqa: ANN401
    """Return mmpose's own loss; for a SimCC head also that of the maps which it makes the vectors of.

    Without the second one a short training never tells the joints of the left and the right apart.
    """
    output = head(features)
    if not _is_simcc(head):
        loss: Tensor = _HEATMAPS_WEIGHT * head.loss_module(output, wanted[0], known)
        return loss
    vectors = head.loss_module(output, wanted[:2], known)
    where = wanted[2].flatten(2)
    where = where / where.sum(2, keepdim=True).clamp_min(1e-6)
    found = head.final_layer(features[-1]).flatten(2).log_softmax(2)
    loss = vectors - _MAP_WEIGHT * ((where * found).sum(2) * known).mean()
    return loss


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, step: int) -> None:
    keep = min(_AVERAGE, (1 + step) / (10 + step))
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - keep)
        else:
            mean.copy_(value)


def _digest(weights: Mapping[str, Tensor] | None) -> str:
    digest = hashlib.sha256()
    for values in (weights or {}).values():
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _is_simcc(head: Any) -> bool:  # noqa: ANN401
    return hasattr(head, "mlp_head_x")


def _save(
    path: Path,
    network: nn.Module,
    averaged: nn.Module,
    things: nn.Module,
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, int | float | str],
) -> None:
    buffer = io.BytesIO()
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "things": things.state_dict(),
        "optimizer": optimizer.state_dict(),
        **facts,
    }
    torch.save(state, buffer)
    write_file(path, buffer.getbuffer())


def _load(
    path: Path,
    network: nn.Module,
    averaged: nn.Module,
    things: nn.Module,
    optimizer: torch.optim.Optimizer,
    made_of: Mapping[str, int | float | str],
) -> int:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = {name: state[name] for name in made_of}
        if found != made_of:
            raise ValueError(f"trained with {found}, asked for {made_of}")
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        things.load_state_dict(state["things"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])
    except Exception as error:  # a damaged file raises whatever it stumbles over
        raise ValueError(
            f"{path}: not the state of this training ({error}); remove it to begin again"
        ) from error
