"""The datasets that are known by name: every file here but ``base.py``; README.md says how to add one."""

from importlib import import_module
from pathlib import Path

from extract.datasets.base import Dataset


def _found() -> dict[str, Dataset]:
    """Collect the ``DATASETS`` of this folder's files, by name."""
    datasets: dict[str, Dataset] = {}
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.stem in {"__init__", "base"}:
            continue
        for dataset in import_module(f"{__name__}.{file.stem}").DATASETS:
            assert isinstance(dataset, Dataset), file
            assert dataset.name not in datasets, f"{file}: {dataset.name} is the name of another dataset"
            datasets[dataset.name] = dataset
    return datasets


DATASETS = _found()

__all__ = ["DATASETS", "Dataset"]
