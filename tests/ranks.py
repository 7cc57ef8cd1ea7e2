"""What one of several processes does that share a batch, for tests that start them."""

from pathlib import Path
from typing import TypedDict

import torch
import torch.distributed as dist
from torch import Tensor

from train.models.persons import PersonNorm


class Shard(TypedDict):
    """The rows of one process: ``x`` (N, C, V, T), sorted by slot, ``counts`` of them per slot.

    ``pull`` (N, C, V, T): the loss is the sum of pull * normed.
    """

    x: Tensor
    counts: tuple[int, ...]
    pull: Tensor


class Normed(TypedDict):
    """What comes of it: values, gradients of rows and of parameters, running statistics."""

    values: Tensor
    x: Tensor
    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor


def normed(norm: PersonNorm, shard: Shard) -> Normed:
    """Train one step's way there and back, without the step."""
    x = shard["x"].clone().requires_grad_()
    values = norm.train()(x, shard["counts"])
    (values * shard["pull"]).sum().backward()
    return Normed(
        values=values.detach(),
        x=gradient_of(x),
        weight=gradient_of(norm.weight),
        bias=gradient_of(norm.bias),
        running_mean=norm.running_mean,
        running_var=norm.running_var,
    )


def gradient_of(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def normed_together(rank: int, folder: Path) -> None:
    """Be one of the processes of ``folder / "given.pt"``; parameters' gradients are averaged, as in training.

    Nothing but the folder is handed over: tensors would be shared.
    """
    torch.set_num_threads(1)
    given = torch.load(folder / "given.pt", weights_only=True)
    norm, shards = PersonNorm(*given["sizes"]), given["shards"]
    norm.load_state_dict(given["state"])
    dist.init_process_group("gloo", f"file://{folder / 'meet'}", rank=rank, world_size=len(shards))
    made = normed(norm, shards[rank])
    for gradient in (made["weight"], made["bias"]):
        dist.all_reduce(gradient)
        gradient /= len(shards)
    torch.save(made, folder / f"{rank}.pt")
    dist.destroy_process_group()
