"""What may change a result's last bits, not its meaning: versions, device, threads, batch sizes."""

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

_LIBRARIES = (
    "torch", "torchvision", "numpy", "opencv-python-headless", "decord", "av", "ultralytics", "mmpose",
    "scipy",
)  # fmt: skip


def choose_device(name: str) -> str:
    """Return the device to use; "auto" is the first GPU, else the CPU.

    Raises:
        ValueError: there is no such device.
    """
    num_gpus = torch.cuda.device_count()
    if name == "auto":
        return "cuda:0" if num_gpus else "cpu"
    known = {"cpu", *(["cuda"] if num_gpus else []), *(f"cuda:{number}" for number in range(num_gpus))}
    if name not in known:
        raise ValueError(
            f"DEVICE={name}: PyTorch sees {', '.join(sorted(known))} here; `nvidia-smi` lists GPUs"
        )
    return name


def keep_float32() -> None:
    """Make float32 mean float32 on GPUs: by default convolutions round their inputs to 10 bits (TF32)."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


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
        **{name: _version(name) for name in _LIBRARIES},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # ultralytics can be left out: DETECTOR=none, or boxes from a file
        return "not installed"
