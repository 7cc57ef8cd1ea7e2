"""The authors' state dicts (OpenAI's and X-CLIP's names) in our modules' terms; sizes are read off them.

X-CLIP's own checkpoints have the same names without the skeleton's, so the published start of training
(``k600_16_8.pth``) is read here too.
"""

import re
from collections.abc import Mapping
from math import isqrt

from torch import Tensor

from train.hpnet.smclm import BONE, JOINT, MOTION
from train.hpnet.xclip import Sizes
from train.models.author_weights import ctrgcn_from_authors

State = Mapping[str, Tensor]

_PAIR = ("weight", "bias")
_BLOCK = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
_GRAPHS = {JOINT: ("GCN1", "ske_fc1"), MOTION: ("GCN2", "ske_fc2"), BONE: ("GCN3", "ske_fc3")}
_TRMM = {"film.gamma": "fc_gamma", "film.beta": "fc_beta", "receiver": "fc1", "source": "fc2"}


def sizes_from_authors(state: State) -> Sizes:
    """Return the sizes of the encoders that a state dict is of.

    Raises:
        ValueError: a tensor is missing.
    """
    old = _Old(state)
    patches = old["visual.conv1.weight"]
    side = isqrt(len(old["visual.positional_embedding"]) - 1)
    return Sizes(
        image_size=side * patches.shape[-1],
        patch_size=patches.shape[-1],
        num_frames=old["mit.positional_embedding"].shape[1],
        video_width=len(patches),
        video_layers=old.num_blocks("visual.transformer"),
        embed_dim=old["visual.proj"].shape[1],
        mit_layers=old.num_blocks("mit"),
        vocab_size=len(old["token_embedding.weight"]),
        context_length=len(old["positional_embedding"]),
        text_width=old["token_embedding.weight"].shape[1],
        text_layers=old.num_blocks("transformer"),
    )


def graph_width_from_authors(state: State) -> int:
    """Return how many channels the first blocks of the graph models have.

    Raises:
        ValueError: a tensor is missing.
    """
    return _Old(state)["GCN1.l1.tcn1.branches.0.0.weight"].shape[1]


def video_from_authors(state: State) -> dict[str, Tensor]:
    """Return the state dict of ``VideoEncoder``.

    Raises:
        ValueError: a tensor is missing.
    """
    old, ours = _Old(state), "vision_model"
    new = {
        f"{ours}.embeddings.class_embedding": old["visual.class_embedding"],
        f"{ours}.embeddings.patch_embedding.weight": old["visual.conv1.weight"],
        f"{ours}.embeddings.position_embedding.weight": old["visual.positional_embedding"],
        "visual_projection.weight": old["visual.proj"].T,
        "mit.position_embedding": old["mit.positional_embedding"],
    }
    new |= old.pair(f"{ours}.pre_layernorm", "visual.ln_pre")
    new |= old.pair(f"{ours}.post_layernorm", "visual.ln_post")
    new |= old.blocks("mit.encoder", "mit")
    new |= old.blocks(f"{ours}.encoder", "visual.transformer")
    for place in range(old.num_blocks("visual.transformer")):
        layer, block = f"{ours}.encoder.layers.{place}", f"visual.transformer.resblocks.{place}"
        new |= old.pair(f"{layer}.message_fc", f"{block}.message_fc")
        new |= old.pair(f"{layer}.message_ln", f"{block}.message_ln")
        new |= old.attention(f"{layer}.message_attn", f"{block}.message_attn")
    return new


def text_from_authors(state: State) -> dict[str, Tensor]:
    """Return the state dict of ``TextEncoder``.

    Raises:
        ValueError: a tensor is missing.
    """
    old, ours = _Old(state), "text_model"
    new = {
        f"{ours}.embeddings.token_embedding.weight": old["token_embedding.weight"],
        f"{ours}.embeddings.position_embedding.weight": old["positional_embedding"],
        "text_projection.weight": old["text_projection"].T,
    }
    new |= old.pair(f"{ours}.final_layer_norm", "ln_final")
    return new | old.blocks(f"{ours}.encoder", "transformer")


def trmm_from_authors(state: State) -> dict[str, Tensor]:
    """Return the state dict of ``TRMM``; its ``film`` entries are those of ``FiLM``.

    Raises:
        ValueError: a tensor is missing.
    """
    old = _Old(state)
    new: dict[str, Tensor] = {}
    for ours, theirs in _TRMM.items():
        for layer in (0, 1):
            new |= old.pair(f"{ours}.{layer}", f"{theirs}.{layer}")
    return new


def hpnet_from_authors(state: State, text: Tensor, *, num_persons: int = 2) -> dict[str, Tensor]:
    """Return the state dict of ``HPNet`` with three streams and "trmm".

    The classifiers inside their graph models, which they do not use, are dropped.

    Args:
        state: the authors' tensors; a prefix "module." is taken off.
        text: (K, E), of their text encoder.
        num_persons: M of their model.

    Raises:
        ValueError: a tensor is missing.
    """
    old = _Old(state)
    new = {"text": text, "scale": old["logit_scale"].exp()}
    new |= {f"video.{name}": value for name, value in video_from_authors(state).items()}
    new |= {f"modulation.{name}": value for name, value in trmm_from_authors(old.below("ske_film.")).items()}
    for stream, (graph, head) in _GRAPHS.items():
        theirs = old.below(f"{graph}.") | {f"fc.{part}": old[f"{head}.{part}"] for part in _PAIR}
        new |= {
            f"skeleton.graphs.{stream}.{name}": value
            for name, value in ctrgcn_from_authors(theirs, num_persons=num_persons).items()
        }
    return new


class _Old:
    """An authors' state dict that says what is missing."""

    def __init__(self, state: State) -> None:
        self.state = {re.sub(r"^module\.", "", name): value for name, value in state.items()}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.state:
            raise ValueError(f"the weights have no {name!r}: they are not those of this network")
        return self.state[name]

    def below(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin so, without it."""
        return {
            name.removeprefix(prefix): value for name, value in self.state.items() if name.startswith(prefix)
        }

    def pair(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """Return a weight and a bias."""
        return {f"{ours}.{part}": self[f"{theirs}.{part}"] for part in _PAIR}

    def num_blocks(self, theirs: str) -> int:
        """Count a transformer's blocks."""
        pattern = re.compile(rf"{re.escape(theirs)}\.resblocks\.(\d+)\.")
        return len({found[1] for name in self.state if (found := pattern.match(name))})

    def blocks(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """Return all blocks of a transformer, but for messages."""
        new: dict[str, Tensor] = {}
        for place in range(self.num_blocks(theirs)):
            layer, block = f"{ours}.layers.{place}", f"{theirs}.resblocks.{place}"
            for their_part, our_part in _BLOCK.items():
                new |= self.pair(f"{layer}.{our_part}", f"{block}.{their_part}")
            new |= self.attention(f"{layer}.self_attn", f"{block}.attn")
        return new

    def attention(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """Take queries, keys and values apart."""
        new = self.pair(f"{ours}.out_proj", f"{theirs}.out_proj")
        for part in _PAIR:
            stacked = self[f"{theirs}.in_proj_{part}"].chunk(3)
            new |= {f"{ours}.{name}_proj.{part}": value for name, value in zip("qkv", stacked, strict=True)}
        return new
