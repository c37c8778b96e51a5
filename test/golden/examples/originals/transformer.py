"""The model of examples/12-transformer.ts. Attention is PyTorch's module, which needs no weights here and is fused."""

import math

import torch
from torch import nn

C, H, WIDE, L, CONTEXT = 128, 4, 512, 2, 64


class Sublayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(C)

    def forward(self, x, sublayer):
        return self.norm(x + sublayer(x))


def attention():
    return nn.MultiheadAttention(C, H, batch_first=True)


def feed_forward():
    return nn.Sequential(nn.Linear(C, WIDE), nn.ReLU(), nn.Linear(WIDE, C))


class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attention, self.feed_forward = attention(), feed_forward()
        self.sublayers = nn.ModuleList([Sublayer(), Sublayer()])

    def forward(self, x, padding):
        x = self.sublayers[0](x, lambda x: self.self_attention(x, x, x, key_padding_mask=padding, need_weights=False)[0])
        return self.sublayers[1](x, self.feed_forward)


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attention, self.cross_attention, self.feed_forward = attention(), attention(), feed_forward()
        self.sublayers = nn.ModuleList([Sublayer(), Sublayer(), Sublayer()])

    def forward(self, x, memory, padding, future):
        x = self.sublayers[0](
            x, lambda x: self.self_attention(x, x, x, attn_mask=future, need_weights=False, is_causal=True)[0]
        )
        x = self.sublayers[1](
            x, lambda x: self.cross_attention(x, memory, memory, key_padding_mask=padding, need_weights=False)[0]
        )
        return self.sublayers[2](x, self.feed_forward)


class Transformer(nn.Module):
    def __init__(self, source_words, target_words):
        super().__init__()
        self.source_embedding, self.target_embedding = nn.Embedding(source_words, C), nn.Embedding(target_words, C)
        positions = torch.arange(CONTEXT).double()[:, None] / 10000 ** (torch.arange(0, C, 2).double() / C)
        self.register_buffer("positions", torch.stack([positions.sin(), positions.cos()], -1).flatten(1).float())
        self.register_buffer("future", torch.ones(CONTEXT, CONTEXT).triu(1).bool())
        self.encoder = nn.ModuleList([EncoderLayer() for _ in range(L)])
        self.decoder = nn.ModuleList([DecoderLayer() for _ in range(L)])
        self.generator = nn.Linear(C, target_words)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def encode(self, source, padding):
        x = self.source_embedding(source) * math.sqrt(C) + self.positions[: source.shape[1]]
        for layer in self.encoder:
            x = layer(x, padding)
        return x

    def decode(self, memory, padding, target):
        T = target.shape[1]
        x = self.target_embedding(target) * math.sqrt(C) + self.positions[:T]
        for layer in self.decoder:
            x = layer(x, memory, padding, self.future[:T, :T])
        return self.generator(x)

    def forward(self, source, target):
        padding = source == 0
        return self.decode(self.encode(source, padding), padding, target)
