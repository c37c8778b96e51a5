"""The Transformer that translates: its logits, and a step of training. Attention is PyTorch's module, which needs no weights and is fused."""

import math

import torch
from torch import nn
from torch.nn import functional as F

B, S, T, C, H, WIDE, L = 64, 16, 16, 128, 4, 512, 2
SOURCE, TARGET = 1966, 1078


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
    def __init__(self):
        super().__init__()
        self.source_embedding, self.target_embedding = nn.Embedding(SOURCE, C), nn.Embedding(TARGET, C)
        positions = torch.arange(64).double()[:, None] / 10000 ** (torch.arange(0, C, 2).double() / C)
        self.register_buffer("positions", torch.stack([positions.sin(), positions.cos()], -1).flatten(1).float())
        self.register_buffer("future", torch.ones(T, T).triu(1).bool())
        self.encoder = nn.ModuleList([EncoderLayer() for _ in range(L)])
        self.decoder = nn.ModuleList([DecoderLayer() for _ in range(L)])
        self.generator = nn.Linear(C, TARGET)

    def forward(self, source, target):
        padding = source == 0
        memory = self.source_embedding(source) * math.sqrt(C) + self.positions[: source.shape[1]]
        for layer in self.encoder:
            memory = layer(memory, padding)
        x = self.target_embedding(target) * math.sqrt(C) + self.positions[: target.shape[1]]
        for layer in self.decoder:
            x = layer(x, memory, padding, self.future)
        return self.generator(x)


def draw():
    torch.manual_seed(1)
    model = Transformer()
    for p in model.parameters():
        if p.dim() > 1:
            nn.init.xavier_uniform_(p)

    def sentences(vocabulary, length):
        ids = torch.randint(1, vocabulary, (B, length))
        return ids * (torch.arange(length) < torch.randint(8, length + 1, (B, 1)))

    return model, sentences(SOURCE, S), sentences(TARGET, T + 1)


def forward():
    model, source, target = draw()
    return lambda: model(source, target[:, :-1])


def training():
    model, source, target = draw()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def step():
        logits = model(source, target[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step
