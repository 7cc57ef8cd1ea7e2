"""Which of a dataset's clips a run is asked to do. Pure but for the list of ids that may be in a file."""

from collections.abc import Sequence
from pathlib import Path

from store.table import ClipEntry


def select_clips(entries: Sequence[ClipEntry], *, ids: str | None, limit: int | None) -> list[ClipEntry]:
    """Return the clips of a request, in the dataset's order.

    Args:
        entries: all clips.
        ids: ids with commas between, or ``@file`` with one id per line; None: all.
        limit: the first so many of them; None: all.

    Raises:
        ValueError: an id is not in the dataset, or none is given.
    """
    wanted = list(entries)
    if ids is not None:
        lines = (
            Path(ids[1:]).read_text(encoding="utf-8").splitlines() if ids.startswith("@") else ids.split(",")
        )
        asked = {line.strip() for line in lines if line.strip()}
        if not asked:
            raise ValueError(f"--ids: found no id in {ids!r}; leave --ids out for all clips")
        unknown = sorted(asked - {entry.id for entry in entries})
        if unknown:
            raise ValueError(
                f"--ids: the dataset has no clip {', '.join(unknown[:5])}; its first is {entries[0].id}"
            )
        wanted = [entry for entry in entries if entry.id in asked]
    return wanted[:limit]
