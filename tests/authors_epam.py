"""EPAM-Net's weights under the names that its authors' checkpoints have (specs/epam.md H.1)."""

THEIRS = {
    "widen": "conv1", "each": "conv2", "narrow": "conv3", "shortcut": "downsample", "norm": "bn",
    "gate": "se_module", "squeeze": "fc1", "excite": "fc2", "stem": "conv1_s", "last": "conv5",
}  # fmt: skip


def authors_state(model):
    """Return a model's state dict under the authors' names, kernels with an axis of time."""
    first = {"rgb": [0, 3, 8, 19, 26], "pose": [0, 5, 16, 23]}
    renamed = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        if "blocks" in parts:
            place = int(parts[3])
            stage = max(number for number, begin in enumerate(first[parts[0]]) if begin <= place)
            parts[2:4] = [f"layer{stage + 1}", str(place - first[parts[0]][stage])]
        name = ".".join(THEIRS.get(part, part) for part in parts)
        for ours, published in {
            "rgb.backbone": "rgb_backbone", "pose.backbone": "pose_backbone",
            "rgb.classify": "rgb_cls_head.fc_cls", "pose.classify": "pose_cls_head.fc_cls",
            "attention.where": "attention_module.spatial.conv", "attention.bn": "attention_module.spatial.bn",
            "attention.when": "attention_module.conv_temporal_attention",
        }.items():  # fmt: skip
            name = name.replace(ours, published)
        if value.ndim == 4:
            value = value.unsqueeze(2)
        if "se_module" in name and value.ndim == 2:
            value = value[..., None, None, None]
        renamed[f"module.{name}"] = value
    return renamed
