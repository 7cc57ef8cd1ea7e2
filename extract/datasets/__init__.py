"""The datasets that are known by name; README.md says how to add one."""

from extract.datasets.base import Dataset
from extract.datasets.ntu import NTU60
from extract.datasets.ntu120 import NTU120
from extract.datasets.pku_mmd import PKU_MMD
from extract.datasets.smarthome import SMARTHOME
from extract.datasets.uav_human import UAV_HUMAN

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset for dataset in (NTU60, NTU120, SMARTHOME, UAV_HUMAN, PKU_MMD)
}

__all__ = ["DATASETS", "Dataset"]
