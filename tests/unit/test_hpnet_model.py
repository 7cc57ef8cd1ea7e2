"""HP-Net's skeleton side, score and loss; the video encoder is a linear layer."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from tests.small_hpnet import CLASSES, EMBED, FEATURES, small_batch, small_hpnet, small_smclm
from train.hpnet.blend import soft_labels
from train.hpnet.loss import hpnet_loss
from train.hpnet.model import HPNet, Scores

pytestmark = pytest.mark.usefixtures("one_thread")

# rows of the paper's Table XII
ROWS = [
    ("none", ()),
    ("cross_attention", ("hpj",)),
    ("film", ("hpj",)),
    ("trmm", ("hpj",)),
    ("trmm_paper", ("hpj",)),
    ("trmm", ("hpj", "hpjm", "hpb")),
    ("trmm_paper", ("hpj", "hpjm", "hpb")),
]


def moving(model):
    return {name: value.clone() for name, value in model.named_buffers() if "running" in name}


def test_skeleton_features_are_those_of_the_graph_models_side_by_side():
    skeleton = small_smclm().eval()
    _, streams = small_batch()

    features = skeleton(streams)

    assert features.joints.shape == (3, 17, 3 * FEATURES)
    assert skeleton.num_features == 3 * FEATURES
    for place, stream in enumerate(("hpj", "hpjm", "hpb")):
        graph = skeleton.graphs[stream]
        own = features.joints[..., place * FEATURES : (place + 1) * FEATURES]
        torch.testing.assert_close(own.mean(1), graph.features(streams[stream]))
        torch.testing.assert_close(features.logits[stream], graph(streams[stream]))


def test_absent_persons_leave_no_trace_in_the_joints():
    skeleton = small_smclm(("hpj",)).eval()
    _, streams = small_batch()
    present = torch.tensor([[True, False], [True, True], [False, True]])
    others = streams["hpj"].clone()
    others[0, ..., 1] = 1e3
    others[2, ..., 0] = 1e3

    with torch.no_grad():
        features, same = skeleton(streams, present), skeleton({"hpj": others}, present)

    assert torch.equal(features.joints, same.joints)
    torch.testing.assert_close(
        features.joints.mean(1), skeleton.graphs["hpj"].features(streams["hpj"], present).detach()
    )


def test_joint_model_of_the_release_gets_the_motion():
    _, streams = small_batch()
    as_released = small_smclm(uses_motion_for_joint=True).eval()
    clean = small_smclm().eval()

    logits = as_released(streams).logits
    aliased = clean(streams | {"hpj": streams["hpjm"]}).logits

    for stream in ("hpj", "hpjm", "hpb"):
        assert torch.equal(logits[stream], aliased[stream])
    assert not torch.allclose(logits["hpj"], clean(streams).logits["hpj"])
    assert "hpj" not in as_released.state_dict()  # the same weights fit both
    assert as_released.state_dict().keys() == clean.state_dict().keys()


def test_batch_norms_of_the_release_go_on_training_at_evaluation():
    frames, streams = small_batch()
    as_released = small_hpnet(has_batch_statistics=True).eval()
    clean = small_hpnet().eval()
    before = {"as_released": moving(as_released), "clean": moving(clean)}

    with torch.no_grad():
        scores = as_released(frames, streams).logits
        of_two = as_released(frames[:2], {name: stream[:2] for name, stream in streams.items()}).logits
        alone = clean(frames[:2], {name: stream[:2] for name, stream in streams.items()}).logits
        together = clean(frames, streams).logits

    assert not as_released.training
    assert as_released.skeleton.training
    assert not torch.allclose(scores[:2], of_two, atol=1e-3)  # it depends on the other clips
    torch.testing.assert_close(together[:2], alone)
    after = moving(as_released)
    assert all(not torch.equal(after[name], value) for name, value in before["as_released"].items())
    assert all(torch.equal(moving(clean)[name], value) for name, value in before["clean"].items())


@pytest.mark.parametrize(("fusion", "streams"), ROWS)
def test_rows_of_the_fusion_table(fusion, streams):
    model = small_hpnet(fusion, streams)
    frames, batch = small_batch()
    targets = soft_labels(torch.tensor([0, 1, 4]), CLASSES)

    scores = model(frames, batch)
    hpnet_loss(scores, targets).backward()

    assert scores.logits.shape == (3, CLASSES)
    assert scores.logits.abs().max() <= 10 + 1e-4  # scale times a cosine
    assert tuple(scores.auxiliary) == streams
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    frozen = {name for name, _ in model.named_buffers()}
    assert {"text", "scale"} <= frozen


def test_score_by_hand():
    video = nn.Flatten()  # a clip of one frame of 1 x 1: its colour is its feature
    text = torch.tensor([[0.0, 0.0, 2.0], [3.0, 4.0, 0.0]])
    model = HPNet(video, text, torch.tensor(10.0), skeleton=None, fusion="none")

    scores = model(torch.tensor([[0.0, 0.0, 7.0], [3.0, 0.0, 0.0]]).view(2, 1, 3, 1, 1), {})

    torch.testing.assert_close(scores.logits, torch.tensor([[10.0, 0.0], [0.0, 6.0]]))
    assert scores.auxiliary == {}


def test_cosines_are_of_fp32_where_the_encoder_is_of_bf16():
    """(1, 2, 3) is exact in bf16, a third of it is not: of lengths 1, 3 and 5 the score would be 0.3 off."""
    text = torch.tensor([[1.0, 2.0, 3.0], [2.0, 2.0, 1.0], [0.0, 3.0, 4.0]])
    model = HPNet(nn.Flatten(), text, torch.tensor(100.0), skeleton=None, fusion="none")

    with torch.autocast("cpu", torch.bfloat16):
        scores = model(torch.tensor([1.0, 2.0, 3.0]).bfloat16().view(1, 1, 3, 1, 1), {})

    by_hand = torch.tensor([[100.0, 100 * 9 / (14**0.5 * 3), 100 * 18 / (14**0.5 * 5)]])
    torch.testing.assert_close(scores.logits, by_hand, rtol=1e-5, atol=0)


def test_change_is_added_to_the_text_before_it_is_compared():
    model = small_hpnet("film", ("hpj",)).eval()
    frames, streams = small_batch()
    with torch.no_grad():
        change = model.modulation(model.text, model.skeleton(streams).joints)
        video = model.video(frames)

        logits = model(frames, streams).logits

    for clip in range(3):
        for place in range(CLASSES):
            cosine = F.cosine_similarity(video[clip], model.text[place] + change[clip, place], dim=0)
            torch.testing.assert_close(logits[clip, place], 10 * cosine)


@pytest.mark.parametrize(
    ("fusion", "streams", "message"),
    [
        ("sum", ("hpj",), "'sum' is not known; choose one of trmm, trmm_paper, film, cross_attention, none"),
        ("none", ("hpj",), "'none' with a skeleton"),
        ("film", (), "'film' without a skeleton"),
    ],
)
def test_what_is_not_fused_is_refused(fusion, streams, message):
    with pytest.raises(ValueError, match=message):
        small_hpnet(fusion, streams)


def test_missing_streams_are_named():
    with pytest.raises(ValueError, match=r"streams \['hpb', 'hpjm'\] are missing; the batch has \['hpj'\]"):
        small_smclm()({"hpj": small_batch()[1]["hpj"]})
    with pytest.raises(ValueError, match="expected hpj and hpjm, found hpj"):
        small_smclm(("hpj",), uses_motion_for_joint=True)


def test_heads_start_as_plain_linear_layers():
    torch.manual_seed(0)
    weights = torch.cat([small_smclm().graphs[stream].classify.weight for stream in ("hpj", "hpb")])

    # 1 / sqrt(16) at most, moved by 0.02 in shaken(); a classifier alone starts with a deviation of 0.63
    assert 0.2 < weights.abs().max() < 0.25 + 0.1


def test_loss_by_hand():
    flat = torch.zeros(2, 4)  # a cross-entropy of log 4, whatever the target
    sharp = torch.log(torch.tensor([[0.5, 0.25, 0.125, 0.125]])).expand(2, -1)
    scores = Scores(sharp, {"hpj": flat, "hpb": sharp})
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]])

    log_2 = torch.log(torch.tensor(2.0))
    own = (1 + 2.5) / 2 * log_2  # -log 1/2 of one clip, -(log 1/4 + log 1/8) / 2 of the other
    torch.testing.assert_close(hpnet_loss(scores, targets), own + (2 * log_2 + own))
    torch.testing.assert_close(hpnet_loss(scores, targets, weight=0.5), own + 0.5 * (2 * log_2 + own))
    hard = torch.tensor([[0.0, 0.0, 0.0, 1.0]]).expand(2, -1)
    torch.testing.assert_close(
        hpnet_loss(scores, targets, auxiliary_targets=hard), own + (2 * log_2 + 3 * log_2)
    )
    torch.testing.assert_close(hpnet_loss(Scores(sharp, {}), targets), own)


def test_text_goes_with_the_weights_and_is_not_trained():
    model = small_hpnet()

    assert model.state_dict()["text"].shape == (CLASSES, EMBED)
    assert not any(parameter is model.text for parameter in model.parameters())
    assert not model.text.requires_grad
