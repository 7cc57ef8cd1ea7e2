"""Small graph models and streams for tests; weights are ``shaken``, so nothing hides behind a 0 or a 1."""

import torch
from torch import nn

from store.exchange.skeletons import coco_17
from train.models import build_model

WIDTHS = {"ctrgcn": 8, "mixformer": 40, "stgcnpp": 12}
NAMES = sorted(WIDTHS)  # the graph models; train/models/tcn.py has tests of its own
CHANNELS, FRAMES, CLASSES = 6, 16, 5


def small_model(name, *, num_persons=2, **options):
    settings = {"skeleton": coco_17(), "width": WIDTHS[name], "num_frames": FRAMES, "in_channels": CHANNELS}
    torch.manual_seed(0)
    model = build_model(name, num_persons=num_persons, num_classes=CLASSES, **(settings | options))
    return shaken(model)


def shaken(model: nn.Module) -> nn.Module:
    """Move every parameter off its initial value; all slots of a norm alike."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2 or name.startswith("norm."):
                parameter.add_(0.3 * torch.randn(parameter.shape[-1:]))
            else:
                parameter.add_(0.02 * torch.randn_like(parameter))
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):
                buffer.mul_(1 + torch.rand(buffer.shape[-1:]))
            elif name.endswith("running_mean"):
                buffer.add_(0.3 * torch.randn(buffer.shape[-1:]))
    return model


def small_stream(*, num_clips=3, num_persons=2, channels=CHANNELS, frames=FRAMES, joints=17):
    generator = torch.Generator().manual_seed(2)
    return torch.randn((num_clips, channels, frames, joints, num_persons), generator=generator)
