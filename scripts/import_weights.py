"""Weights of a published network, as its authors save them, to a checkpoint: ``make import-weights``.

The checkpoint is for stores like the given one, whose classes, joints and array it takes; `make evaluate`
then scores the store's test clips. The network is shown what its authors' trainer showed it: of pooled
features the first person copied into empty slots, zeros as data, the mean over all slots; of EPAM-Net's
heatmaps the box of the poses that are looked at. name=value changes that: mask_absent=true, box=store.

HP-Net (--stream hpnet) brings its text encoder along, but no vocabulary: tokenizer=FOLDER names CLIP's.

Some ways to call it:
  python -m scripts.import_weights --from weights.pt --store data/stores/ntu120 --to runs/a --model mixformer
  python -m scripts.import_weights --from hpnet.pth --store data/stores/ntu60 --to runs/b --stream hpnet \
      tokenizer=data/weights/clip batch_statistics=true
  python -m scripts.import_weights --from epam.pth --store data/stores/ntu60 --to runs/c --stream epam
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
from train.config import Recipe, RecipeError, parse_choices
from train.exchange.author_checkpoint import import_checkpoint, recipe_as_published
from train.method import DEFAULT_STREAM
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


def _parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Recipe]:
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
    parser.add_argument(
        "--stream",
        default=DEFAULT_STREAM,
        help="that the network was trained on, or hpnet or epam (default: %(default)s)",
    )
    parser.add_argument("--model", help="of graphs, ctrgcn or mixformer (default: ctrgcn)")
    parser.add_argument("--protocol", help="that it was trained for (default: the store's first)")
    options = parser.parse_intermixed_args(argv)
    try:
        chosen = {"stream": options.stream} | ({"model": options.model} if options.model else {})
        return options, recipe_as_published(parse_choices(options.choices) | chosen)
    except RecipeError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
