"""X-CLIP's encoders and CLIP's tokenizer through transformers; no network, random weights."""

import itertools
import json

import pytest
import torch
from torch import nn
from transformers import XCLIPConfig, XCLIPModel

from store.exchange.skeletons import coco_17
from tests.authors_xclip import AuthorsXClip
from train.hpnet.encoders import encoder_sizes, find_tokenizer, first_encoders
from train.hpnet.hub import PretrainedError
from train.hpnet.model import HPNet
from train.hpnet.smclm import SMCLM, SMCLM_STREAMS
from train.hpnet.text import text_features, token_rows
from train.hpnet.xclip import (
    END,
    START,
    Sizes,
    empty_encoders,
    letter_tokenizer,
    load_encoders,
    load_tokenizer,
    make_encoders,
    sizes_of,
)
from train.method import make_recipe
from train.models import build_model

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = Sizes(
    image_size=8, patch_size=4, num_frames=2, video_width=64, video_layers=1, embed_dim=64, vocab_size=514,
    context_length=12, text_width=64, text_layers=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return make_encoders(TINY)


def num_parameters(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def in_millions(*modules, digits=2):
    return round(num_parameters(*modules) / 1e6, digits)


def test_parameters_of_the_fact_sheet():
    with torch.device("meta"):
        encoders = make_encoders(Sizes())
        graphs = {
            stream: build_model(
                "ctrgcn", in_channels=96, num_frames=64, num_persons=2, skeleton=coco_17(), num_classes=31
            )
            for stream in SMCLM_STREAMS
        }
        skeleton = SMCLM(graphs)
        model = HPNet(encoders.video, torch.empty(31, 512), encoders.scale, skeleton=skeleton, fusion="trmm")
    video, text = encoders.video, encoders.text
    messages = [value for name, value in video.named_parameters() if "message_" in name]
    heads = [graph.classify for graph in skeleton.graphs.values()]
    unused = 3 * (256 * 31 + 31)  # classifiers in the authors' graph models, beside the heads

    assert in_millions(video.vision_model, video.visual_projection) == 121.65
    assert round(sum(value.numel() for value in messages) / 1e6, 2) == 35.45
    block = 4 * (512 * 512 + 512) + (512 * 2048 + 2048) + (2048 * 512 + 512) + 2 * 2 * 512
    assert num_parameters(video.mit) == block + 8 * 512 == 3_156_480  # the sheet's 3.157 M, rounded up
    assert in_millions(text) == 63.43
    assert in_millions(text.text_model.encoder) == 37.83
    assert in_millions(text.text_model.embeddings.token_embedding) == 25.30
    assert in_millions(text.text_projection) == 0.26
    assert in_millions(text.text_model.embeddings.position_embedding) == 0.04
    assert [in_millions(graph, digits=3) for graph in graphs.values()] == [1.467] * 3
    assert in_millions(model.modulation, digits=3) == 2.363
    assert [in_millions(head, digits=3) for head in heads] == [0.008] * 3
    assert round((num_parameters(model) + unused) / 1e6, 2) == 131.59  # trainable
    assert round((num_parameters(model, text) + unused + 1) / 1e6, 2) == 195.02  # and the logit scale


def test_video_features_depend_on_every_frame_and_their_order(tiny):
    frames = torch.randn(3, 2, 3, 8, 8)

    with torch.no_grad():
        video = tiny.video(frames)
        last = tiny.video(torch.cat([frames[:, :1], frames[:, 1:] + 1], 1))
        turned = tiny.video(frames.flip(1))
        alone = tiny.video(frames[1:2])

    assert video.shape == (3, 64)
    assert tiny.video.num_features == 64
    assert not torch.allclose(video, last, atol=1e-3)
    assert not torch.allclose(video, turned, atol=1e-3)
    torch.testing.assert_close(alone, video[1:2])


def test_frames_of_another_size_are_refused(tiny):
    with pytest.raises(ValueError, match=r"frames are \(3, 2, 3, 16, 16\).*clips of \(2, 3, 8, 8\)"):
        tiny.video(torch.zeros(3, 2, 3, 16, 16))
    with pytest.raises(ValueError, match=r"frames are \(3, 4, 3, 8, 8\)"):
        tiny.video(torch.zeros(3, 4, 3, 8, 8))


def test_text_is_frozen_and_ends_at_its_end(tiny):
    rows = token_rows(["wave", "wave hand"], letter_tokenizer(), length=tiny.text.context_length)
    longer = rows.clone()
    longer[0, 8:] = 7  # after the end

    features = text_features(tiny.text, rows)

    assert features.shape == (2, 64)
    assert not features.requires_grad
    assert not any(parameter.requires_grad for parameter in tiny.text.parameters())
    torch.testing.assert_close(text_features(tiny.text, longer), features)
    assert not torch.allclose(features[0], features[1], atol=1e-3)


def test_scale_starts_at_clips(tiny):
    assert tiny.scale == pytest.approx(1 / 0.07, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_width": 100}, "text_width is 100; expected a multiple of 64"),
        ({"image_size": 10}, "image_size is 10"),
    ],
)
def test_sizes_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        Sizes(**{**{"image_size": 8, "patch_size": 4}, **options})


def test_letters_need_no_vocabulary():
    tokenize = letter_tokenizer()

    first, second = tokenize("Put ON a hat/cap"), tokenize("put on  a hat/cap")

    assert first == second
    assert len(first) == 2 + len("putonahat/cap")
    assert (first[0], first[-1]) == (512, 513)
    assert tokenize("手")[1:-1] != tokenize("足")[1:-1]  # three bytes each


# ids of CLIP's vocabulary (specs/hpnet.md D.3); the words around them are made up here
VECTORS = {
    "drink water": [49406, 3979, 1573, 49407],
    "put on a hat/cap": [49406, 1983, 525, 320, 3801, 270, 3938, 49407],
    "Walk": [49406, 2374, 49407],
    "Cook.Cleandishes": [49406, 5977, 269, 3572, 11412, 49407],
}
WORDS = {
    3979: "drink</w>", 1573: "water</w>", 1983: "put</w>", 525: "on</w>", 320: "a</w>", 3801: "hat</w>",
    270: "/</w>", 3938: "cap</w>", 2374: "walk</w>", 5977: "cook</w>", 269: ".</w>", 3572: "clean",
    11412: "dishes</w>",
}  # fmt: skip


def write_vocabulary(folder):
    """A vocabulary in which these words have CLIP's ids; each is merged letter by letter from its start."""
    tokens = {word: place for place, word in WORDS.items()} | {START: 49406, END: 49407}
    names, merges = [], {}
    for word in WORDS.values():
        letters = [*word.removesuffix("</w>")]
        letters[-1] += word[len(letters) :]
        starts = list(itertools.accumulate(letters))
        names += letters + starts
        merges |= {f"{start} {letter}": None for start, letter in zip(starts, letters[1:], strict=False)}
    free = sorted(set(range(49408)) - set(tokens.values()))
    fillers = [*dict.fromkeys(names), *(f"unused {place}" for place in free)]
    new = [name for name in fillers if name not in tokens]
    tokens |= dict(zip(new, free, strict=False))
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(tokens))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))


def test_tokens_of_the_fact_sheet(tmp_path):
    write_vocabulary(tmp_path / "clip")

    tokenize = load_tokenizer(str(tmp_path / "clip"))

    assert {text: tokenize(text) for text in VECTORS} == VECTORS


def test_vocabulary_of_something_else_is_refused(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({START: 0, END: 1, "a": 2, "b": 3}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")

    with pytest.raises(
        PretrainedError, match=r"of 4 tokens, .* is 0 and .* is 1; expected the vocabulary of CLIP"
    ):
        load_tokenizer(str(tmp_path))


def test_vocabulary_that_is_not_the_encoders_is_refused(tmp_path):
    """Its tokens would be others' words, and nothing else would tell."""
    write_vocabulary(tmp_path / "clip")
    recipe = make_recipe({"stream": "hpnet", "encoder": "somebody/xclip", "tokenizer": "letters"})
    own = make_recipe({"stream": "hpnet", "tokenizer": str(tmp_path / "clip")})

    with pytest.raises(
        PretrainedError, match="letters: the text encoder knows 49408 tokens, the vocabulary has 514; name"
    ):
        find_tokenizer(recipe, vocab_size=49408)
    assert find_tokenizer(own, vocab_size=49408)("Walk") == VECTORS["Walk"]


def test_random_encoder_knows_the_tokens_of_whatever_vocabulary(tmp_path):
    write_vocabulary(tmp_path / "clip")
    random = {"stream": "hpnet", "encoder": None}

    assert encoder_sizes(make_recipe(random)).vocab_size == 514
    assert encoder_sizes(make_recipe(random | {"tokenizer": str(tmp_path / "clip")})).vocab_size == 49408


def test_folder_without_the_files_says_which_belong_there(tmp_path):
    with pytest.raises(
        PretrainedError, match=r"holds nothing; expected vocab.json \+ merges.txt or tokenizer"
    ):
        load_tokenizer(str(tmp_path))
    (tmp_path / "vocab.json").touch()
    with pytest.raises(
        PretrainedError, match=r"holds vocab.json; expected config.json \+ model.safetensors or"
    ):
        load_encoders(str(tmp_path))


def test_encoders_for_weights_that_will_be_loaded_are_not_drawn(tiny, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(nn.init, "kaiming_uniform_", lambda *_, **__: pytest.fail("a layer is drawn"))
        empty = empty_encoders(TINY)
    assert make_encoders(TINY).video.visual_projection.weight.std() > 0  # others are, as before
    empty.video.load_state_dict(tiny.video.state_dict())
    empty.text.load_state_dict(tiny.text.state_dict())
    frames, rows = torch.randn(3, 2, 3, 8, 8), torch.tensor([[512, 5, 513, 0], [512, 513, 0, 0]])

    with torch.no_grad():
        assert torch.equal(empty.video(frames), tiny.video(frames))
        assert torch.equal(empty.text(rows), tiny.text(rows))
    assert torch.equal(empty.scale, tiny.scale)


def whole_model(encoders):
    """The same sizes, with the parts that HP-Net does without."""
    vision, text = encoders.video.vision_model.config, encoders.text.text_model.config
    config = XCLIPConfig(
        vision_config=vision.to_dict(), text_config=text.to_dict(), projection_dim=64, prompt_layers=1
    )
    return XCLIPModel(config)


def test_pretrained_folder_brings_sizes_and_weights(tiny, tmp_path):
    model = whole_model(tiny)
    nn.init.constant_(model.logit_scale, 2.0)
    model.save_pretrained(tmp_path)

    loaded = load_encoders(str(tmp_path))

    for ours, theirs in (
        (loaded.video.vision_model, model.vision_model),
        (loaded.video.mit, model.mit),
        (loaded.text.text_model, model.text_model),
    ):
        expected = theirs.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in ours.state_dict().items())
    assert loaded.scale == pytest.approx(7.389, abs=1e-3)
    assert not any(parameter.requires_grad for parameter in loaded.text.parameters())
    assert not any("prompts" in name for name in loaded.video.state_dict())


@pytest.mark.parametrize(
    ("part", "changed", "message"),
    [
        # widths of other parts are 128 too, and theirs have two heads
        ("vision", {"mit_num_attention_heads": 1}, "video mit_num_attention_heads is 1; expected 2"),
        ("vision", {"num_attention_heads": 1}, "video num_attention_heads is 1; expected 2"),
        ("text", {"num_attention_heads": 4}, "text num_attention_heads is 4; expected 2"),
        ("vision", {"mit_hidden_size": 64}, "video mit_hidden_size is 64; expected 128"),
        ("vision", {"intermediate_size": 256}, "video intermediate_size is 256; expected 512"),
        ("vision", {"mit_intermediate_size": 128}, "video mit_intermediate_size is 128; expected 512"),
        ("text", {"hidden_act": "gelu"}, "text hidden_act is gelu; expected quick_gelu"),
        ("text", {"hidden_size": 100}, "text_width is 100; expected a multiple of 64"),
    ],
)
def test_configuration_of_another_network_is_refused(tmp_path, part, changed, message):
    """Only the sizes are kept, so evaluation would build another network than was trained."""
    of_two_heads = {"hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512}
    of_mit = {"mit_hidden_size": 128, "mit_num_attention_heads": 2, "mit_intermediate_size": 512}
    parts = {"vision": of_two_heads | of_mit, "text": of_two_heads}
    (tmp_path / "model.safetensors").touch()

    def save(vision, text):
        XCLIPConfig(vision_config=vision, text_config=text, projection_dim=128).save_pretrained(tmp_path)

    save(**parts)
    assert sizes_of(str(tmp_path)).text_width == 128
    save(**parts | {part: parts[part] | changed})
    with pytest.raises(PretrainedError, match=message):
        sizes_of(str(tmp_path))


def test_weights_of_half_precision_learn_in_fp32(tiny, tmp_path):
    whole_model(tiny).half().save_pretrained(tmp_path)

    loaded = load_encoders(str(tmp_path))

    for part in (loaded.video, loaded.text):
        assert {value.dtype for value in part.parameters()} == {torch.float32}
    assert loaded.scale.dtype == torch.float32


def test_weights_that_lack_something_are_refused(tiny, tmp_path):
    model = whole_model(tiny)
    state = {name: value for name, value in model.state_dict().items() if "message_" not in name}
    model.save_pretrained(tmp_path, state_dict=state)

    # a linear layer, a norm, and the four projections of attention, each with its bias
    with pytest.raises(
        PretrainedError, match=r"the weights lack 12 tensors, such as vision_model\..*message_"
    ):
        load_encoders(str(tmp_path))


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_damaged_weights_are_refused(tiny, tmp_path, file):
    tiny.video.vision_model.config.save_pretrained(tmp_path)
    (tmp_path / file).write_bytes(b"nothing")

    with pytest.raises(PretrainedError, match="no X-CLIP model of transformers"):
        load_encoders(str(tmp_path))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        # a CLIP model for images
        ({"mit.positional_embedding": None}, r"k\.pth: the weights have no 'mit\.positional_embedding'"),
        (
            {"ln_final.weight": torch.ones(7)},
            r"k\.pth: size mismatch for text_model\.final_layer_norm\.weight",
        ),
        ({"visual.proj": torch.ones(64, 100)}, r"k\.pth: embed_dim is 100; expected a multiple of 64"),
        ({"logit_scale": None}, r"k\.pth: no weights of X-CLIP by name"),
    ],
)
def test_file_of_another_network_is_named(tmp_path, changed, message):
    state = AuthorsXClip(TINY).state_dict() | {"logit_scale": torch.tensor(2.0)} | changed
    torch.save({name: value for name, value in state.items() if value is not None}, tmp_path / "k.pth")
    recipe = make_recipe({"stream": "hpnet", "encoder": str(tmp_path / "k.pth")})

    with pytest.raises(PretrainedError, match=message):
        first_encoders(recipe)


def test_file_without_names_is_refused(tmp_path):
    torch.save({0: torch.ones(2)}, tmp_path / "k.pth")

    with pytest.raises(PretrainedError, match=r"k\.pth: no weights of X-CLIP by name"):
        encoder_sizes(make_recipe({"stream": "hpnet", "encoder": str(tmp_path / "k.pth")}))
