"""BatchNorm with the statistics of one crop."""

import torch
from torch import nn

from extract.per_image_norm import use_per_image_norm


def test_each_crop_is_normalised_as_if_alone():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    nn.init.normal_(network[1][0].weight)
    nn.init.normal_(network[1][0].bias)
    images = torch.randn(3, 3, 8, 8) * torch.tensor([1.0, 5.0, 0.1]).view(3, 1, 1, 1)
    network.train()
    alone = torch.cat([network(image[None]) for image in images]).detach()

    network.eval()
    use_per_image_norm(network)

    torch.testing.assert_close(network(images).detach(), alone)


def test_every_one_is_replaced():
    network = nn.Sequential(
        nn.BatchNorm2d(2), nn.ModuleList([nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(2))])
    )

    use_per_image_norm(network)

    assert not [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
