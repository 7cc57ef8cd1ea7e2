"""Names of SimCC's authors to names of mmpose."""

import pytest
import torch

from extract.import_simcc_hrnet import import_simcc_hrnet, is_authors_checkpoint

# authors' name -> mmpose's, of each kind (specs/hpnet.md A.4)
NAMES = {
    "conv1.weight": "backbone.conv1.weight",
    "bn2.running_mean": "backbone.bn2.running_mean",
    "layer1.0.downsample.0.weight": "backbone.layer1.0.downsample.0.weight",
    "transition3.3.0.0.weight": "backbone.transition3.3.0.0.weight",
    "stage4.0.branches.1.3.bn2.weight": "backbone.stage4.0.branches.1.3.bn2.weight",
    "stage4.2.fuse_layers.0.1.0.weight": "backbone.stage4.2.fuse_layers.0.1.0.weight",
    "final_layer.bias": "head.final_layer.bias",
    "mlp_head_x.weight": "head.mlp_head_x.weight",
    "mlp_head_y.weight": "head.mlp_head_y.weight",
}
THEIRS = {name: torch.full((2, place + 1), float(place)) for place, name in enumerate(NAMES)}
OURS = {NAMES[name]: torch.zeros(weight.shape) for name, weight in THEIRS.items()}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_weight_gets_its_name(prefix):
    imported = import_simcc_hrnet({prefix + name: weight for name, weight in THEIRS.items()}, OURS)

    assert imported.keys() == OURS.keys()
    for theirs, ours in NAMES.items():
        assert imported[ours] is THEIRS[theirs]


def test_whose_checkpoint_it_is():
    assert is_authors_checkpoint(THEIRS)
    assert is_authors_checkpoint(f"module.{name}" for name in THEIRS)
    assert not is_authors_checkpoint(OURS)
    assert not is_authors_checkpoint([name for name in THEIRS if "mlp_head" not in name])  # heatmaps
    assert not is_authors_checkpoint([])


def test_what_does_not_fit_is_listed():
    state = dict(THEIRS) | {"stage5.0.weight": torch.zeros(1), "mlp_head_x.weight": torch.zeros(384, 3072)}
    del state["conv1.weight"], state["final_layer.bias"]

    with pytest.raises(ValueError, match="does not fit the pose config") as caught:
        import_simcc_hrnet(state, OURS)

    message = str(caught.value)
    assert "2 missing: backbone.conv1.weight, head.final_layer.bias\n" in message
    assert "1 unknown: backbone.stage5.0.weight\n" in message
    assert "1 of another shape: head.mlp_head_x.weight (384, 3072), expected (2, 8)\n" in message
    assert "Give POSE the config of the same network" in message


def test_a_long_list_is_cut():
    with pytest.raises(ValueError, match=r"12 unknown: backbone\.extra0, .*backbone\.extra7 and 4 more"):
        import_simcc_hrnet(THEIRS | {f"extra{number}": torch.zeros(1) for number in range(12)}, OURS)
