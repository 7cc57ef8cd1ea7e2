"""``torch.compile`` where this machine can; eager, with a line in the log, where it cannot."""

import logging
import os
import shutil

import torch

from train.models.base import GraphModel

_COMPILERS = ("g++", "clang++", "c++")
_logger = logging.getLogger(__name__)


def compile_backbone(model: GraphModel, device: torch.device) -> bool:
    """Compile a model's backbone in place; return whether that is possible here.

    Names in the state dict stay. Persons are folded outside, so a batch with fewer of them is only another
    number of rows, for which the second compilation is general. Meant for GPUs: compiled for a CPU the model
    was slower than eager (make bench ARGS="--only training").

    Args:
        model: a graph model.
        device: where it will run.
    """
    problem = _problem(device)
    if problem is not None:
        _logger.warning("torch.compile does not work here, training goes on without it: %s", problem)
        return False
    model.backbone.compile()
    return True


def _problem(device: torch.device) -> str | None:
    """Say what keeps torch.compile from working on a device; None: it works (tried on a small function)."""
    compilers = [os.environ["CXX"]] if "CXX" in os.environ else list(_COMPILERS)
    if not any(shutil.which(name) for name in compilers):
        return f"no C++ compiler ({', '.join(compilers)}) is on the path"
    try:
        torch.compile(torch.sin)(torch.ones(8, device=device))
    except RuntimeError as error:  # all of torch.compile's errors are
        return str(error).strip().partition("\n")[0]
    return None
