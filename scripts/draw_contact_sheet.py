"""Draw one clip of each class of a store, a row of moments each: `make sheet`. Prints the picture's path."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.pictures.contact_sheet import choose_one_per_class, draw_contact_sheet
from store import StoreError, open_store


def main(argv: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.draw_contact_sheet", description=__doc__)
    parser.add_argument("--store", required=True, help="folder or URL of the store")
    parser.add_argument("--out", type=Path, help="a picture (data/pictures/<store>/classes.png)")
    parser.add_argument("--classes", type=int, default=20, help="at most so many (default: %(default)s)")
    parser.add_argument("--columns", type=int, default=6, help="moments per clip (default: %(default)s)")
    options = parser.parse_args(argv)
    out = options.out or Path("data/pictures") / Path(options.store.rstrip("/")).name / "classes.png"
    try:
        reader = open_store(options.store)
        clip_ids = choose_one_per_class(reader, options.classes)
        if not clip_ids:
            raise StoreError(f"{options.store}: no clip with data and a label; `make info` says why")
        figure = draw_contact_sheet(reader, clip_ids, columns=options.columns)
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out)
    except (StoreError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
