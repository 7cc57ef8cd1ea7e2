"""The learning rate as a pure function of the step, so that it needs no state when a run resumes."""

from math import cos, pi

from train.config import Recipe
from train.graph_recipe import GraphRecipe


def learning_rate(recipe: GraphRecipe, *, step: int, steps_per_epoch: int) -> float:
    """Return the rate of a step.

    Args:
        recipe: lr, schedule, steps, warmup_epochs, epochs.
        step: steps before it, from the beginning of the run.
        steps_per_epoch: steps of each epoch.

    Source: specs/ctrgcn.md 6 (steps: constant within an epoch), specs/baselines.md (cosine by iteration).
    """
    epoch = step // steps_per_epoch
    if recipe.schedule == "cosine" or epoch < recipe.warmup_epochs:
        return cosine_rate(recipe, step=step, steps_per_epoch=steps_per_epoch)
    return recipe.lr * 0.1 ** sum(passed <= epoch for passed in recipe.steps)


def cosine_rate(recipe: Recipe, *, step: int, steps_per_epoch: int) -> float:
    """Return the rate of a step that falls as a cosine does to 0, after a warm-up by epochs; see above."""
    epoch = step // steps_per_epoch
    if epoch < recipe.warmup_epochs:
        return recipe.lr * (epoch + 1) / recipe.warmup_epochs
    return recipe.lr * (1 + cos(pi * step / (recipe.epochs * steps_per_epoch))) / 2
