"""Additive, dot, general and scaled dot attention on the same query, key and value of six positions."""

import math

import torch
from torch import nn

T, D, hidden = 6, 16, 32


def forward():
    torch.manual_seed(42)
    query, key, value = torch.randn(1, T, D), torch.randn(1, T, D), torch.randn(1, T, D)
    W, U, v = nn.Linear(D, hidden, bias=False), nn.Linear(D, hidden, bias=False), nn.Linear(hidden, 1, bias=False)
    general = nn.Linear(D, D, bias=False)

    def call():
        pairs = W(query).unsqueeze(2) + U(key).unsqueeze(1)
        dot = query @ key.transpose(-2, -1)
        scores = [
            v(torch.tanh(pairs)).squeeze(-1),
            dot,
            query @ general(key).transpose(-2, -1),
            dot / math.sqrt(D),
        ]
        return [torch.softmax(each, dim=-1) @ value for each in scores]

    return call
