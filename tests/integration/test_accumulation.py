"""A batch that goes through the network in parts, where an epoch has fewer than a step wants."""

import pytest
import torch

from scripts.train_stream import main as train
from tests.doors import call
from tests.store_makers import make_facts
from tests.train_stores import train_store
from train.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

# of a network without statistics of batches; an eps that large makes AdamW's step proportional to gradients
ALIKE = [
    "--stream=hpnet", "encoder=none", "fusion=none", "image_size=16", "patch_size=8", "images=3",
    "video_width=64", "video_layers=1", "embed_dim=64", "text_width=64", "text_layers=1", "context_length=16",
    "epochs=1", "warmup_epochs=0", "lr=1", "eps=1", "weight_decay=0", "jitter=0", "gray=0", "blend=0",
    "scale=20",
]  # fmt: skip


def test_a_step_of_fewer_parts_is_as_long_as_a_step_at_once(tmp_path):
    """16 training clips: one batch of all, or 4 of the 16 parts of a batch of 64."""
    train_store(tmp_path / "store", facts=make_facts(crops=("person",)))
    found = []
    for name, sizes in {
        "whole": ["batch_size=16", "at_once=16"],
        "parts": ["batch_size=64", "at_once=4"],
    }.items():
        command = [f"--store={tmp_path / 'store'}", f"--run={tmp_path / name}", "--device=cpu"]
        assert call(train, *command, *ALIKE, *sizes) == 0
        found.append(load_checkpoint(tmp_path / name / "checkpoint.pt").weights)

    whole, parts = found
    for name, weights in whole.items():
        torch.testing.assert_close(parts[name], weights, rtol=1e-3, atol=1e-5)
