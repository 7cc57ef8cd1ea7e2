"""Reading inside a network."""

import pytest
import torch
from torch import Tensor, nn

from extract.taps import Tap, TapReader, parse_tap


class Doubling(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Overwriting(nn.Module):
    """Changes what it receives, as in-place activations and HRNet's fusions do."""

    def forward(self, x: Tensor) -> Tensor:
        return x.add_(100)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> list[object]:
        return [x, 10 * x, "no tensor"]


class OverwritingList(nn.Module):
    def forward(self, branches: list[Tensor]) -> Tensor:
        branches[1] = branches[1] - 1
        return branches[1]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(Doubling(), Overwriting(), Branching(), OverwritingList())
        self.unused = Doubling()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def read(*names):
    network, taps = Network(), [parse_tap(name) for name in names]
    reader = TapReader(network, taps)
    network(torch.ones(1))
    return [reader.take(tap).tolist() for tap in taps]


def test_names():
    assert parse_tap("backbone.stage4.1[1]") == Tap("backbone.stage4.1[1]", "backbone.stage4.1", 1)
    assert parse_tap("head") == Tap("head", "head", None)


@pytest.mark.parametrize("name", ["", "a b", "a[", "a[x]", "a[-1]", "a..b", "a[1][2]", "[1]", "a.", "1a"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"module\.path\[i\]"):
        parse_tap(name)


def test_value_is_that_of_the_moment():
    # later modules overwrite the tensor (x + 100) and the list (second item - 1)
    assert read("body.0", "body.2[1]", "body.3") == [[2], [1020], [1019]]


def test_unknown_module_names_the_nearest():
    with pytest.raises(ValueError, match=r"no module 'body\.9' to tap; near: .*body\.0"):
        TapReader(Network(), [parse_tap("body.9")])


@pytest.mark.parametrize(
    "name",
    [
        "unused",  # the forward pass does not run it
        "body.2",  # a list
        "body.2[2]",  # no tensor
        "body.2[7]",  # no such item
        "body.0[0]",  # not a list
    ],
)
def test_nothing_there(name):
    with pytest.raises(ValueError, match="returns no tensor there"):
        read(name)


def test_an_earlier_pass_is_not_read_again():
    network, tap = Network(), parse_tap("body.0")
    reader = TapReader(network, [tap])
    network(torch.ones(1))
    reader.take(tap)

    with pytest.raises(ValueError, match="returns no tensor there"):
        reader.take(tap)
