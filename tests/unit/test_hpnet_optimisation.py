"""Learning rates by hand; which parameters of HP-Net are in which group, against the fact sheet's sums."""

from dataclasses import replace

import pytest
import torch

from store.exchange.skeletons import coco_17
from tests.small_hpnet import small_hpnet
from train.hpnet.model import HPNet
from train.hpnet.optimisation import PARTS, parameter_groups, part_of, step_rates
from train.hpnet.recipe import HPNetRecipe
from train.hpnet.smclm import SMCLM, SMCLM_STREAMS
from train.hpnet.xclip import Sizes, make_encoders
from train.models import build_model

PUBLISHED = HPNetRecipe()


def rates(step, steps_per_epoch=10, recipe=PUBLISHED):
    return step_rates(recipe, step=step, steps_per_epoch=steps_per_epoch)[::2]


def test_rates_rise_for_five_epochs_and_fall_as_a_cosine_that_began_with_the_first_step():
    assert rates(0) == [0, 0, 0, 0]
    assert rates(25) == pytest.approx([4e-6, 4e-5, 4e-5, 0.04])
    # 5 of 30 epochs are a twelfth of a circle: (1 + cos 30 degrees) / 2
    assert rates(50) == pytest.approx([share(0.9330127, high) for high in (8e-6, 8e-5, 8e-5, 0.08)])
    assert rates(150) == pytest.approx([share(0.5, high) for high in (8e-6, 8e-5, 8e-5, 0.08)])
    assert rates(300) == pytest.approx([8e-8] * 4)


def share(part, high, low=8e-8):
    return low + part * (high - low)


def test_both_groups_of_a_part_have_its_rate():
    recipe = replace(PUBLISHED, message_rate=2.0, integration_rate=3.0, fusion_rate=4.0, warmup_epochs=0)

    assert step_rates(recipe, step=0, steps_per_epoch=1) == pytest.approx(
        [8e-6, 8e-6, 16e-6, 16e-6, 24e-6, 24e-6, 32e-6, 32e-6]
    )


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("video.vision_model.encoder.layers.0.self_attn.q_proj.weight", "video"),
        ("video.visual_projection.weight", "video"),
        ("video.vision_model.encoder.layers.0.message_attn.q_proj.weight", "message"),
        ("video.vision_model.encoder.layers.0.message_fc.bias", "message"),
        ("video.mit.position_embedding", "integration"),
        ("skeleton.graphs.hpj.classify.weight", "fusion"),
        ("modulation.film.gamma.0.weight", "fusion"),
    ],
)
def test_parts_by_name(name, part):
    assert part_of(name) == part


def test_what_decays_is_what_the_fact_sheet_counts():
    """specs/hpnet.md D.7, in numbers, not in tensors: ours are stacked, and there are no unused heads."""
    with torch.device("meta"):
        encoders = make_encoders(Sizes())
        graphs = {
            stream: build_model(
                "ctrgcn", in_channels=96, num_frames=64, num_persons=2, skeleton=coco_17(), num_classes=31
            )
            for stream in SMCLM_STREAMS
        }
        model = HPNet(
            encoders.video, torch.zeros(31, 512), encoders.scale, skeleton=SMCLM(graphs), fusion="trmm"
        )

    groups = parameter_groups(model, PUBLISHED)

    counts = [sum(parameter.numel() for parameter in group["params"]) for group in groups]
    assert dict(zip(PARTS, counts[::2], strict=True)) == {
        "video": 85_917_696,  # 85.92 M
        "message": 35_389_440,  # 35.39 M
        "integration": 3_145_728,  # 3.15 M
        "fusion": 4_315_290 - 3 * 256 * 31 + 2_383_104,  # 4.32 M and 2.38 M
    }
    assert round(counts[1] / 1e6, 2) == 0.27
    assert [group["weight_decay"] for group in groups] == [1e-3, 0] * 4
    learn = sum(parameter.numel() for parameter in model.parameters())
    assert sum(counts) == learn


def test_norms_and_biases_of_stacked_layers_do_not_decay():
    model = small_hpnet()
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    groups = parameter_groups(model, PUBLISHED)

    without = {names[id(parameter)] for group in groups[1::2] for parameter in group["params"]}
    for stream in SMCLM_STREAMS:
        graph = f"skeleton.graphs.{stream}"
        assert {f"{graph}.norm.weight", f"{graph}.norm.bias"} <= without
        assert f"{graph}.backbone.0.spatial.refine_bias" in without
        assert f"{graph}.backbone.0.spatial.refine" not in without
        assert f"{graph}.backbone.0.spatial.graph" not in without


def test_what_is_frozen_is_in_no_group():
    model = small_hpnet()
    model.video.requires_grad_(False)

    groups = parameter_groups(model, PUBLISHED)

    assert not groups[0]["params"]
    assert groups[-1]["params"]
