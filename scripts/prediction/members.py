"""The models that are asked, and what each of them counts."""

from collections.abc import Sequence
from pathlib import Path

from train.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from train.ensemble import PUBLISHED, Weights, equal_weights, parse_weights
from train.run_folder import CHECKPOINT
from train.scores import ScoresError

Members = dict[str, Checkpoint]  # by the stream's name, or another one that the user gave


def load_members(words: Sequence[str]) -> Members:
    """Read ``[name=]checkpoint``, each a file or the folder of a run; without a name its stream is the name.

    Raises:
        CheckpointError: one is none, two have one name, or they know other classes.
        OSError: one cannot be read.
    """
    members: Members = {}
    for word in words:
        # a folder's own name may have the sign in it
        name, equals, rest = ("", "", word) if Path(word).exists() else word.partition("=")
        checkpoint = load_checkpoint(_file_of(Path(rest or word)))
        name = name if equals else checkpoint.recipe.stream
        if name in members:
            raise CheckpointError(
                f"{members[name].where} and {checkpoint.where} are both called {name!r}; name one of them: "
                f"other={checkpoint.where}"
            )
        members[name] = checkpoint
    first = next(iter(members.values()))
    for other in members.values():
        if unlike := set(first.passport.class_names) ^ set(other.passport.class_names):
            raise CheckpointError(
                f"{first.where} and {other.where} know other classes: only one of them knows "
                f"{min(unlike)!r}; ask them one after the other"
            )
    return members


def choose_weights(words: Sequence[str], members: Members) -> Weights:
    """Return what the members count, in the words of ``make ensemble``; all alike if nothing is said.

    Raises:
        ScoresError: a word is no weight, or a member has none, or all have 0.
    """
    if not words or list(words) == ["equal"]:
        return equal_weights(list(members))
    weights = PUBLISHED[words[0]] if words[0] in PUBLISHED else parse_weights(words)
    if missing := [name for name in members if name not in weights]:
        raise ScoresError(
            f"no weight for {', '.join(missing)}; there are weights for {', '.join(weights)}. Give each "
            "checkpoint its own"
        )
    if not any(weights[name].value for name in members):
        raise ScoresError(
            f"the weights of {', '.join(members)} are all 0, so nobody would be asked; expected one above 0"
        )
    return {name: weights[name] for name in members}


def _file_of(path: Path) -> Path:
    """Return a checkpoint: the file itself, or that of a run."""
    if not path.exists():
        raise CheckpointError(
            f"{path}: no such file; expected a checkpoint.pt or the folder of a run (make takes a path with "
            """spaces in quotes of its own: CHECKPOINT='"my runs/hpj"')"""
        )
    if path.is_file():
        return path
    if (path / CHECKPOINT).exists():
        return path / CHECKPOINT
    folds = sorted(path.glob(f"folds/*/{CHECKPOINT}"))
    if not folds:
        raise CheckpointError(f"{path}: no {CHECKPOINT} here; expected the folder of a run, or a checkpoint")
    raise CheckpointError(
        f"{path} has {len(folds)} checkpoints, one per fold; give one of them, such as {folds[0]}, or "
        "several with names of their own: a=… b=…"
    )
