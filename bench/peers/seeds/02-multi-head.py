"""Multi-head attention on 32 sentences of 10 words, as a module and in Keras' form."""

import math

import torch
from torch import nn

B, T, C, H = 32, 10, 64, 4
D = C // H


class MultiHeadAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(C, C) for _ in range(4))

    def forward(self, x):
        q = self.query(x).view(B, T, H, D).transpose(1, 2)
        k = self.key(x).view(B, T, H, D).transpose(1, 2)
        v = self.value(x).view(B, T, H, D).transpose(1, 2)
        pattern = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(D), dim=-1)
        return self.output((pattern @ v).transpose(1, 2).contiguous().view(B, T, C))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (dense() for _ in range(4))

    def forward(self, x):
        q, k, v = (w(x).reshape(-1, T, H, D).permute(0, 2, 1, 3) for w in (self.query, self.key, self.value))
        weights = torch.softmax(q @ k.mT / math.sqrt(D), dim=-1)
        return self.output((weights @ v).permute(0, 2, 1, 3).reshape(-1, T, C))


def dense():
    layer = nn.Linear(C, C)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _call(make):
    torch.manual_seed(42)
    x = torch.randn(B, T, C)
    attention = make()
    return lambda: attention(x)


def forward():
    return _call(MultiHeadAttention)


def forwardKeras():
    return _call(Functional)
