"""What may change a result's last bits, not its meaning: versions, device, threads, batch sizes."""

import platform
from importlib.metadata import version

import torch

_LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "decord",
    "av",
    "ultralytics",
    "mmpose",
    "scipy",
)


def choose_device(name: str) -> str:
    """Return the device to use; "auto" is the first GPU, else the CPU.

    Raises:
        ValueError: a GPU is asked for and none can be used.
    """
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"DEVICE={name}: PyTorch sees no GPU here; give DEVICE=cpu, or look at `nvidia-smi`")
    return name


def describe_execution(*, device: str, detect_batch: int, pose_batch: int) -> dict[str, object]:
    """Return the facts that a shard's record keeps; no names of people, machines or folders."""
    is_gpu = device.startswith("cuda")
    return {
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if is_gpu else "cpu",
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "detect_batch": detect_batch,
        "pose_batch": pose_batch,
        **{name: version(name) for name in _LIBRARIES},
    }
