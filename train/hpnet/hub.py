"""A model's files by name: a local folder's, or the hub's. The only file that imports huggingface_hub."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import RemoteEntryNotFoundError

WEIGHTS: tuple[tuple[str, ...], ...] = (
    ("config.json", "model.safetensors"),
    ("config.json", "pytorch_model.bin"),
)
VOCABULARY: tuple[tuple[str, ...], ...] = (("vocab.json", "merges.txt"), ("tokenizer.json",))


# without its own handler, as ours would say the same a second time
logging.getLogger("huggingface_hub").handlers.clear()


class PretrainedError(ValueError):
    """Files that are not there or are not those of a fitting model; says which ones belong where."""


def find_folder(name: str, choices: Sequence[Sequence[str]]) -> Path:
    """Return the folder that holds a model's files; what the hub has is fetched once and kept.

    Args:
        name: a local folder, or a name on the hub (owner/model).
        choices: sets of files, any of which will do: ``WEIGHTS`` or ``VOCABULARY``; the first is tried first.

    Raises:
        PretrainedError: none of the sets is there, or the hub cannot be reached.
    """
    wanted = " or ".join(" + ".join(files) for files in choices)
    folder = Path(name)
    if folder.is_dir():
        if not any(all((folder / file).is_file() for file in files) for files in choices):
            there = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
            raise PretrainedError(f"{folder} holds {there}; expected {wanted}. Put these files there")
        return folder
    try:  # asking the hub takes half a minute where there is no connection
        return _kept(name, choices) or _fetched(name, choices)
    except (OSError, ValueError) as error:  # no connection, no such model or file, or what is no name at all
        first_line = str(error).strip().partition("\n")[0]
        raise PretrainedError(
            f"{name!r} is no folder, and the hub did not give it ({first_line}); expected {wanted}. Without "
            f"a connection: fetch them from huggingface.co/{name} elsewhere, put them into a folder, and "
            "name that: encoder=FOLDER, or tokenizer=FOLDER where it is only the vocabulary"
        ) from error


def _kept(name: str, choices: Sequence[Sequence[str]]) -> Path | None:
    """Return where a set lies that was fetched before."""
    for files in choices:
        # of a file that was not fetched the hub's answer is none, or that it has none of that name
        kept = [try_to_load_from_cache(name, file) for file in files]
        folders = {Path(path).parent for path in kept if isinstance(path, str)}
        if all(isinstance(path, str) for path in kept) and len(folders) == 1:
            return folders.pop()
    return None


def _fetched(name: str, choices: Sequence[Sequence[str]]) -> Path:
    """Fetch the first set that the hub has."""
    *others, last = choices
    for files in others:
        with suppress(RemoteEntryNotFoundError):
            return _fetch(name, files)
    return _fetch(name, last)


def _fetch(name: str, files: Sequence[str]) -> Path:
    return [Path(hf_hub_download(name, file)).parent for file in files][-1]
