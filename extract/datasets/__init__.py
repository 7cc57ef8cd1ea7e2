"""The datasets that are known by name; README.md says how to add one."""

from extract.datasets.base import Dataset
from extract.datasets.ntu import NTU60

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (NTU60,)}

__all__ = ["DATASETS", "Dataset"]
