"""A small HP-Net for tests: its video encoder is a linear layer, so transformers is not imported."""

import torch
from torch import nn

from store.exchange.skeletons import coco_17
from tests.small_models import shaken
from train.hpnet.model import HPNet
from train.hpnet.smclm import SMCLM, SMCLM_STREAMS
from train.models import build_model

CLASSES, EMBED, CHANNELS, TIMES, PERSONS, WIDTH = 5, 64, 6, 8, 2, 4
FEATURES = 4 * WIDTH  # of one graph model


def small_smclm(streams=SMCLM_STREAMS, **options):
    torch.manual_seed(0)
    graphs = {
        stream: build_model(
            "ctrgcn", in_channels=CHANNELS, num_frames=TIMES, num_persons=PERSONS, skeleton=coco_17(),
            num_classes=CLASSES, width=WIDTH,
        )
        for stream in streams
    }  # fmt: skip
    return shaken(SMCLM(graphs, **options))


def small_hpnet(fusion="trmm", streams=SMCLM_STREAMS, **options):
    skeleton = small_smclm(streams, **options) if streams else None
    video = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 4 * 4, EMBED))
    text = torch.randn(CLASSES, EMBED)
    return HPNet(video, text, torch.tensor(10.0), skeleton=skeleton, fusion=fusion)


def small_batch(num_clips=3):
    generator = torch.Generator().manual_seed(3)
    frames = torch.randn(num_clips, 2, 3, 4, 4, generator=generator)
    shape = (num_clips, CHANNELS, TIMES, 17, PERSONS)
    return frames, {stream: torch.randn(shape, generator=generator) for stream in SMCLM_STREAMS}
