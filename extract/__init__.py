"""Raw video to store: decode, detect, choose persons, crop, pose, pool, put on the clock."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.single import extract_clip as extract_clip

__all__ = ["extract_clip"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # on demand: the decoding processes import this package too, and must stay free of PyTorch
    if name == "extract_clip":
        from extract.single import extract_clip

        return extract_clip
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
