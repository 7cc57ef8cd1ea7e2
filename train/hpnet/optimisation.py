"""How HP-Net learns: parts with learning rates of their own, what decays, the rate of a step (D.7)."""

from collections.abc import Mapping
from math import cos, pi

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from train.hpnet.recipe import HPNetRecipe
from train.models.persons import PersonNorm

# in this order; each is two groups, what decays and what does not
PARTS = ("video", "message", "integration", "fusion")
_NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm, PersonNorm)


def parameter_groups(model: nn.Module, recipe: HPNetRecipe) -> list[dict[str, object]]:
    """Sort the parameters that learn into an optimiser's groups.

    Args:
        model: HP-Net.
        recipe: rates and decay.

    Returns:
        Two groups for each of ``PARTS``: what decays, and what does not; they may be empty.
    """
    norms = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, _NORMS)
        for parameter in module.parameters()
    }
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {
        (part, decays): [] for part in PARTS for decays in (True, False)
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            # shapes alone do not tell: stacked norms and biases of graph models have several axes
            decays = parameter.ndim > 1 and not is_bias_or_position(name) and id(parameter) not in norms
            groups[part_of(name), decays].append(parameter)
    rates = part_rates(recipe)
    return [
        {"params": members, "lr": rates[part], "weight_decay": recipe.weight_decay if decays else 0.0}
        for (part, decays), members in groups.items()
    ]


def part_of(name: str) -> str:
    """Return the part of ``PARTS`` that a parameter of HP-Net belongs to."""
    if not name.startswith("video."):
        return "fusion"
    if ".message_" in name:
        return "message"
    return "integration" if name.startswith("video.mit.") else "video"


def is_bias_or_position(name: str) -> bool:
    """Tell by its name whether a parameter is a bias, or what is added for a place or time."""
    return name.endswith("bias") or "position_embedding" in name


def part_rates(recipe: HPNetRecipe) -> Mapping[str, float]:
    """Return the highest learning rate of each part."""
    return {
        "video": recipe.lr,
        "message": recipe.lr * recipe.message_rate,
        "integration": recipe.lr * recipe.integration_rate,
        "fusion": recipe.lr * recipe.fusion_rate,
    }


def step_rates(recipe: HPNetRecipe, *, step: int, steps_per_epoch: int) -> list[float]:
    """Return the rate of each group at a step.

    From 0 up linearly, then down a cosine that has run since step 0, to ``min_lr``.

    Args:
        recipe: rates, warm-up, epochs.
        step: steps before it, from the beginning of the run.
        steps_per_epoch: steps of each epoch.

    Source: specs/hpnet.md D.7 (there in micro-batches, whose rate changes with the step only).
    """
    warm, whole = recipe.warmup_epochs * steps_per_epoch, recipe.epochs * steps_per_epoch
    found = []
    for rate in part_rates(recipe).values():
        if step < warm:
            now = rate * step / warm
        else:
            now = recipe.min_lr + (rate - recipe.min_lr) * (1 + cos(pi * step / whole)) / 2
        found += [now, now]
    return found
