"""What others saved with torch -> plain content: tensors, numbers, texts. Nothing in a file is executed."""

import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch.serialization import safe_globals

# X-CLIP's trainer, and HP-Net's after it, saves its settings beside the weights, of a class that is not
# installed here; they are read as what they are in the file, values by name
_SETTINGS = "yacs.config.CfgNode"


def load_plain(path: Path, *, is_mapped: bool = False) -> object:
    """Read what torch saved, onto the CPU.

    Args:
        path: of the file.
        is_mapped: tensors are only read from the disk when something is done with them, where the file's kind
            allows it (that of torch 1.5 and before does not).

    Raises:
        pickle.UnpicklingError, EOFError, RuntimeError: it is no such file, or holds more than plain content.
        OSError: it cannot be read.
    """
    with safe_globals([(OrderedDict, _SETTINGS)]):
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=is_mapped and zipfile.is_zipfile(path)
        )
