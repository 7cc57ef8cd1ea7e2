"""Which store a command of the trainer means."""

import argparse
from pathlib import Path


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the options ``store_of`` reads."""
    parser.add_argument("--dataset", help="whose store it is, as it was given to extract")
    parser.add_argument("--store", help="folder or URL of the store (data/stores/<name of the dataset>)")


def store_of(options: argparse.Namespace) -> str:
    """Return the address of the store.

    Raises:
        ValueError: neither a store nor a dataset is named.
    """
    if options.store:
        return str(options.store)
    if not options.dataset:
        raise ValueError("no store; expected --store FOLDER, or --dataset NAME for data/stores/NAME")
    path = Path(options.dataset)
    # as extract names it: a table that is called clips has its folder's name
    name = path.resolve().parent.name if path.suffix and path.stem.lower() == "clips" else path.stem
    return str(Path("data/stores") / name)
