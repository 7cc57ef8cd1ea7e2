"""Recipes and learning rates, worked out by hand."""

import json

import pytest

from train.config import RecipeError, parse_choices, parse_recipe
from train.graph_recipe import GraphRecipe
from train.method import make_recipe
from train.run import split_batch
from train.schedule import learning_rate


def rates(recipe, epochs, steps_per_epoch=2):
    return [
        learning_rate(recipe, step=epoch * steps_per_epoch, steps_per_epoch=steps_per_epoch)
        for epoch in epochs
    ]


def test_default_is_the_published_recipe():
    # specs/ctrgcn.md 6: warm-up lr (e + 1) / 5, then a tenth from epoch 35 and 55 on
    recipe = make_recipe({})

    assert (recipe.epochs, recipe.batch_size, recipe.momentum, recipe.weight_decay) == (65, 64, 0.9, 4e-4)
    assert rates(recipe, [0, 3, 4, 5, 34, 35, 54, 55, 64]) == pytest.approx(
        [0.02, 0.08, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )


def test_rate_is_constant_within_an_epoch_of_steps_and_falls_within_one_of_cosine():
    steps, cosine = make_recipe({}), make_recipe({"model": "stgcnpp"})

    assert learning_rate(steps, step=71, steps_per_epoch=2) == learning_rate(
        steps, step=70, steps_per_epoch=2
    )
    # 80 epochs of 2 steps: all at 0, half at 80, none at 160
    assert [learning_rate(cosine, step=step, steps_per_epoch=2) for step in (0, 80, 160)] == pytest.approx(
        [0.1, 0.05, 0.0]
    )


def test_each_model_has_its_own_recipe():
    assert make_recipe({"model": "mixformer"}).steps == (35, 55, 75)
    assert make_recipe({"model": "mixformer", "epochs": 50}).steps == (18, 28, 38)


def test_steps_move_with_the_epochs_unless_they_are_chosen():
    assert make_recipe({"epochs": 13}).steps == (7, 11)
    assert make_recipe({"epochs": 13}).warmup_epochs == 1
    assert make_recipe({"epochs": 13, "steps": "9"}).steps == (9,)


def test_words_become_values():
    choices = parse_choices(
        ["lr=1e-2", "epochs=3", "steps=1,2", "copy_person=true", "tap=none", "model=stgcnpp"]
    )

    recipe = make_recipe(choices)

    assert (recipe.lr, recipe.epochs, recipe.steps, recipe.copy_person, recipe.tap, recipe.model) == (
        0.01, 3, (1, 2), True, None, "stgcnpp"
    )  # fmt: skip


def test_a_saved_recipe_is_the_same_recipe():
    recipe = make_recipe({"model": "mixformer", "lr": 0.2, "tap": "net.b[1]", "epochs": 7})

    assert make_recipe(parse_recipe(json.dumps(recipe.to_json()), "recipe.json")) == recipe


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"learning_rate": 1}, "'learning_rate' is no choice of a recipe; choose from stream, model, seed"),
        ({"epochs": "many"}, "epochs is 'many'; expected a whole number"),
        ({"epochs": True}, "epochs is True; expected a whole number"),
        ({"stream": "hp"}, "there is no stream 'hp'; expected one of hpj, .*hpnet"),
        (
            {"stream": "hpnet", "momentum": 0.9},
            "'momentum' is no choice of a recipe; choose from stream, model",
        ),
        ({"stream": "hpnet", "freeze_video": True, "fusion": "none"}, "nothing would learn"),
        ({"stream": "hpnet", "model": "tcn"}, "model is 'tcn'; expected one of ctrgcn, mixformer, stgcnpp"),
        ({"stream": "hpnet", "patch_size": 0}, "patch_size is 0; expected more than 0"),
        ({"stream": "hpnet", "video_layers": -1}, "video_layers is -1; expected 0 or more"),
        ({"stream": "hpnet", "min_lr": 1}, "min_lr is 1.0; expected at most lr"),
        ({"stream": "hpnet", "flip": 2}, r"flip is 2.0; expected a probability in \[0, 1\]"),
        ({"stream": "hpnet", "cutmix_alpha": 0}, "cutmix_alpha is 0.0; expected more than 0"),
        ({"at_once": 0}, "at_once is 0; expected 1 or more, or none"),
        ({"lr": 0}, "lr is 0.0; expected more than 0"),
        ({"select_on": "train"}, "select_on is 'train'; expected one of none, validation, test"),
        ({"steps": "5,3"}, r"steps are \[5, 3\]; expected epochs in rising order"),
        ({"width": "wide"}, "width is 'wide'; expected a whole number or none"),
        ({"copy_person": "maybe"}, "copy_person is 'maybe'; expected true or false"),
        ({"hold_out": 1}, "hold_out is 1.0; expected a share between 0 and 1"),
        ({"num_frames": 0}, "num_frames is 0; expected 1 or more, or none"),
        ({"mixup": -1}, "mixup is -1.0; expected 0 or more"),
        (
            {"mirror": 0.5},
            "mirror, turn, scale, mirror_test or face_others with pose_unit pixels; expected pose_unit body",
        ),
        ({"face_others": True}, "expected pose_unit body"),
        ({"pose_unit": "body", "absence": "zeros"}, "pose_unit is body and absence zeros; expected hold"),
    ],
)
def test_what_means_nothing_is_refused(choices, message):
    with pytest.raises(RecipeError, match=message):
        make_recipe(choices)


@pytest.mark.parametrize(
    ("devices", "at_once", "parts"), [(1, None, (64, 1)), (4, None, (16, 1)), (1, 4, (4, 16)), (4, 4, (4, 4))]
)
def test_a_batch_is_cut_for_devices_and_their_memory(devices, at_once, parts):
    assert split_batch(GraphRecipe(at_once=at_once), devices) == parts


def test_a_batch_that_cannot_be_cut_is_refused():
    with pytest.raises(RecipeError, match="batch_size is 64 and is shared by 3 devices; expected a multiple"):
        split_batch(GraphRecipe(), 3)
    with pytest.raises(RecipeError, match="64, 32 on each device, and at_once 5; expected a multiple of 5"):
        split_batch(GraphRecipe(at_once=5), 2)


def test_a_stream_names_its_kind_of_recipe():
    recipe = make_recipe({"stream": "hpnet", "epochs": "12", "encoder": "none"})

    # specs/hpnet.md D.7: 5 of 30 epochs of warm-up, 64 clips a step, 4 at once
    assert (recipe.warmup_epochs, recipe.batch_size, recipe.at_once, recipe.encoder) == (2, 64, 4, None)
    assert make_recipe(parse_recipe(json.dumps(recipe.to_json()), "recipe.json")) == recipe


def test_a_word_without_a_value_is_refused():
    with pytest.raises(RecipeError, match="'lr' is no choice; expected name=value"):
        parse_choices(["lr"])


@pytest.mark.parametrize("text", ["lr: 0.1", "[1]"])
def test_a_file_that_is_no_recipe_is_refused(text):
    with pytest.raises(RecipeError, match=r"recipe\.json: .*; expected an object"):
        parse_recipe(text, "recipe.json")


def test_defaults_are_typed():
    assert GraphRecipe() == make_recipe({})
