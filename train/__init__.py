"""Store to scores: streams, models, training, evaluation; ``train.load_model`` for programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.checkpoint import load_model

__all__ = ["load_model"]


def __getattr__(name: str) -> object:
    """Import what needs torch, which takes seconds, only when it is asked for: ensembles do without."""
    if name in __all__:
        from train import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
