"""BatchNorm with the statistics of each single crop, as the authors' release has it."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class PerImageNorm(nn.Module):
    """What ``BatchNorm2d`` in train mode does to a batch of one crop, for any batch.

    The release never switches its pose network to eval mode and feeds it one crop at a time, so every
    BatchNorm uses that crop's own mean and variance (specs/hpnet.md 0.1). Normalising each crop by itself is
    the same arithmetic and can be batched.
    """

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W) crop by crop."""
        return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


def use_per_image_norm(network: nn.Module) -> None:
    """Replace every BatchNorm of a network, in place; mmengine's synchronised ones are another class."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(module, name, PerImageNorm(child))
