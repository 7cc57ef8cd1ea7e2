"""The authors' EPAM-Net state dict in our network's terms: other names, kernels without the axis of time."""

import re
from collections.abc import Mapping
from itertools import accumulate

from torch import Tensor

# theirs -> ours, applied one after another (specs/epam.md H.1)
_NAMES = (
    (r"^module\.", ""),
    (r"^(rgb|pose)_backbone\.", r"\1.backbone."),
    (r"^(rgb|pose)_cls_head\.fc_cls\.", r"\1.classify."),
    (r"^attention_module\.spatial\.conv\.", "attention.where."),
    (r"^attention_module\.spatial\.bn\.", "attention.norm."),
    (r"^attention_module\.conv_temporal_attention\.", "attention.when."),
    (r"\.backbone\.conv1_s\.", ".backbone.stem."),
    (r"\.backbone\.conv5\.", ".backbone.last."),
    (r"\.conv1\.(?=conv|bn)", ".widen."),
    (r"\.conv2\.(?=conv|bn)", ".each."),
    (r"\.conv3\.(?=conv|bn)", ".narrow."),
    (r"\.downsample\.", ".shortcut."),
    (r"\.se_module\.fc1\.", ".gate.squeeze."),
    (r"\.se_module\.fc2\.", ".gate.excite."),
    (r"\.bn\.", ".norm."),
)
_STAGE = re.compile(r"^(rgb|pose)\.backbone\.layer(\d+)\.(\d+)\.")
_OURS = re.compile(r"^((rgb|pose)\.(backbone|classify)|attention)\.")


def epam_from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state dict of ``EPAMNet`` from the authors'.

    Args:
        state: what their checkpoints keep under "model_state_dict".

    Raises:
        ValueError: a part of the network is missing, or there is something else.
    """
    new = {_renamed(name): value for name, value in state.items()}
    if strange := [name for name in new if not _OURS.match(name)]:
        raise ValueError(f"the weights have {strange[0]!r}: they are not those of EPAM-Net")
    for part in ("rgb.backbone", "rgb.classify", "pose.backbone", "pose.classify", "attention"):
        if not any(name.startswith(f"{part}.") for name in new):
            raise ValueError(f"the weights have nothing for {part!r}: they are not those of EPAM-Net")
    first = {stream: _first_blocks(new, stream) for stream in ("rgb", "pose")}

    def in_one_list(found: re.Match[str]) -> str:
        stream, stage, place = found.groups()
        return f"{stream}.backbone.blocks.{first[stream][int(stage) - 1] + int(place)}."

    return {_STAGE.sub(in_one_list, name): _flat(name, value) for name, value in new.items()}


def _renamed(name: str) -> str:
    for theirs, ours in _NAMES:
        name = re.sub(theirs, ours, name)
    return name


def _first_blocks(state: Mapping[str, Tensor], stream: str) -> list[int]:
    """Return how many blocks come before each stage of a stream."""
    blocks = {(int(m[2]), int(m[3])) for m in map(_STAGE.match, state) if m and m[1] == stream}
    depths = [sum(stage == number for stage, _ in blocks) for number in range(1, max(blocks)[0] + 1)]
    return list(accumulate(depths, initial=0))


def _flat(name: str, value: Tensor) -> Tensor:
    """Take off a kernel's axis of time, and all axes of a gate's kernels."""
    if value.ndim < 5:
        return value
    return value.flatten(1) if ".gate." in name else value.squeeze(2)
