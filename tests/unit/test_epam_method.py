"""What EPAM-Net's method makes of logits, losses and steps; worked out by hand."""

from math import log
from types import SimpleNamespace

import pytest
import torch

from train.epam.method import EpamMethod
from train.epam.model import EPAMLogits, epam_loss, mean_of_views, stream_scores
from train.method import make_recipe, method_of


def test_one_view_is_left_as_it_is():
    logits = torch.tensor([[1.0, -3], [5, 0]])

    assert mean_of_views(logits, 2) is logits


def test_probabilities_of_views_are_averaged():
    # 0.9 and 0.5 of the first class; one sure view does not outvote the others as a large logit would
    logits = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.4, 0.6]]).log() + 7

    torch.testing.assert_close(mean_of_views(logits, 2).exp(), torch.tensor([[0.7, 0.3], [0.3, 0.7]]))


def test_scores_of_both_streams():
    logits = EPAMLogits(torch.tensor([[0.0, log(3)]]), torch.tensor([[log(9), 0.0]]))

    torch.testing.assert_close(stream_scores(logits), torch.tensor([[log(9), log(3)]]))
    # 1/4 and 3/4 of RGB, 9/10 and 1/10 of the pose
    probabilities = stream_scores(logits, "softmax_mean", rgb_share=0.8).exp()
    torch.testing.assert_close(probabilities, torch.tensor([[0.38, 0.62]]))
    sure = EPAMLogits(torch.tensor([[0.0, 2000.0]]), torch.tensor([[0.0, 2000.0]]))
    assert stream_scores(sure, "softmax_mean").isfinite().all()


def test_both_losses_count_alike():
    logits = EPAMLogits(torch.zeros(2, 4), torch.tensor([[0.0, log(3)], [log(3), 0.0]]))

    # of four equal classes log 4; of the other 1/4 and 3/4: half of log 4 and log 4/3
    expected = log(4) + (log(4) + log(4 / 3)) / 2
    assert float(epam_loss(logits, torch.tensor([0, 0]))) == pytest.approx(expected)


def test_attention_is_of_the_poses_whose_frames_are_seen():
    recipe = make_recipe({"stream": "epam", "width": 8, "phase": 2})

    model = EpamMethod(recipe).model(SimpleNamespace(class_names=("sit", "stand"), joint_names=("hand",)))

    assert model.phase == 2


def test_the_rate_falls_as_a_cosine_step_by_step():
    method = method_of(make_recipe({"stream": "epam", "epochs": 4, "lr": 0.2}))
    warm = method_of(make_recipe({"stream": "epam", "epochs": 4, "lr": 0.2, "warmup_epochs": 2}))

    # 12 steps in all
    assert [method.rates(step=step, steps_per_epoch=3)[0] for step in (0, 6, 12)] == pytest.approx(
        [0.2, 0.1, 0]
    )
    assert [warm.rates(step=step, steps_per_epoch=3)[0] for step in (0, 3, 6)] == pytest.approx(
        [0.1, 0.2, 0.1]
    )


def test_fewer_clips_are_scored_together_where_each_has_more_views():
    assert EpamMethod(make_recipe({"stream": "epam"})).test_batch == 16
    assert EpamMethod(make_recipe({"stream": "epam", "num_views": 3, "mirror_test": "true"})).test_batch == 2
    assert EpamMethod(make_recipe({"stream": "epam", "num_views": 40})).test_batch == 1


def test_all_parameters_decay_and_none_looks_ahead():
    recipe = make_recipe({"stream": "epam"})
    optimizer = EpamMethod(recipe).optimizer(torch.nn.BatchNorm2d(3))

    (group,) = optimizer.param_groups
    assert (len(group["params"]), group["lr"], group["weight_decay"]) == (2, 0.0015, 3e-4)
    assert (group["momentum"], group["nesterov"]) == (0.9, False)
