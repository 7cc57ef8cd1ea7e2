"""How pooled features change the text: by hand, and against the layer-by-layer form."""

import pytest
import torch
from torch import nn

from train.hpnet.modulation import MODULATIONS, TRMM, CrossAttention, FiLM, PaperTRMM, projection

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = sorted(MODULATIONS)


def set_linear(layers, weights):
    """Make two linear layers into one matrix without a bias."""
    first, second = [layer for layer in layers if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        first.weight.copy_(torch.tensor(weights))
        second.weight.copy_(torch.eye(len(weights)))
        first.bias.zero_()
        second.bias.zero_()


def film_by_hand(film):
    set_linear(film.gamma, [[1.0, 0.0], [0.0, 1.0]])  # gamma = condition
    set_linear(film.beta, [[0.0, 1.0], [0.0, 0.0]])  # beta = (second of the condition, 0)


TEXT = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
JOINTS = torch.tensor([[[1.0, -3.0], [3.0, -1.0]]])  # one clip, two joints; their mean is (2, -2)


def test_film_by_hand():
    film = FiLM(2, 2)
    film_by_hand(film)

    change = film(TEXT, JOINTS)

    torch.testing.assert_close(change, torch.tensor([[[0.0, -4.0], [4.0, -8.0], [8.0, -12.0]]]))


def test_rectified_film_by_hand():
    film = FiLM(2, 2, is_rectified=True)
    film_by_hand(film)

    change = film(TEXT, JOINTS)  # gamma = (2, 0), beta = (0, 0)

    torch.testing.assert_close(change, torch.tensor([[[2.0, 0.0], [6.0, 0.0], [10.0, 0.0]]]))


def test_relation_of_the_release_by_hand():
    trmm = TRMM(2, 2)
    set_linear(trmm.receiver, [[1.0, 0.0], [0.0, -1.0]])
    set_linear(trmm.source, [[0.0, 0.0], [0.0, 0.5]])

    relation = trmm.relation(TEXT)

    # means of the rectified over the three classes: a = (3, 0), b = (0, 2)
    tanh = torch.tanh(torch.tensor([3.0, 1.0, 0.0, -2.0])).view(2, 2)  # a_u - b_d
    expected = [[tanh[u, 0] * x + tanh[u, 1] * y for u in (0, 1)] for x, y in TEXT.tolist()]
    torch.testing.assert_close(relation, torch.tensor(expected))


def test_relation_of_the_paper_by_hand():
    trmm = PaperTRMM(2, 3)
    set_linear(trmm.receiver, [[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    set_linear(trmm.source, [[0.5, 0.0], [0.0, 1.0]])

    relation = trmm.relation(torch.tensor([[2.0, -2.0]]))

    # a = (2, 0, 4), b = (1, 0); tanh(a_u - b_c), times (2, -2)
    tanh = torch.tanh(torch.tensor([[1.0, 2.0], [-1.0, 0.0], [3.0, 4.0]]))
    torch.testing.assert_close(relation, (2 * tanh[:, 0] - 2 * tanh[:, 1])[None])


def test_text_that_all_clips_share_is_related_to_itself_once_and_comes_to_the_same():
    torch.manual_seed(0)
    trmm = TRMM(6, 8)
    text, joints = torch.randn(5, 8), torch.randn(4, 3, 6)
    seen = []
    trmm.receiver.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))

    once = trmm(text, joints)
    per_clip = trmm(text.expand(4, -1, -1), joints)

    assert seen == [(5, 8), (4, 5, 8)]
    torch.testing.assert_close(once, per_clip)


def layer_by_layer(trmm, text, condition):
    """TRMM of the release, class by class and clip by clip (specs/hpnet.md D.5)."""
    change = torch.zeros(len(condition), *text.shape)
    for clip, features in enumerate(condition):
        gamma, beta = trmm.film.gamma(features), trmm.film.beta(features)
        a = torch.stack([trmm.receiver(row) for row in text]).mean(0)
        b = torch.stack([trmm.source(row) for row in text]).mean(0)
        for place, row in enumerate(text):
            relation = [sum(row[d] * torch.tanh(a[u] - b[d]) for d in range(len(b))) for u in range(len(a))]
            change[clip, place] = gamma * row + beta + torch.stack(relation)
    return change


def test_trmm_is_that_of_the_fact_sheet():
    torch.manual_seed(0)
    trmm = TRMM(6, 8)
    text, joints = torch.randn(5, 8), torch.randn(4, 3, 6)

    torch.testing.assert_close(trmm(text, joints), layer_by_layer(trmm, text, joints.mean(1)))


def test_attention_to_joints_that_are_all_alike_is_their_value():
    torch.manual_seed(0)
    attention = CrossAttention(6, 8)
    joints = torch.randn(4, 1, 6)

    change = attention(torch.randn(5, 8), joints.expand(-1, 3, -1))

    expected = attention.out(attention.value(joints))
    torch.testing.assert_close(change, expected.expand(-1, 5, -1))


def test_attention_turns_to_the_joint_that_answers_the_class():
    attention = CrossAttention(2, 2)
    for layer in (attention.query, attention.key, attention.value, attention.out):
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)
    text = torch.tensor([[60.0, 0.0], [0.0, 60.0]])

    change = attention(text, torch.eye(2)[None])

    torch.testing.assert_close(change, torch.eye(2)[None])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_classes", [1, 7])
def test_every_modulation_has_a_change_per_clip_and_class(name, num_classes):
    torch.manual_seed(0)
    modulation = MODULATIONS[name](6, 64)
    joints = torch.randn(3, 17, 6)
    text = torch.randn(num_classes, 64)

    change = modulation(text, joints)

    assert change.shape == (3, num_classes, 64)
    torch.testing.assert_close(modulation(text, joints[1:2]), change[1:2])  # clips do not see each other
    torch.testing.assert_close(modulation(text.expand(3, -1, -1), joints), change)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_a_modulation_gets_a_gradient(name):
    torch.manual_seed(0)
    modulation = MODULATIONS[name](16, 64)

    modulation(torch.randn(5, 64), torch.randn(3, 17, 16)).square().sum().backward()

    # a bias of keys has none: softmax does not see what all keys share
    without = [
        key for key, parameter in modulation.named_parameters() if not parameter.grad.abs().max() > 1e-4
    ]
    assert without == (["key.bias"] if name == "cross_attention" else [])


def test_projection_is_two_layers_without_anything_between_them():
    layers = projection(3, 4, is_rectified=False)

    assert [type(layer) for layer in layers] == [nn.Linear, nn.Linear]
    assert [type(layer) for layer in projection(3, 4, is_rectified=True)] == [nn.Linear, nn.Linear, nn.ReLU]


def test_parameters_of_trmm_in_the_fact_sheet():
    assert round(sum(p.numel() for p in TRMM(768, 512).parameters()) / 1e6, 3) == 2.363
