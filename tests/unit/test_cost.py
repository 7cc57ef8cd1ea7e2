"""The counter of parameters and multiply-adds, and the table that it makes."""

import torch
from torch import Tensor, nn

from scripts.cost_table import main
from train.cost import Cost, cost_of


class Product(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(6)
        self.linear = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.linear(torch.matmul(x, x.transpose(2, 3)).mean((2, 3)))


def test_by_hand():
    network = Product().train()

    # the convolution: 7 x 8 places, 6 channels of 2 x 3 x 3; the product of 7 x 8 and 8 x 7, six times; 6 x 5
    assert cost_of(network, (1, 4, 7, 8)) == Cost(
        parameters=6 * 2 * 9 + 6 + 2 * 6 + 6 * 5 + 5, macs=7 * 8 * 6 * 2 * 9 + 6 * 7 * 8 * 7 + 6 * 5
    )
    assert cost_of(network, (2, 4, 7, 8)).macs == 2 * cost_of(network, (1, 4, 7, 8)).macs


def test_the_network_stays_as_it_is():
    network = Product().train()
    weight = network.conv.weight

    cost_of(network, (1, 4, 7, 8))

    assert network.training
    assert network.conv.weight is weight
    assert weight.device.type == "cpu"
    assert weight.requires_grad


def test_the_table(capsys):
    assert main(["--classes", "120"]) == 0

    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| ")
    ]
    costs = {
        (name, reads): (numbers, parameters, macs) for name, reads, numbers, parameters, macs, _ in rows[1:]
    }
    # 1,994,080 and 2,499,717 of the fact sheets with their classifiers; CTR-GCN's 1.32 G less a tenth
    assert costs["SlowOnly", "heatmap volume"] == ("2,558,976", f"{1_994_080 + 512 * 120 + 120:,}", "15.631")
    assert costs["EPAM-Net", "RGB, heatmap volume"] == ("4,967,424", f"{2_499_717 + 650 * 120:,}", "7.618")
    assert costs["CTR-GCN", "pooled features"] == ("208,896", "1,489,608", "1.193")
