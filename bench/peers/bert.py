"""BERT as one writes it in PyTorch: LayerNorm behind each sublayer, exact GELU; it gives the last hidden states and the pattern of each layer."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, hidden):
        B, T, C = x.shape
        q, k, v = (w(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for w in (self.query, self.key, self.value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        if hidden is not None:
            scores = scores.masked_fill(hidden, -math.inf)
        pattern = scores.softmax(-1)
        x = self.attention_norm(x + self.output((pattern @ v).transpose(1, 2).reshape(B, T, C)))
        return self.feed_forward_norm(x + self.contract(F.gelu(self.expand(x)))), pattern


class Bert(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.tokens, self.positions, self.kinds = (nn.Embedding(n, width) for n in (vocabulary, context, 2))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, ids, kinds, hidden=None):
        x = self.norm(self.tokens(ids) + self.kinds(kinds) + self.positions(torch.arange(ids.shape[1])))
        patterns = []
        for block in self.blocks:
            x, pattern = block(x, hidden)
            patterns.append(pattern)
        return x, patterns
