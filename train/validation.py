"""Which clips of a fold are for validation: those of its protocol, held-out subjects, or the test clips."""

from dataclasses import replace

from store import StoreReader
from train.config import Recipe
from train.splits import Fold, SplitError, hold_out


def with_validation(reader: StoreReader, fold: Fold, recipe: Recipe) -> tuple[Fold, str]:
    """Return the fold with the clips on which the epoch is chosen, if any, and what they are in words."""
    if recipe.select_on == "none":
        return replace(fold, val_ids=()), ""
    if recipe.select_on == "test":
        return replace(fold, val_ids=fold.test_ids), "the test clips themselves"
    if fold.val_ids:
        return fold, f"{len(fold.val_ids)} validation clips"
    held = hold_out(fold, (row.entry for row in reader.rows), share=recipe.hold_out, seed=recipe.seed)
    return held, f"{len(held.val_ids)} clips of training subjects that were held out"


def validation_as_test(reader: StoreReader, fold: Fold, recipe: Recipe) -> Fold:
    """Return a fold that tests the validation clips, which did not train: those of the protocol, or held out.

    Raises:
        SplitError: there are none.
    """
    val_ids = with_validation(reader, fold, recipe)[0].val_ids or fold.val_ids
    if not val_ids:
        raise SplitError(
            f"{reader.address}, fold {fold.name}: the protocol has no validation clips, and this training "
            'held none out. Train with ARGS="--select-on validation"'
        )
    expected = {clip_id: str(reader.row(clip_id).entry.label) for clip_id in val_ids}
    return replace(fold, name=f"{fold.name}, validation", test_ids=val_ids, expected=expected)
