"""Weights of a published network, as its authors save them, to a checkpoint: ``make import-weights``.

The checkpoint is for stores like the given one, whose classes, joints and array it takes; `make evaluate`
then scores the store's test clips. The network is shown what its authors' trainer showed it: the first person
copied into empty slots, zeros as data, the mean over all slots. name=value changes that: mask_absent=true.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.logs import log_to_stderr
from scripts.runs import add_store, store_of
from store import StoreError, open_store
from store.durable import make_folder
from train.checkpoint import save_checkpoint
from train.config import RecipeError, complete_recipe, parse_choices
from train.exchange.author_checkpoint import AS_PUBLISHED, import_checkpoint
from train.graph_recipe import GraphRecipe
from train.run_folder import CHECKPOINT
from train.splits import first_protocol

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Import; return 0 done, 1 error."""
    options, recipe = _parse(argv)
    log_to_stderr()
    try:
        reader = open_store(store_of(options))
        protocol = options.protocol or first_protocol(reader)
        checkpoint = import_checkpoint(options.source, reader, recipe, protocol=protocol)
        make_folder(options.to)
        save_checkpoint(options.to / CHECKPOINT, checkpoint.passport, checkpoint.weights)
    except (StoreError, ValueError, OSError) as error:
        logger.error("error: %s", error)
        return 1
    passport = checkpoint.passport
    print(
        f"{options.to / CHECKPOINT}: {recipe.model} on {recipe.stream} ({passport.array}), {protocol}, "
        f"{len(passport.class_names)} classes, {passport.num_persons} person(s)"
    )
    print(f'make evaluate CHECKPOINT="{options.to}" STORE="{reader.address}" scores the test clips')
    return 0


def _parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, GraphRecipe]:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.import_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "choices", nargs="*", metavar="name=value", help="choices of the recipe: tap=H2 mask_absent=true"
    )
    parser.add_argument(
        "--from", required=True, type=Path, dest="source", metavar="FILE", help="a state dict (.pt, .pth)"
    )
    parser.add_argument(
        "--to", required=True, type=Path, metavar="FOLDER", help=f"where {CHECKPOINT} is written"
    )
    add_store(parser)
    parser.add_argument("--stream", default="hpj", help="that the network was trained on (default: hpj)")
    parser.add_argument("--model", default="ctrgcn", help="ctrgcn or mixformer (default: ctrgcn)")
    parser.add_argument("--protocol", help="that it was trained for (default: the store's first)")
    options = parser.parse_intermixed_args(argv)
    try:
        chosen = {"stream": options.stream, "model": options.model}
        return options, complete_recipe(
            GraphRecipe, dict(AS_PUBLISHED) | parse_choices(options.choices) | chosen
        )
    except RecipeError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
