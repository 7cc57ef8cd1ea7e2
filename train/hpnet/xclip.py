"""X-CLIP's video and text encoders and CLIP's tokenizer: the only file that imports transformers.

Every parameter keeps transformers' name, so that its checkpoints fit as they are. The parts of X-CLIP that
HP-Net does without (``prompts_*``) are dropped.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from transformers import CLIPTokenizer, XCLIPConfig, XCLIPModel
from transformers.initialization import no_init_weights

from train.hpnet.hub import VOCABULARY, WEIGHTS, PretrainedError, find_folder

START, END = "<|startoftext|>", "<|endoftext|>"
# what follows from the sizes, or is the same for all, of either encoder's configuration
_FIXED = (
    "num_attention_heads", "intermediate_size", "mit_hidden_size", "mit_num_attention_heads",
    "mit_intermediate_size", "hidden_act", "layer_norm_eps", "num_channels",
)  # fmt: skip
_DAMAGED = (SafetensorError, pickle.UnpicklingError)
# text -> ids from START to END, both included
Tokenizer = Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of both encoders; the defaults are X-CLIP's B/16 for 8 frames (specs/hpnet.md D.2, D.3).

    Attention heads are 64 wide, as everywhere in CLIP, and feed-forward layers four times as wide as theirs.

    Args:
        image_size: side of a frame in pixels; patch_size: of a patch.
        num_frames: T.
        video_width, video_layers: of the vision transformer.
        embed_dim: E, of video and text features, and width of the multi-frame integration transformer.
        mit_layers: layers of that.
        vocab_size, context_length: tokens there are; tokens of a text.
        text_width, text_layers: of the text transformer.
    """

    image_size: int = 224
    patch_size: int = 16
    num_frames: int = 8
    video_width: int = 768
    video_layers: int = 12
    embed_dim: int = 512
    mit_layers: int = 1
    vocab_size: int = 49_408
    context_length: int = 77
    text_width: int = 512
    text_layers: int = 12

    def __post_init__(self) -> None:
        for name in ("video_width", "embed_dim", "text_width"):
            if getattr(self, name) <= 0 or getattr(self, name) % 64:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected a multiple of 64, width of a head"
                )
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size is {self.image_size}; expected a multiple of patch_size {self.patch_size}"
            )


class VideoEncoder(nn.Module):
    """Frames (B, T, 3, H, W), normalised, to video features (B, E); not of length 1."""

    def __init__(self, model: XCLIPModel) -> None:
        super().__init__()
        self.vision_model = model.vision_model
        self.visual_projection = model.visual_projection
        self.mit = model.mit

    @property
    def num_features(self) -> int:
        """E."""
        return int(self.visual_projection.out_features)

    def forward(self, frames: Tensor) -> Tensor:
        """Encode every frame, with messages between frames, and integrate them over time.

        Raises:
            ValueError: frames of another number or size than the model was built for.
        """
        config = self.vision_model.config
        expected = (config.num_frames, config.num_channels, config.image_size, config.image_size)
        if frames.ndim != 5 or frames.shape[1:] != expected:
            raise ValueError(
                f"the frames are {tuple(frames.shape)}; this encoder takes clips of {expected}: "
                "(frames, channels, height, width)"
            )
        of_frames = self.visual_projection(self.vision_model(frames.flatten(0, 1)).pooler_output)
        video: Tensor = self.mit(of_frames.unflatten(0, frames.shape[:2])).pooler_output
        return video


class TextEncoder(nn.Module):
    """Token ids (K, L), padded with 0, to text features (K, E); not of length 1. Always frozen."""

    def __init__(self, model: XCLIPModel) -> None:
        super().__init__()
        self.text_model = model.text_model
        self.text_projection = model.text_projection
        self.requires_grad_(False)

    @property
    def context_length(self) -> int:
        return int(self.text_model.config.max_position_embeddings)

    @property
    def vocab_size(self) -> int:
        return int(self.text_model.config.vocab_size)

    @torch.no_grad()
    def forward(self, ids: Tensor) -> Tensor:
        """Take the features at END, the largest id of each row; what comes after it has no influence."""
        features: Tensor = self.text_projection(self.text_model(ids).pooler_output)
        return features


@dataclass(frozen=True, slots=True)
class Encoders:
    """The two encoders, and the factor of their features' cosine, a scalar."""

    video: VideoEncoder
    text: TextEncoder
    scale: Tensor


def make_encoders(sizes: Sizes) -> Encoders:
    """Build encoders with random weights."""
    return _parts(XCLIPModel(_config(sizes)))


def empty_encoders(sizes: Sizes) -> Encoders:
    """Build encoders for weights that will be loaded: theirs are whatever was in memory."""
    with no_init_weights():  # drawing those of B/16 takes seconds
        return make_encoders(sizes)


def _config(sizes: Sizes) -> XCLIPConfig:
    vision = {
        "image_size": sizes.image_size, "patch_size": sizes.patch_size, "num_frames": sizes.num_frames,
        "hidden_size": sizes.video_width, "intermediate_size": 4 * sizes.video_width,
        "num_hidden_layers": sizes.video_layers, "num_attention_heads": sizes.video_width // 64,
        "mit_hidden_size": sizes.embed_dim, "mit_intermediate_size": 4 * sizes.embed_dim,
        "mit_num_hidden_layers": sizes.mit_layers, "mit_num_attention_heads": sizes.embed_dim // 64,
    }  # fmt: skip
    text = {
        "vocab_size": sizes.vocab_size, "max_position_embeddings": sizes.context_length,
        "hidden_size": sizes.text_width, "intermediate_size": 4 * sizes.text_width,
        "num_hidden_layers": sizes.text_layers, "num_attention_heads": sizes.text_width // 64,
    }  # fmt: skip
    return XCLIPConfig(
        vision_config=vision, text_config=text, projection_dim=sizes.embed_dim, prompt_layers=0,
        prompt_num_attention_heads=sizes.embed_dim // 64,
    )  # fmt: skip


def sizes_of(name: str) -> Sizes:
    """Read the sizes of pre-trained encoders, of a folder or of the hub.

    Raises:
        PretrainedError: they cannot be had, are no X-CLIP's, or are of a network that ``make_encoders`` would
            build otherwise when the trained weights are asked; says what differs.
    """
    folder = find_folder(name, WEIGHTS)
    try:
        config = XCLIPConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PretrainedError(f"{name}: config.json is none of X-CLIP ({error})") from error
    video, text = config.vision_config, config.text_config
    try:
        sizes = Sizes(
            image_size=video.image_size,
            patch_size=video.patch_size,
            num_frames=video.num_frames,
            video_width=video.hidden_size,
            video_layers=video.num_hidden_layers,
            embed_dim=config.projection_dim,
            mit_layers=video.mit_num_hidden_layers,
            vocab_size=text.vocab_size,
            context_length=text.max_position_embeddings,
            text_width=text.hidden_size,
            text_layers=text.num_hidden_layers,
        )
    except ValueError as error:
        raise PretrainedError(f"{name}: {error}") from error
    ours = _config(sizes)
    differing = [
        f"{kind} {choice} is {found}; expected {expected}"
        for kind, theirs, built in (("video", video, ours.vision_config), ("text", text, ours.text_config))
        for choice in _FIXED
        if (found := getattr(theirs, choice, None)) != (expected := getattr(built, choice, None))
    ]
    if differing:
        raise PretrainedError(
            f"{name}: {', '.join(differing)} (heads are 64 wide, feed-forward layers four times as wide as "
            "their model). Choose the weights of another X-CLIP"
        )
    return sizes


def load_encoders(name: str) -> Encoders:
    """Load pre-trained encoders, of a folder or of the hub; both sizes and weights are theirs.

    Args:
        name: such as ``microsoft/xclip-base-patch16-kinetics-600``, the published start of HP-Net.

    Raises:
        PretrainedError: they cannot be had, or are no X-CLIP's.
    """
    folder = find_folder(name, WEIGHTS)
    try:
        # transformers takes the file's type, and half precision cannot be trained
        model, report = XCLIPModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, EOFError, *_DAMAGED) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise PretrainedError(
            f"{name}: no X-CLIP model of transformers ({first_line}); expected config.json and "
            "weights such as those of microsoft/xclip-base-patch16-kinetics-600"
        ) from error
    # transformers draws what a file lacks, and goes on
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("prompts_")):
        raise PretrainedError(
            f"{name}: the weights lack {len(missing)} tensors, such as {missing[0]}; they are not "
            "those of X-CLIP (a CLIP model for images does not do)"
        )
    return _parts(model)


def _parts(model: XCLIPModel) -> Encoders:
    return Encoders(VideoEncoder(model), TextEncoder(model), model.logit_scale.detach().exp())


def load_tokenizer(name: str) -> Tokenizer:
    """Load CLIP's tokenizer with the vocabulary of a folder or of the hub.

    Raises:
        PretrainedError: there is none; the message says which files to put where.
    """
    folder = find_folder(name, VOCABULARY)
    return _as_function(CLIPTokenizer.from_pretrained(folder, local_files_only=True), name)


def letter_tokenizer() -> Tokenizer:
    """Return CLIP's tokenizer without any merges: a token per byte, so it needs no vocabulary from elsewhere.

    514 tokens: each byte within a word and at its end, and, the largest, START and END.
    """
    letters = sorted(ByteLevel.alphabet())  # in any order: no weights know it
    words = [*letters, *(f"{letter}</w>" for letter in letters), START, END]
    return _as_function(CLIPTokenizer({word: place for place, word in enumerate(words)}, []), "letters")


def num_tokens(tokenize: Tokenizer) -> int:
    """Return how many tokens a vocabulary has; END is the last one."""
    return tokenize("")[-1] + 1


def _as_function(tokenizer: CLIPTokenizer, name: str) -> Tokenizer:
    size = len(tokenizer)
    # without its files transformers makes one that knows no words, and goes on
    if (tokenizer.bos_token_id, tokenizer.eos_token_id) != (size - 2, size - 1):
        raise PretrainedError(
            f"{name}: of {size} tokens, {START} is {tokenizer.bos_token_id} and {END} is "
            f"{tokenizer.eos_token_id}; expected the vocabulary of CLIP, in which they come last"
        )
    return lambda text: list(tokenizer(text)["input_ids"])
