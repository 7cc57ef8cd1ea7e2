"""The authors' state dicts in our models' terms: what they keep apart, ours stack."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_CONV = ("weight", "bias")
_NORM = ("weight", "bias", "running_mean", "running_var")
State = Mapping[str, Tensor]


def ctrgcn_from_authors(state: State, *, num_persons: int) -> dict[str, Tensor]:
    """Return the state dict of ``CTRGCN`` from one of the authors' (specs/ctrgcn.md 12).

    Args:
        state: the authors' tensors; a prefix "module." is taken off.
        num_persons: M of their model.

    Raises:
        ValueError: a tensor is missing.
    """
    old = _Old(state)
    new = {f"norm.{part}": _by_slot(old[f"data_bn.{part}"], old["l1.gcn1.PA"], num_persons) for part in _NORM}
    new |= {f"classify.{part}": old[f"fc.{part}"] for part in _CONV}
    for place in range(10):
        gcn, tcn, ours = f"l{place + 1}.gcn1", f"l{place + 1}.tcn1.branches", f"backbone.{place}"
        new[f"{ours}.spatial.graph"] = old[f"{gcn}.PA"]
        new[f"{ours}.spatial.alpha"] = old[f"{gcn}.alpha"]
        for part in _CONV:
            phi, psi, theta, xi = (
                [old[f"{gcn}.convs.{subset}.conv{number}.{part}"] for subset in range(3)]
                for number in (1, 2, 3, 4)
            )
            new[f"{ours}.spatial.relate.{part}"] = _points(torch.cat([*phi, *psi]))
            new[f"{ours}.spatial.transform.{part}"] = _points(torch.stack(theta, 1).flatten(0, 1))
            new[f"{ours}.spatial.refine{'' if part == 'weight' else '_bias'}"] = _points(torch.stack(xi))
        new |= old.norm(f"{ours}.spatial.norm", f"{gcn}.bn")
        new |= old.shortcut(f"{ours}.spatial.down", f"{gcn}.down.0", f"{gcn}.down.1")
        new |= old.branches(f"{ours}.temporal", tcn, enter=["0.0", "1.0", "2.0", "3.0"], last=["3.1"])
        new |= old.shortcut(f"{ours}.shortcut", f"l{place + 1}.residual.conv", f"l{place + 1}.residual.bn")
    return new


def mixformer_from_authors(state: State, *, num_persons: int) -> dict[str, Tensor]:
    """Return the state dict of ``MixFormer`` from one of the authors' (golden/models).

    What their network holds and does not use is dropped.

    Args:
        state: the authors' tensors; a prefix "module." is taken off.
        num_persons: M of their model.

    Raises:
        ValueError: a tensor is missing.
    """
    old = _Old(state)
    graph = old["l1.spa_mixf.A_GEME"]
    new = {f"norm.{part}": _by_slot(old[f"data_bn.{part}"], graph, num_persons) for part in _NORM}
    new |= {f"classify.{part}": old[f"fc.{part}"] for part in _CONV}
    new |= {f"embed.{part}": old[f"to_joint_embedding.{part}"] for part in _CONV}
    new["joints"] = old["pos_embedding"].squeeze(0)
    new |= old.shortcut("backbone.first_again", "first_tram.1", "first_tram.2")
    new |= old.shortcut("backbone.second_again", "second_tram.1", "second_tram.2")
    stages = [
        (stage, place)
        for stage, count in (("first", 4), ("second", 3), ("third", 3))
        for place in range(count)
    ]
    for number, (stage, place) in enumerate(stages, start=1):
        spa, tem, ours = f"l{number}.spa_mixf", f"l{number}.tem_mixf.branches", f"backbone.{stage}.{place}"
        new[f"{ours}.spatial.graph"] = old[f"{spa}.A_GEME"]
        new[f"{ours}.spatial.gate.weight"] = old[f"{spa}.ChaRef_conv.weight"]
        new[f"{ours}.temporal.hold.weight"] = old[f"{tem}.4.0.combine_conv.weight"].squeeze(3)
        new[f"{ours}.temporal.hold.bias"] = old[f"{tem}.4.0.combine_conv.bias"]
        for part in _CONV:
            by_subset = torch.stack(old[f"{spa}.conv.{part}"].chunk(3))
            new[f"{ours}.spatial.transform.{part}"] = _points(by_subset.transpose(0, 1).flatten(0, 1))
            new[f"{ours}.spatial.own.{part}"] = old[f"{spa}.Spa_Att.linear.{part}"]
            new[f"{ours}.spatial.cross.{part}"] = old[f"{spa}.linear.{part}"]
            new[f"{ours}.temporal.between.{part}"] = old[f"{tem}.3.0.linear.{part}"]
        new |= old.norm(f"{ours}.spatial.norm", f"{spa}.bn")
        new |= old.shortcut(f"{ours}.spatial.down", f"{spa}.down.0", f"{spa}.down.1")
        new |= old.norm(f"{ours}.temporal.norm_between", f"{tem}.3.0.bn")
        enter = ["0.0", "1.0", "2.0", "3.0.conv", "4.0.conv"]
        new |= old.branches(f"{ours}.temporal", tem, enter=enter, last=["3.1", "4.1"])
        new |= old.shortcut(f"{ours}.shortcut", f"l{number}.residual.conv", f"l{number}.residual.bn")
    return new


class _Old:
    """An authors' state dict that says what is missing."""

    def __init__(self, state: State) -> None:
        self.state = {re.sub(r"^module\.", "", name): value for name, value in state.items()}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.state:
            raise ValueError(f"the weights have no {name!r}: they are not those of this network")
        return self.state[name]

    def norm(self, ours: str, *theirs: str) -> dict[str, Tensor]:
        """Stack BatchNorms; they have all seen the same batches."""
        new = {f"{ours}.{part}": torch.cat([self[f"{name}.{part}"] for name in theirs]) for part in _NORM}
        return new | {f"{ours}.num_batches_tracked": self[f"{theirs[0]}.num_batches_tracked"]}

    def shortcut(self, ours: str, conv: str, norm: str) -> dict[str, Tensor]:
        """Return a shortcut's tensors, or none where the block has none."""
        if f"{conv}.weight" not in self.state:
            return {}
        new = {f"{ours}.point.{part}": _points(self[f"{conv}.{part}"]) for part in _CONV}
        return new | self.norm(f"{ours}.norm", norm)

    def branches(self, ours: str, theirs: str, *, enter: list[str], last: list[str]) -> dict[str, Tensor]:
        """Stack the temporal branches, given the names of all 1x1s and of the last branches' norms."""
        new: dict[str, Tensor] = {}
        for part in _CONV:
            new[f"{ours}.enter.{part}"] = _points(
                torch.cat([self[f"{theirs}.{name}.{part}"] for name in enter])
            )
            for branch in (0, 1):
                new[f"{ours}.convs.{branch}.{part}"] = _along_time(self[f"{theirs}.{branch}.3.conv.{part}"])
        new |= self.norm(f"{ours}.norm_in", *(f"{theirs}.{branch}.1" for branch in range(3)))
        ends = ["0.3.bn", "1.3.bn", "2.4", *last]
        return new | self.norm(f"{ours}.norm_out", *(f"{theirs}.{name}" for name in ends))


def _by_slot(values: Tensor, graph: Tensor, num_persons: int) -> Tensor:
    """Turn (person, joint, channel), flat, into (person, channel * joint)."""
    return values.reshape(num_persons, graph.shape[-1], -1).transpose(1, 2).flatten(1)


def _points(values: Tensor) -> Tensor:
    """Take the two axes of a 1x1 kernel off; biases stay."""
    return values.flatten(-3) if values.shape[-2:] == (1, 1) and values.ndim > 3 else values


def _along_time(values: Tensor) -> Tensor:
    """Turn (k, 1) kernels, time before joints, into (1, k); biases stay."""
    return values if values.ndim == 1 else values.transpose(2, 3)
