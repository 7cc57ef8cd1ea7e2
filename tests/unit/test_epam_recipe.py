"""EPAM-Net's recipes, their stages, and what a test may choose."""

import pytest

from train.config import RecipeError
from train.epam.recipe import EpamRecipe, PoseRecipe, RgbRecipe
from train.method import choices_for, make_recipe


def test_defaults_are_published():
    # specs/epam.md D.3: 0.001 * 24 / 16; D.4: 0.4 * 24 / 256
    joint, pose, rgb = (make_recipe({"stream": name}) for name in ("epam", "xshift_pose", "xshift_rgb"))

    assert (joint.epochs, joint.lr, joint.weight_decay, joint.clip_norm) == (10, 0.0015, 3e-4, 40)
    assert (pose.epochs, pose.lr, pose.weight_decay) == (240, 0.0375, 3e-4)
    assert (rgb.epochs, rgb.lr, rgb.weight_decay) == (180, 0.0375, 1e-4)
    assert {recipe.batch_size for recipe in (joint, pose, rgb)} == {24}
    assert (joint.pose_steps, joint.rgb_steps, joint.size, joint.num_views) == (48, 16, 56, 1)


def test_each_stage_has_its_own_rate_and_shares_the_rest():
    joint = make_recipe(
        {
            "stream": "epam",
            "seed": 3,
            "width": 8,
            "pose_epochs": 7,
            "rgb_lr": 0.5,
            "num_views": 10,
            "hold_out": 0.3,
        }
    )

    pose, rgb = joint.stages()

    assert pose == PoseRecipe(seed=3, width=8, epochs=7, hold_out=0.3)
    assert rgb == RgbRecipe(seed=3, width=8, epochs=180, lr=0.5, hold_out=0.3)
    assert pose.stages() == rgb.stages() == ()


def test_a_recipe_is_also_that_of_its_streams():
    choices = {"stream": "epam", "width": 8, "pose_epochs": 7, "rgb_lr": 0.5, "fusion": "softmax_mean"}
    pose, rgb = make_recipe(choices).stages()

    assert make_recipe(choices_for("xshift_pose", choices)) == pose
    assert make_recipe(choices_for("xshift_rgb", choices)) == rgb
    for stream in ("epam", "hpj"):  # which is none of its streams, and refused as before
        assert choices_for(stream, choices) is choices
    without_name = {"width": 8}
    assert choices_for("xshift_rgb", without_name) is without_name
    none_of_it = choices | {"pose_epochs": 0}
    assert choices_for("xshift_pose", none_of_it) is none_of_it


def test_a_stage_of_no_epochs_is_left_out():
    assert [stage.stream for stage in EpamRecipe(pose_epochs=0).stages()] == ["xshift_rgb"]
    assert EpamRecipe(pose_epochs=0, rgb_epochs=0).stages() == ()


def test_the_3d_network_has_its_own_width():
    recipe = make_recipe({"stream": "xshift_pose", "model": "slowonly"})

    assert (recipe.width, recipe.epochs, recipe.lr) == (32, 240, 0.0375)


def test_graph_models_have_no_stages():
    recipe = make_recipe({})

    assert (recipe.stages(), recipe.clip_norm, recipe.of_the_test()) == ((), None, ("mirror_test",))


def test_a_saved_recipe_is_the_same_recipe():
    recipe = make_recipe({"stream": "epam", "attention": "none", "fusion": "softmax_mean", "epochs": 3})

    assert make_recipe(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"rgb_steps": 7}, "48 pose steps for 7 RGB steps; expected a multiple"),
        ({"phase": 3}, "phase is 3; expected 0 to 2, below pose_steps / rgb_steps"),
        ({"size": 0}, "size is 0; expected more than 0"),
        ({"flip": 1.5}, r"flip is 1.5; expected a probability in \[0, 1\]"),
        ({"rgb_share": -0.5}, r"rgb_share is -0.5; expected a share in \[0, 1\]"),
        ({"attention": "full"}, "attention is 'full'; expected one of nested, none"),
        ({"model": "slowonly"}, "model is slowonly and stream epam; expected stream xshift_pose, for"),
        ({"model": "x3d"}, "model is 'x3d'; expected one of xshift, slowonly"),
        ({"clip_norm": 0}, "clip_norm is 0.0; expected more than 0"),
        ({"stream": "xshift_rgb", "attention": "none"}, "'attention' is no choice of a recipe"),
        ({"stream": "xshift"}, "there is no stream 'xshift'; expected one of .*, xshift_rgb, epam"),
    ],
)
def test_what_means_nothing_is_refused(choices, message):
    with pytest.raises(RecipeError, match=message):
        make_recipe({"stream": "epam"} | choices)
