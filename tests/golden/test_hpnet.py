"""HP-Net and its modulations with the authors' weights against golden/models; tolerances from meta.json."""

import json

import numpy as np
import pytest
import torch

from store.exchange.skeletons import coco_17
from tests.golden.shared_data import shared
from train.hpnet.author_weights import (
    graph_width_from_authors,
    hpnet_from_authors,
    sizes_from_authors,
    text_from_authors,
    trmm_from_authors,
)
from train.hpnet.model import HPNet
from train.hpnet.modulation import TRMM, FiLM
from train.hpnet.smclm import SMCLM, SMCLM_STREAMS
from train.hpnet.text import text_features
from train.hpnet.xclip import make_encoders
from train.models import build_model

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("one_thread")]

LETTERS = dict(zip(SMCLM_STREAMS, ("j", "jm", "b"), strict=True))


def golden(case):
    folder = shared(f"golden/models/{case}")
    with np.load(folder / "io.npz") as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    meta = json.loads((folder / "meta.json").read_text())
    return torch.load(folder / "weights.pt", weights_only=True), arrays, meta["tolerance"]


@pytest.mark.parametrize("text", ["text", "text_shared"])
def test_modulations_of_the_release(text):
    weights, arrays, tolerance = golden("trmm_film")
    trmm, film = TRMM(768, 512), FiLM(768, 512)
    ours = trmm_from_authors(weights)
    suffix = text.removeprefix("text")

    trmm.load_state_dict(ours)
    film.load_state_dict({key.removeprefix("film."): value for key, value in ours.items() if "film." in key})
    with torch.no_grad():
        outputs = {
            name: module(arrays[text], arrays["condition"][:, None])
            for name, module in (("trmm", trmm), ("film", film))
        }

    torch.testing.assert_close(outputs["trmm"], arrays[f"trmm{suffix}_out"], **tolerance)
    torch.testing.assert_close(outputs["film"], arrays[f"film{suffix}_out"], **tolerance)


def hpnet_of_authors(weights, arrays, **options):
    """The network of a state dict, its sizes read off it, with the text features of ``text_ids``."""
    encoders = make_encoders(sizes_from_authors(weights))
    encoders.text.load_state_dict(text_from_authors(weights))
    text = text_features(encoders.text, arrays["text_ids"])
    _, channels, frames, _, persons = arrays["j"].shape
    graphs = {
        stream: build_model(
            "ctrgcn", in_channels=channels, num_frames=frames, num_persons=persons, skeleton=coco_17(),
            num_classes=len(text), width=graph_width_from_authors(weights),
        )
        for stream in SMCLM_STREAMS
    }  # fmt: skip
    model = HPNet(encoders.video, text, encoders.scale, skeleton=SMCLM(graphs, **options), fusion="trmm")
    model.load_state_dict(hpnet_from_authors(weights, text, num_persons=persons))
    return model.eval()


@pytest.mark.parametrize("mode", ["eval_clean", "as_released"])
def test_authors_weights_give_the_authors_numbers(mode):
    weights, arrays, tolerance = golden("hpnet_tiny")
    model = hpnet_of_authors(weights, arrays, has_batch_statistics=mode == "as_released")
    streams = {stream: arrays[letter] for stream, letter in LETTERS.items()}
    seen = {}
    model.video.register_forward_hook(lambda module, inputs, output: seen.update(video=output))
    model.skeleton.register_forward_hook(lambda module, inputs, output: seen.update(skeleton=output))
    model.modulation.register_forward_hook(lambda module, inputs, output: seen.update(trmm=output))

    with torch.no_grad():
        scores = model(arrays["images"], streams)

    gcn = seen["skeleton"].joints.mean(1).chunk(3, 1)
    found = {
        "text_features": model.text, "video_features": seen["video"], "trmm": seen["trmm"],
        "logits": scores.logits,
        **{f"gcn_{letter}": part for letter, part in zip(LETTERS.values(), gcn, strict=True)},
        **{f"logits_{letter}": scores.auxiliary[stream] for stream, letter in LETTERS.items()},
    }  # fmt: skip
    assert {name.partition(".")[2] for name in arrays if name.startswith(f"{mode}.")} - found.keys() <= {
        "gcn1_data_bn_running_mean_after"
    }
    for name, value in found.items():
        torch.testing.assert_close(value, arrays[f"{mode}.{name}"], **tolerance)
    before = hpnet_from_authors(weights, model.text)["skeleton.graphs.hpj.norm.running_mean"]
    after = model.skeleton.graphs["hpj"].norm.running_mean
    if mode == "as_released":
        published = arrays["as_released.gcn1_data_bn_running_mean_after"]
        by_slot = published.view(2, 17, 96).transpose(1, 2).flatten(1)  # (person, joint, channel) is theirs
        torch.testing.assert_close(after, by_slot, **tolerance)
    else:
        assert torch.equal(after, before)


def test_a_tensor_that_is_missing_is_named():
    weights, arrays, _ = golden("hpnet_tiny")
    del weights["visual.transformer.resblocks.1.message_ln.bias"]

    with pytest.raises(ValueError, match=r"no 'visual\.transformer\.resblocks\.1\.message_ln\.bias'"):
        hpnet_of_authors(weights, arrays)


def test_nothing_that_the_authors_use_is_dropped():
    weights, _, _ = golden("hpnet_tiny")
    unused = json.loads((shared("golden/models/hpnet_tiny") / "meta.json").read_text())["unused_keys"]

    text = text_from_authors(weights)
    model = hpnet_from_authors(weights, torch.empty(0))

    theirs = sum(
        value.numel() for key, value in weights.items() if key not in unused and "num_batches" not in key
    )
    ours = sum(value.numel() for key, value in (text | model).items() if "num_batches" not in key)
    assert ours == theirs
