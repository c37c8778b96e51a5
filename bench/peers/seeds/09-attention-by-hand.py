"""The function `attention` on four positions, with its weights."""

import math

import torch


def attention(query, key, value):
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.size(-1))
    p_attn = scores.softmax(dim=-1)
    return torch.matmul(p_attn, value), p_attn


def forward():
    torch.manual_seed(42)
    query, key, value = torch.randn(1, 4, 64), torch.randn(1, 4, 64), torch.randn(1, 4, 64)
    return lambda: attention(query, key, value)
