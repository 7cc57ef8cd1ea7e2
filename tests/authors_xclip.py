"""X-CLIP layer by layer (specs/hpnet.md D.2, D.3), under the names that the authors' checkpoints have."""

from collections import OrderedDict

import torch
from torch import nn


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Of a transformer over tokens (B, L, width)."""

    def __init__(self, width):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // 64, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        layers = [
            ("c_fc", nn.Linear(width, 4 * width)),
            ("gelu", QuickGELU()),
            ("c_proj", nn.Linear(4 * width, width)),
        ]
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x, mask=None):
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class MessageBlock(Block):
    """Each frame sends a message, messages exchange between frames, each frame reads its own."""

    def __init__(self, width, num_frames):
        super().__init__(width)
        self.num_frames = num_frames
        self.message_fc, self.message_ln = nn.Linear(width, width), nn.LayerNorm(width)
        self.message_attn = nn.MultiheadAttention(width, width // 64, batch_first=True)

    def forward(self, x, mask=None):
        messages = self.message_fc(x[:, 0]).view(-1, self.num_frames, x.shape[2])
        normed = self.message_ln(messages)
        messages = messages + self.message_attn(normed, normed, normed, need_weights=False)[0]
        longer = torch.cat([x, messages.flatten(0, 1)[:, None]], 1)
        normed = self.ln_1(longer)
        longer = longer + self.attn(normed, normed, normed, need_weights=False)[0]
        x = longer[:, :-1]
        return x + self.mlp(self.ln_2(x))


def blocks(*made):
    module = nn.Module()
    module.resblocks = nn.ModuleList(made)
    return module


class AuthorsXClip(nn.Module):
    """Both encoders; all weights are drawn, none is left at 0 or 1."""

    def __init__(self, sizes):
        super().__init__()
        width, embed, text = sizes.video_width, sizes.embed_dim, sizes.text_width
        patches = (sizes.image_size // sizes.patch_size) ** 2
        self.visual = nn.Module()
        self.visual.conv1 = nn.Conv2d(3, width, sizes.patch_size, sizes.patch_size, bias=False)
        self.visual.class_embedding = nn.Parameter(torch.empty(width))
        self.visual.positional_embedding = nn.Parameter(torch.empty(patches + 1, width))
        self.visual.ln_pre, self.visual.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        layers = [MessageBlock(width, sizes.num_frames) for _ in range(sizes.video_layers)]
        self.visual.transformer = blocks(*layers)
        self.visual.proj = nn.Parameter(torch.empty(width, embed))
        self.mit = blocks(*(Block(embed) for _ in range(sizes.mit_layers)))
        self.mit.positional_embedding = nn.Parameter(torch.empty(1, sizes.num_frames, embed))
        self.token_embedding = nn.Embedding(sizes.vocab_size, text)
        self.positional_embedding = nn.Parameter(torch.empty(sizes.context_length, text))
        self.transformer = blocks(*(Block(text) for _ in range(sizes.text_layers)))
        self.ln_final = nn.LayerNorm(text)
        self.text_projection = nn.Parameter(torch.empty(text, embed))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.ndim:
                    parameter.normal_(std=0.3)

    def video(self, frames):
        visual = self.visual
        x = visual.conv1(frames.flatten(0, 1)).flatten(2).transpose(1, 2)
        first = visual.class_embedding.expand(len(x), 1, -1)
        x = visual.ln_pre(torch.cat([first, x], 1) + visual.positional_embedding)
        for block in visual.transformer.resblocks:
            x = block(x)
        of_frames = (visual.ln_post(x[:, 0]) @ visual.proj).view(*frames.shape[:2], -1)
        y = of_frames + self.mit.positional_embedding
        for block in self.mit.resblocks:
            y = block(y)
        return (y + of_frames).mean(1)

    def text(self, ids):
        x = self.token_embedding(ids) + self.positional_embedding
        length = x.shape[1]
        mask = torch.full((length, length), float("-inf")).triu(1)  # no token sees a later one
        for block in self.transformer.resblocks:
            x = block(x, mask)
        return self.ln_final(x)[torch.arange(len(x)), ids.argmax(1)] @ self.text_projection
