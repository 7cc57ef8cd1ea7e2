"""What a network costs, by one counter for all networks."""

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

CONVENTION = (
    "One multiply-add of a convolution or matrix product is 1 MAC, wherever in the network it is; everything "
    "else (biases, normalisation, activations, pooling, sums) is not counted."
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network has and does.

    Args:
        parameters: that are learned; buffers do not count.
        macs: multiply-adds of one forward pass; see ``CONVENTION``.
    """

    parameters: int
    macs: int


def cost_of(network: nn.Module, *shapes: tuple[int, ...]) -> Cost:
    """Count a network on inputs of some shapes, without computing anything.

    Args:
        network: whose forward takes float tensors; it is not changed.
        shapes: of its inputs, clips first; one clip gives the cost per clip.
    """
    counter, network = FlopCounterMode(display=False), copy.deepcopy(network).eval()
    # tensors of no content; inference, because with gradients the counter's hooks fail
    with torch.inference_mode(), FakeTensorMode(allow_non_fake_inputs=True), counter:
        network(*(torch.empty(shape) for shape in shapes))
    operations: int = counter.get_total_flops()  # two per multiply-add
    return Cost(sum(parameter.numel() for parameter in network.parameters()), operations // 2)
