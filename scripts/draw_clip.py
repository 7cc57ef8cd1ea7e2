"""Draw clips of a store as pages to look at: `make show`. Prints the path of each picture."""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.pictures.clip_page import draw_clip_page
from store import StoreError, StoreReader, open_store

SEED = 0  # of random:N, so that the same store shows the same clips
PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def main(argv: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="draw_clip", description=__doc__)
    parser.add_argument("--store", required=True, help="folder or URL of the store")
    parser.add_argument(
        "--clip",
        default="",
        help="an id, several with commas, or random:N; the first clip with data if not given",
    )
    parser.add_argument("--out", type=Path, help="a picture, or a folder (data/pictures/<store>)")
    parser.add_argument("--tap", help="which pooled features (the store's first tap)")
    options = parser.parse_args(argv)
    try:
        reader = open_store(options.store)
        clip_ids = choose_clips(reader, options.clip)
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        parser.error(str(error))
    if len(clip_ids) > 1 and options.out is not None and options.out.suffix in PICTURE_SUFFIXES:
        parser.error(f"--out {options.out} is one picture, --clip names {len(clip_ids)} clips; give a folder")
    status = 0
    for clip_id in clip_ids:
        path = picture_path(options.store, clip_id, options.out)
        try:
            figure = draw_clip_page(reader, clip_id, tap=options.tap)
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        except (StoreError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
        else:
            print(path, flush=True)
    return status


def choose_clips(reader: StoreReader, wanted: str) -> list[str]:
    """Return the ids of the clips that ``--clip`` means.

    Raises:
        StoreError: no clip of the store has data, and no id was given.
        ValueError: ``random:`` is not followed by a number.
    """
    if wanted and not wanted.startswith("random:"):
        known = {row.entry.id for row in reader.rows}
        return [wanted] if wanted in known else [clip_id for clip_id in wanted.split(",") if clip_id]
    number = wanted.removeprefix("random:") if wanted else "1"
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"--clip {wanted}: expected random:N with N at least 1")
    if not reader.clip_ids:
        raise StoreError(
            f"{reader.address} has no clip with data yet; `make info` shows what became of its clips"
        )
    if not wanted:
        return reader.clip_ids[:1]
    return random.Random(SEED).sample(reader.clip_ids, min(int(number), len(reader.clip_ids)))


def picture_path(store: str, clip_id: str, out: Path | None) -> Path:
    """Return where a clip's picture goes: ``out`` itself if it is a picture, else a file in that folder."""
    if out is not None and out.suffix in PICTURE_SUFFIXES:
        return out
    folder = out if out is not None else Path("data/pictures", store.rstrip("/").rsplit("/", 1)[-1])
    return folder / f"{clip_id.replace('/', '__')}.png"


if __name__ == "__main__":
    sys.exit(main())
