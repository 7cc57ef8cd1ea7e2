"""Checkpoints of SimCC's authors (HRNet with SimCC head), in mmpose's names."""

from collections.abc import Iterable, Mapping

from torch import Tensor

_HEAD = ("final_layer.", "mlp_head_x.", "mlp_head_y.")
_WRAPPER = "module."  # in front of every name where the network was saved from a parallel training
_NUM_SHOWN = 8


def is_authors_checkpoint(names: Iterable[str]) -> bool:
    """Tell whether these names of weights are the authors': backbone and SimCC head side by side."""
    found = {name.removeprefix(_WRAPPER) for name in names}
    return {"conv1.weight", "mlp_head_x.weight", "mlp_head_y.weight"} <= found


def import_simcc_hrnet(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename an authors' checkpoint.

    Args:
        state: the authors' name -> weight.
        wanted: mmpose's name -> weight, of the network that is to get them; only shapes are read.

    Returns:
        mmpose's name -> weight.

    Raises:
        ValueError: weights are missing, unknown or of another shape; the message lists them.

    Source: specs/hpnet.md A.4: the names are mmpose's but for the prefix, so any width will do.
    """
    imported = {_rename(name): weight for name, weight in state.items()}
    shapes = {
        name: f"{name} {tuple(imported[name].shape)}, expected {tuple(weight.shape)}"
        for name, weight in wanted.items()
        if name in imported and imported[name].shape != weight.shape
    }
    problems = {
        "missing": [name for name in wanted if name not in imported],
        "unknown": [name for name in imported if name not in wanted],
        "of another shape": list(shapes.values()),
    }
    if any(problems.values()):
        lines = [f"{len(names)} {kind}: {_short(names)}" for kind, names in problems.items() if names]
        raise ValueError(
            "a checkpoint of SimCC's authors that does not fit the pose config; of its weights, in mmpose's "
            "names, are\n  " + "\n  ".join(lines) + "\n"
            "Give POSE the config of the same network: its widths, input size and split ratio"
        )
    return imported


def _rename(name: str) -> str:
    name = name.removeprefix(_WRAPPER)
    return f"{'head' if name.startswith(_HEAD) else 'backbone'}.{name}"


def _short(names: list[str]) -> str:
    more = f" and {len(names) - _NUM_SHOWN} more" if len(names) > _NUM_SHOWN else ""
    return ", ".join(names[:_NUM_SHOWN]) + more
