"""The authors' names and layouts in ours, against the fact sheet's formulas; HP-Net's own: tests/golden."""

import pytest
import torch

from tests.authors_xclip import AuthorsXClip
from train.hpnet.author_weights import (
    sizes_from_authors,
    text_from_authors,
    trmm_from_authors,
    video_from_authors,
)
from train.hpnet.modulation import TRMM
from train.hpnet.xclip import Sizes, make_encoders

pytestmark = pytest.mark.usefixtures("one_thread")

# no two numbers alike that could be mistaken for each other
SIZES = Sizes(
    image_size=12, patch_size=4, num_frames=3, video_width=128, video_layers=2, embed_dim=64, mit_layers=2,
    vocab_size=20, context_length=7, text_width=192, text_layers=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def authors():
    torch.manual_seed(0)
    return AuthorsXClip(SIZES).eval()


def test_sizes_are_read_off(authors):
    assert sizes_from_authors(authors.state_dict()) == SIZES


def test_encoders_give_the_same_numbers(authors):
    state = {f"module.{name}": value for name, value in authors.state_dict().items()}
    encoders = make_encoders(sizes_from_authors(state))
    frames = torch.randn(2, 3, 3, 12, 12)
    ids = torch.tensor([[18, 3, 4, 19, 0, 0, 0], [18, 5, 19, 0, 0, 0, 0]])

    encoders.video.load_state_dict(video_from_authors(state))
    encoders.text.load_state_dict(text_from_authors(state))

    with torch.no_grad():
        video, expected = encoders.video(frames), authors.video(frames)
        torch.testing.assert_close(video, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(encoders.text(ids), authors.text(ids), atol=1e-4, rtol=1e-4)


def test_prompts_of_x_clip_are_left_out(authors):
    prompts = {"prompts_visual_proj": torch.zeros(128, 64), "prompts_generator.alpha": torch.zeros(64)}

    with_prompts = video_from_authors(authors.state_dict() | prompts)

    assert with_prompts.keys() == video_from_authors(authors.state_dict()).keys()


def test_a_clip_model_for_images_is_refused(authors):
    of_images = {name: value for name, value in authors.state_dict().items() if not name.startswith("mit.")}

    with pytest.raises(
        ValueError, match=r"no 'mit\.positional_embedding': they are not those of this network"
    ):
        sizes_from_authors(of_images)


def test_trmm_by_name():
    theirs = {
        f"{name}.{layer}.{part}": torch.full((4, 4) if part == "weight" else (4,), float(number))
        for number, (name, layer, part) in enumerate(
            (name, layer, part)
            for name in ("fc_gamma", "fc_beta", "fc1", "fc2")
            for layer in (0, 1)
            for part in ("weight", "bias")
        )
    }
    trmm = TRMM(4, 4)

    trmm.load_state_dict(trmm_from_authors(theirs))

    order = [trmm.film.gamma, trmm.film.beta, trmm.receiver, trmm.source]
    found = [float(layers[layer].bias.detach()[0]) for layers in order for layer in (0, 1)]
    assert found == [1, 3, 5, 7, 9, 11, 13, 15]
