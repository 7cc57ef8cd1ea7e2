"""What is said of classes, and its tokens; the tokenizer counts letters."""

import pytest
import torch
from torch import nn

from train.hpnet.text import TextError, class_texts, read_descriptions, text_features, token_rows
from train.hpnet.xclip import letter_tokenizer

START, END = 98, 99


def letters(text):
    return [START, *(ord(letter) - ord("a") for letter in text), END]


def test_name_alone_is_the_published_text():
    assert class_texts(["Walk", "Cook.Cleandishes"]) == ["Walk", "Cook.Cleandishes"]


def test_template_and_descriptions():
    descriptions = {"wave": "a raised hand moves", "clap": "palms meet {}", "jump": "not asked for"}

    assert class_texts(["wave"], template="a video of {}.") == ["a video of wave."]
    assert class_texts(["clap", "wave"], template="{}!", descriptions=descriptions) == [
        "palms meet {}!",
        "a raised hand moves!",
    ]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["a", "b"], {"descriptions": {"a": "x"}}, "1 of 2 classes have no text: 'b'"),
        (["a", "b"], {"descriptions": {"a": "x", "b": " "}}, "1 of 2 classes have no text: 'b'"),
        (["a"], {"template": "a video"}, "'a video' is the same for all classes"),
    ],
)
def test_class_that_nothing_can_be_said_of(names, options, message):
    with pytest.raises(TextError, match=message):
        class_texts(names, **options)


def test_descriptions_are_read(tmp_path):
    path = tmp_path / "said.json"
    path.write_text('{"wave": "a raised hand moves"}')

    assert read_descriptions(path) == {"wave": "a raised hand moves"}


@pytest.mark.parametrize(
    ("content", "message"),
    [("wave: hand", "no JSON"), ('["wave"]', "expected an object"), ('{"wave": 1}', "expected an object")],
)
def test_file_that_holds_no_descriptions(tmp_path, content, message):
    path = tmp_path / "said.json"
    path.write_text(content)

    with pytest.raises(TextError, match=message):
        read_descriptions(path)


def test_tokens_are_padded_with_0():
    rows = token_rows(["ba", ""], letters, length=5)

    assert rows.tolist() == [[START, 1, 0, END, 0], [START, END, 0, 0, 0]]
    assert rows.dtype == torch.int64


def test_text_that_is_too_long_is_named():
    assert token_rows(["bab"], letters, length=5).shape == (1, 5)
    with pytest.raises(TextError, match="'baba' has 6 tokens; the text encoder takes 5"):
        token_rows(["ba", "baba"], letters, length=5)


@pytest.mark.parametrize(
    ("text", "same"), [("put on", "put  on"), ("put on", "Put on "), ("a, b", "a , b"), ("on", "on")]
)
def test_texts_that_are_the_same_tokens_are_refused(text, same):
    """Of spaces and capitals CLIP's tokenizer makes nothing."""
    with pytest.raises(TextError, match=f"the texts '{text}' and '{same}' of two classes have the same tok"):
        token_rows([text, "put off", same], letter_tokenizer(), length=12)


def test_features_are_without_gradient():
    encoder = nn.Embedding(100, 3)

    features = text_features(encoder, token_rows(["ba"], letters, length=4))

    assert features.shape == (1, 4, 3)
    assert not features.requires_grad
